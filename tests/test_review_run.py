"""Reviews from the webhook to what stands on the pull request, on both forges."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from src.agent.comments import SUMMARY_MARKER
from src.database.models import Subscription
from src.events import DEFAULT_NAMES
from src.webhook.reviewing.trigger import Trigger
from tests.hook_stage import OPENED, PATH
from tests.review_stage import BAD, BETTER, CHOSEN, GOOD, Reviews, reviewing

BOTH = pytest.mark.parametrize("kind", ["github", "gitlab"])


async def followed(stage: Reviews) -> Reviews:
    """Ann, who administers the project, turns reviews on."""
    await stage.life.follow("ann", *CHOSEN)
    return stage


@BOTH
async def test_a_new_pull_request_is_reviewed_with_the_token_of_who_turned_reviews_on(
    tmp_path: Path, kind: str
) -> None:
    async with reviewing(tmp_path, kind) as stage:
        await followed(stage)
        number = await stage.open({"src/wait.py": BAD})
        await stage.settle()
        assert await stage.states() == [("done", None)]
        threads = stage.threads(number)
        assert {(path, line) for path, line, _ in threads} >= {("src/wait.py", 6), ("src/wait.py", 9)}
        (summary,) = await stage.summaries(number)
        assert summary.author is not None
        assert summary.author.login == "ann"
        assert "src/wait.py" in summary.body
        status = await stage.status(number)
        assert status is not None
        assert status[0] in ("failure", "failed")


@BOTH
async def test_after_a_push_nothing_is_repeated_and_what_was_mended_is_resolved(tmp_path: Path, kind: str) -> None:
    async with reviewing(tmp_path, kind) as stage:
        await followed(stage)
        number = await stage.open({"src/wait.py": BAD})
        await stage.settle()
        before, (first,) = stage.threads(number), await stage.summaries(number)
        await stage.push(number, {"src/wait.py": BETTER})
        await stage.settle()
        after = stage.threads(number)
        assert [body for _, _, body in after[: len(before)]] == [body for _, _, body in before]
        again = {body.rsplit("\n", 1)[-1].split(" near=")[0] for _, _, body in before}
        new = [body for _, _, body in after[len(before) :]]
        assert not any(body.rsplit("\n", 1)[-1].split(" near=")[0] in again for body in new)
        closed = stage.threads(number, is_open=False)
        assert len(closed) == 1
        assert "bare-except" in closed[0][2]
        (second,) = await stage.summaries(number)
        assert second.id == first.id
        assert second.body != first.body


@BOTH
async def test_a_clean_pull_request_gets_a_status_and_not_a_word(tmp_path: Path, kind: str) -> None:
    async with reviewing(tmp_path, kind) as stage:
        await followed(stage)
        number = await stage.open({"src/more.py": GOOD})
        await stage.settle()
        assert stage.threads(number) == []
        assert await stage.summaries(number) == []
        status = await stage.status(number)
        assert status is not None
        assert status[0] == "success"


@BOTH
async def test_nobody_who_wants_reviews_is_no_review(tmp_path: Path, kind: str) -> None:
    async with reviewing(tmp_path, kind) as stage:
        await stage.life.follow("ann", OPENED)
        number = await stage.open({"src/wait.py": BAD})
        await stage.settle()
        assert await stage.rows() == []
        assert stage.threads(number) == []


@BOTH
async def test_what_a_review_says_is_told_once_as_a_whole_and_not_comment_by_comment(tmp_path: Path, kind: str) -> None:
    async with reviewing(tmp_path, kind) as stage:
        await stage.life.follow("ann", *CHOSEN, *DEFAULT_NAMES)
        await stage.life.follow("carl", *CHOSEN, *DEFAULT_NAMES)
        await stage.open({"src/wait.py": BAD})
        await stage.settle()
        assert await stage.names_told() == ["code_review.done", "code_review.done"]
        (event, _) = await stage.told()
        assert (event.critical, event.found) == (1, event.posted)
        assert event.worst[0].path == "src/wait.py"
        assert event.people.author is not None
        assert event.people.author.login == "bob"


@BOTH
async def test_a_strangers_comment_with_our_mark_is_told(tmp_path: Path, kind: str) -> None:
    async with reviewing(tmp_path, kind) as stage:
        await stage.life.follow("ann", *CHOSEN, "comment.pull_request")
        async with stage.life.database.write() as session:
            await session.execute(update(Subscription).values(scope="all"))
        number = await stage.open({"src/wait.py": BAD})
        await stage.settle()
        await stage.life.forge.comment(PATH, "bob", "pull_request", number, f"Ha!\n\n{SUMMARY_MARKER}")
        await stage.settle()
        assert (await stage.names_told())[-1] == "comment.pull_request"


@BOTH
async def test_drafts_and_pull_requests_of_bots_wait_for_somebody_to_ask(tmp_path: Path, kind: str) -> None:
    async with reviewing(tmp_path, kind) as stage:
        await followed(stage)
        number = await stage.open({"src/wait.py": BAD}, draft=True)
        await stage.settle()
        assert await stage.states() == [("skipped", "draft")]
        assert stage.threads(number) == []
        await stage.life.forge.set_draft(PATH, "bob", number, False)
        await stage.settle()
        assert await stage.states() == [("skipped", "draft"), ("done", None)]
        assert stage.threads(number)


@BOTH
async def test_what_the_base_branch_says_holds_and_what_the_pull_request_says_does_not(
    tmp_path: Path, kind: str
) -> None:
    async with reviewing(tmp_path, kind) as stage:
        await followed(stage)
        settings = b'[review]\nlanguage = "ru"\nignore-rules = ["magic-number"]\nmax-lines = 3\n'
        stage.life.forge.add_files(PATH, {".git-assistant.toml": settings})
        number = await stage.open({"src/wait.py": BAD, ".git-assistant.toml": b"[review]\nenabled = false\n"})
        await stage.settle()
        bodies = "".join(body for _, _, body in stage.threads(number))
        assert "Критическая ошибка" in bodies
        assert "magic-number" not in bodies
        (summary,) = await stage.summaries(number)
        assert "max-lines" in summary.body


@BOTH
async def test_a_repository_can_switch_reviews_off(tmp_path: Path, kind: str) -> None:
    async with reviewing(tmp_path, kind) as stage:
        await followed(stage)
        stage.life.forge.add_files(PATH, {".git-assistant.toml": b"[review]\nenabled = false\n"})
        number = await stage.open({"src/wait.py": BAD})
        await stage.settle()
        assert await stage.states() == [("skipped", "switched_off")]
        assert stage.threads(number) == []


@BOTH
async def test_the_account_of_the_settings_speaks_before_a_persons(tmp_path: Path, kind: str) -> None:
    async with reviewing(tmp_path, kind, own_token=True) as stage:
        await followed(stage)
        number = await stage.open({"src/wait.py": BAD})
        await stage.settle()
        notes = stage.life.forge.comments_on_lines(PATH, number)
        assert {note.author for note in notes} == {"robot"}


@BOTH
async def test_a_hook_by_hand_and_a_token_are_enough(tmp_path: Path, kind: str) -> None:
    async with reviewing(tmp_path, kind, own_token=True) as stage:
        await stage.hook_by_hand()
        number = await stage.open({"src/wait.py": BAD})
        await stage.settle()
        assert await stage.states() == [("done", None)]
        assert {note.author for note in stage.life.forge.comments_on_lines(PATH, number)} == {"robot"}
        assert await stage.logged() == [("webhook", "review_done")]


@BOTH
async def test_a_fork_is_read_like_any_other(tmp_path: Path, kind: str) -> None:
    async with reviewing(tmp_path, kind) as stage:
        await followed(stage)
        stage.life.forge.add_project("dora/rocket", members={"dora": "admin"})
        number = await stage.life.forge.open_pull_request(
            PATH, "dora", "From outside", files={"src/wait.py": BAD}, fork="dora/rocket"
        )
        await stage.settle()
        assert await stage.states() == [("done", None)]
        assert stage.threads(number)


@BOTH
async def test_twenty_files_take_few_requests(tmp_path: Path, kind: str) -> None:
    async with reviewing(tmp_path, kind) as stage:
        await followed(stage)
        files = {f"src/part{number}.py": BAD for number in range(20)}
        await stage.open(files)
        since = len(stage.life.forge.requests)
        await stage.settle()
        asked = stage.asked(since)
        comments = [each for each in asked if each.startswith("POST") and "discussions" in each]
        assert len(asked) - len(comments) <= 14, asked
        assert len(comments) == (30 if kind == "gitlab" else 0)


async def test_the_failed_pipeline_that_gitlab_makes_of_our_status_is_not_told(tmp_path: Path) -> None:
    async with reviewing(tmp_path, "gitlab") as stage:
        await stage.life.follow("ann", *CHOSEN, "pipeline.failed")
        async with stage.life.database.write() as session:
            await session.execute(update(Subscription).values(scope="all"))
        number = await stage.open({"src/wait.py": BAD})
        await stage.settle()
        head = await stage.head(number)
        await stage.life.forge.run_pipeline(PATH, "bob", "topic", "failed", failed_jobs=["test"])
        real = json.loads(stage.deliveries[-1].body)
        assert real["object_attributes"]["sha"] == head
        await stage.settle()
        told = await stage.names_told()
        assert told[-1] == "pipeline.failed"
        made = {**real, "builds": [], "object_attributes": {**real["object_attributes"], "source": "external", "id": 9}}
        await stage.post(json.dumps(made).encode(), like=stage.deliveries[-1])
        await stage.settle()
        assert await stage.names_told() == told
        clean = {**made, "object_attributes": {**made["object_attributes"], "id": 10, "sha": "5" * 40}}
        clean["commit"] = {**real["commit"], "id": "5" * 40}
        await stage.post(json.dumps(clean).encode(), like=stage.deliveries[-1])
        await stage.settle()
        assert await stage.names_told() == [*told, "pipeline.failed"]  # of a commit that no review speaks of


@pytest.mark.parametrize(
    ("failed", "minutes", "is_told"),
    [
        ([], 0, False),  # GitLab lists no statuses: at this time it is ours
        ([], 5, True),  # and now another one's
        (["git-assistant/review"], 5, False),
        (["jenkins"], 0, True),
        (["git-assistant/review", "jenkins"], 0, True),
    ],
)
async def test_a_failing_ci_of_somebody_else_is_told_though_our_status_stands_there(
    tmp_path: Path, failed: list[str], minutes: int, is_told: bool
) -> None:
    async with reviewing(tmp_path, "gitlab") as stage:
        await stage.life.follow("ann", *CHOSEN, "pipeline.failed")
        async with stage.life.database.write() as session:
            await session.execute(update(Subscription).values(scope="all"))
        await stage.open({"src/wait.py": BAD})
        await stage.settle()
        told = await stage.names_told()
        await stage.life.forge.run_pipeline(PATH, "bob", "topic", "failed", failed_jobs=["test"])
        real = stage.deliveries.pop()
        made = json.loads(real.body)
        job = made["builds"][-1]
        made["builds"] = [{**job, "name": name, "stage": "external"} for name in failed]
        made["object_attributes"] |= {"source": "external", "id": 9}
        stage.life.clock.ahead += timedelta(minutes=minutes)
        await stage.post(json.dumps(made).encode(), like=real)
        await stage.settle()
        assert await stage.names_told() == [*told, *["pipeline.failed"] * (1 + is_told)]


@BOTH
async def test_what_looking_found_is_asked_for_as_such(tmp_path: Path, kind: str) -> None:
    async with reviewing(tmp_path, kind) as stage:
        await stage.life.follow("ann", *CHOSEN)
        await stage.open({"src/wait.py": BAD})
        sent = next(each for each in stage.deliveries if b"src" in each.body or b"Wait for it" in each.body)
        headers = {name.lower(): value for name, value in sent.headers.items()}
        events = stage.life.credentials.types[kind].codec.parse(headers, sent.body)
        hook, forge, now = await stage.life.row(), stage.life.row_of_forge, stage.life.clock()
        hook.origin = "poll"
        async with stage.life.database.write() as session:
            ids = {event.project.external_id for event in events}
            assert await Trigger().ask(session, hook, forge, events, ids, now)
            assert not await Trigger().ask(session, hook, forge, events, (), now)  # nobody follows it
        assert [row.trigger for row in await stage.rows()] == ["poll"]
