"""What happens on the forges, and who has to be told what: nobody else may be told anything."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from src.demo import reviewed
from src.demo.forge import Change, CommitSpec
from src.demo.script.page import Page
from src.demo.script.stage import CORE, LANDER, ROCKET, Stage
from src.demo.script.walks import turn_reviews_on

# Words that a message has to hold, all of them.
Words = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One step: `told` has a chat's messages in order; whoever is not in it is told nothing."""

    title: str
    act: Callable[[Stage], Awaitable[object]]
    told: Mapping[str, tuple[Words, ...]] = field(default_factory=dict)
    because: str  # why these and no others
    before: Callable[[Stage, Page], Awaitable[None]] | None = None  # what people press first
    reviews: tuple[str, str, int] | None = None  # kind, project and number of what is reviewed: shown as it is then
    status: int = 202  # the relay's answer to each webhook of the step
    in_excerpt: bool = False  # whether the README shows it


_GAUGE = Change(path="engine/gauge.py", status="added", patch="@@ -0,0 +1 @@\n+LITRES = 40\n")
_FUEL = "Fuel gauge for the second tank"
_LEGS = "Landing legs fold by themselves"
_OUTSIDER = b'{"action": "opened", "zen": "Let me in."}'


async def _redeliver(stage: Stage) -> None:
    """GitHub's button "Redeliver" on the delivery of the merge."""
    await stage.github.redeliver(stage.kept["merge"])


async def _forge_a_delivery(stage: Stage) -> None:
    """Somebody who knows the hook's address and not its secret."""
    hook = stage.github.hooks(ROCKET)[0]
    headers = {
        "X-GitHub-Event": "pull_request",
        "X-GitHub-Delivery": "00000000-0000-4000-8000-000000000000",
        "X-Hub-Signature-256": "sha256=" + "0" * 64,
        "Content-Type": "application/json",
    }
    await stage.post(hook.url.removeprefix(stage.relay), "pull_request", _OUTSIDER, headers)


async def _merge(stage: Stage) -> None:
    await stage.github.merge(ROCKET, "ann", 1)
    stage.kept["merge"] = stage.github.deliveries[0]


SCENES: tuple[Scene, ...] = (
    Scene(
        title="GitHub: Ann opens a pull request and asks Bob and the team acme/core for a review",
        act=lambda s: s.github.open_pull_request(
            ROCKET,
            "ann",
            _FUEL,
            body="Shows litres, not percent.",
            source="fuel-gauge",
            reviewers=["bob"],
            teams=[CORE],
            changes=[_GAUGE],
        ),
        told={"bob": ((_FUEL, "review requested"),), "carl": ((_FUEL, "Причина", CORE),)},
        because="Bob is asked himself, Carl through the team, each once for three webhooks; Ann did it.",
        in_excerpt=True,
    ),
    Scene(
        title="GitHub: Carl comments and mentions @ann",
        act=lambda s: s.github.comment(ROCKET, "carl", "pull_request", 1, "@ann which tank comes first?"),
        told={"ann": (("which tank", "mentioned"),)},
        because="Ann is mentioned and is the author: one message with both reasons.",
    ),
    Scene(
        title="GitHub: Ann answers",
        act=lambda s: s.github.comment(ROCKET, "ann", "pull_request", 1, "The upper one."),
        told={"carl": (("The upper one.",),)},
        because="Carl takes part in the discussion.",
    ),
    Scene(
        title="GitHub: Bob requests changes",
        act=lambda s: s.github.review(ROCKET, "bob", 1, "changes_requested", body="Please round the litres."),
        told={"ann": (("Please round the litres.",),), "carl": (("Please round",),)},
        because="Ann is the author, Carl takes part.",
    ),
    Scene(
        title="GitHub: the checks of the pull request fail",
        act=lambda s: s.github.run_pipeline(
            ROCKET, "ann", "fuel-gauge", "failed", failed_jobs=["unit tests", "lint"], pull_request=1
        ),
        told={"ann": (("unit tests", "lint", "your PR"),), "team": (("unit tests", "lint"),)},
        because="Ann started them and is the author; the topic follows every pipeline. The failed jobs are named.",
    ),
    Scene(
        title="GitHub: the checks run again and pass",
        act=lambda s: s.github.run_pipeline(ROCKET, "ann", "fuel-gauge", "success", pull_request=1),
        told={"ann": (("Fixed",),), "team": (("Fixed",),)},
        because="A success is news where the last run had failed.",
    ),
    Scene(
        title="GitHub: the checks pass once more",
        act=lambda s: s.github.run_pipeline(ROCKET, "ann", "fuel-gauge", "success", pull_request=1),
        because="Nobody chose every success.",
    ),
    Scene(
        title="GitHub: Bob approves",
        act=lambda s: s.github.review(ROCKET, "bob", 1, "approved"),
        told={"ann": (("approved",),), "carl": (("PR #1",),)},
        because="Ann is the author, Carl takes part.",
    ),
    Scene(
        title="GitHub: Ann merges",
        act=_merge,
        told={"bob": ((_FUEL, "merged", "You: "),), "carl": ((_FUEL, "влит", "Причина"),)},
        because="Bob and Carl took part; Ann did it.",
    ),
    Scene(
        title="GitHub: the webhook of the merge is sent again, with the same id",
        act=_redeliver,
        because="It was told already.",
    ),
    Scene(
        title="GitHub: Bob pushes to docs/ on the default branch",
        act=lambda s: s.github.push(
            ROCKET, "bob", "main", [CommitSpec(title="Describe the gauge", added=("docs/gauge.md",))]
        ),
        told={"ann": (("docs/gauge.md",),)},
        because="Ann chose documentation.",
    ),
    Scene(
        title="GitHub: Carl writes a wiki page",
        act=lambda s: s.github.edit_wiki(ROCKET, "carl", "created", "Landing checklist"),
        told={"ann": (("Landing checklist",),)},
        because="Ann chose the wiki.",
    ),
    Scene(
        title="GitHub: Bob publishes a release",
        act=lambda s: s.github.publish_release(ROCKET, "bob", "v1.0", title="First flight", body="It flies."),
        told={"ann": (("First flight",),), "carl": (("Релиз", "First flight"),), "team": (("First flight",),)},
        because="Everybody chose releases, and so did the team's topic; Bob did it.",
    ),
    Scene(
        title="GitLab: Carl opens a merge request and asks Ann for a review",
        act=lambda s: s.gitlab.open_pull_request(
            LANDER, "carl", _LEGS, source="legs", reviewers=["ann"], changes=[_GAUGE]
        ),
        told={"ann": ((_LEGS, "review requested"),)},
        because="Ann is asked; Carl did it.",
    ),
    Scene(
        title="GitLab: its pipeline fails",
        act=lambda s: s.gitlab.run_pipeline(LANDER, "carl", "legs", "failed", failed_jobs=["simulate"], pull_request=1),
        told={"carl": (("simulate", "Причина", "ваш MR"),)},
        because="Carl started it and opened the merge request.",
    ),
    Scene(
        title="GitLab: Ann approves",
        act=lambda s: s.gitlab.review(LANDER, "ann", 1, "approved"),
        told={"carl": ((_LEGS,),)},
        because="Carl is the author.",
    ),
    Scene(
        title="GitLab: Ann opens an issue and assigns Bob",
        act=lambda s: s.gitlab.open_issue(LANDER, "ann", "The third leg squeaks", assignees=["bob"]),
        told={"bob": (("The third leg squeaks", "assigned"),)},
        because="Bob is assigned; Ann did it.",
    ),
    Scene(
        title="GitLab: Bob opens a confidential issue and mentions @ann and @carl",
        act=lambda s: s.gitlab.open_issue(
            LANDER, "bob", "The hatch opens from outside", body="@ann @carl please look.", confidential=True
        ),
        told={"ann": (("The hatch opens from outside", "mentioned"),)},
        because="Ann may read it; Carl's own token may not, so he is not told.",
        in_excerpt=True,
    ),
    Scene(
        title="GitLab: Bob opens an issue and assigns himself",
        act=lambda s: s.gitlab.open_issue(LANDER, "bob", "Order new bolts", assignees=["bob"]),
        because="Nobody is told of what they did themselves.",
    ),
    Scene(
        title="GitHub: Bob opens a pull request with every problem that reviews look for",
        act=lambda s: s.github.open_pull_request(ROCKET, "bob", reviewed.TITLE, source="gauge", files=reviewed.FILES),
        told={
            "ann": ((reviewed.TITLE, "3 critical", "5 of style"),),
            "bob": ((reviewed.TITLE, "3 critical", "5 of style"),),
        },
        because="Ann has them reviewed, in her name; Bob is the author. Of the review's own comments nobody is told.",
        before=turn_reviews_on,
        reviews=("github", ROCKET, 2),
    ),
    Scene(
        title="GitHub: Bob pushes with half of them fixed",
        act=lambda s: s.github.push_to_pull_request(ROCKET, "bob", 2, files=reviewed.HALF_FIXED),
        told={
            "ann": ((reviewed.TITLE, "1 critical", "3 of style", "4 fixed"),),
            "bob": ((reviewed.TITLE, "1 critical", "3 of style", "4 fixed"),),
        },
        because="Nothing is said twice, what is fixed is resolved, and the summary is the same comment.",
        reviews=("github", ROCKET, 2),
    ),
    Scene(
        title="GitLab: Carl opens a merge request with the same problems",
        act=lambda s: s.gitlab.open_pull_request(LANDER, "carl", reviewed.TITLE, source="gauge", files=reviewed.FILES),
        told={"ann": ((reviewed.TITLE, "3 critical"),), "carl": ((reviewed.TITLE, "3 крит"),)},
        because="The same as on GitHub: threads on lines, one summary, the status of the commit.",
        reviews=("gitlab", LANDER, 2),
    ),
    Scene(
        title="GitLab: Carl pushes with half of them fixed",
        act=lambda s: s.gitlab.push_to_pull_request(LANDER, "carl", 2, files=reviewed.HALF_FIXED),
        told={"ann": ((reviewed.TITLE, "4 fixed"),), "carl": ((reviewed.TITLE, "1 крит"),)},
        because="Nothing is said twice, what is fixed is resolved, and the summary is the same comment.",
        reviews=("gitlab", LANDER, 2),
        in_excerpt=True,
    ),
    Scene(
        title="A stranger who knows the webhook's address sends a made-up event",
        act=_forge_a_delivery,
        status=401,
        because="Its signature does not fit the secret.",
        in_excerpt=True,
    ),
)
