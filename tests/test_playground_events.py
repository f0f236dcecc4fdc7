"""The tab "Send an event": what a card says happens on the forge, is delivered signed, and those are told."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from src.demo.playground.gallery import BURST, CARDS
from tests.playground_stage import Stage, played


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """Nobody has used the bot yet."""
    async with played(tmp_path) as made:
        yield made


@pytest.fixture
async def followed(stage: Stage) -> Stage:
    """Ann follows acme/rocket with the usual events."""
    await stage.pair()
    await stage.follow("ann", "github", "acme/rocket")
    return stage


async def test_a_project_without_a_webhook_is_said_to_have_none(stage: Stage) -> None:
    made = await stage.send("mention")
    assert (made.status, made.body) == (200, {"project": "acme/rocket", "missing": True, "followed": False})
    assert not stage.ground.github.deliveries


UNKNOWN: list[tuple[dict[str, object], str]] = [
    ({"name": "nothing"}, "There is no such event in the gallery."),
    ({"forge": "sourcehut"}, "There is no such forge."),
    ({"project": "acme/none"}, "There is no such project."),
    ({"project": 7}, "There is no such project."),
    ({"about": "eve"}, "There is nobody of that name on the forges."),
    ({"about": ["ann"]}, "There is nobody of that name on the forges."),
    ({"name": "confidential"}, "GitHub has no such thing."),
]


async def test_unknown_names_are_refused_with_a_sentence(stage: Stage) -> None:
    for wish, sentence in UNKNOWN:
        refused = await stage.post("/api/happenings", **{"name": "mention", "forge": "github", "about": "ann"} | wish)
        assert (refused.status, refused.body) == (400, {"error": sentence})


async def test_every_card_tells_whom_it_promises(followed: Stage) -> None:
    """In the order of the gallery, for somebody who took the usual events."""
    told: dict[str, str] = {}
    for card in CARDS.values():
        if card.only in (None, "github") and card.name != "burst":
            deliveries, said = await followed.outcome(card.name)
            assert deliveries or card.hint, card.name
            told[card.name] = said["sentence"]
    unusual = {"wiki", "documentation", "code_review", "code_review_again", "bad_signature"}
    assert {name for name, sentence in told.items() if not sentence.startswith("Told: Ann")} == unusual
    assert told["mention"] == "Told: Ann (loud)."
    assert told["wiki"] == "Told: nobody. Nobody here chose it: Wiki. Switch it on in /subscribe."
    assert "Documentation" in told["documentation"]


async def test_gitlab_has_the_same_cards(stage: Stage) -> None:
    await stage.pair()
    await stage.follow("ann", "gitlab", "acme/lander")
    for name in ("pr_opened", "review_person", "review_team", "mention", "pipeline_failed", "pipeline_fixed",
                 "confidential", "release", "duplicate"):  # fmt: skip
        _, said = await stage.outcome(name, "gitlab")
        assert said["sentence"].startswith("Told: Ann"), (name, said)


async def test_a_review_asked_of_a_team_reaches_both_of_its_people(followed: Stage) -> None:
    await followed.follow("bob", "github", "acme/rocket")
    mark = followed.ground.people["bob"].private.mark()
    _, said = await followed.outcome("review_team", about="ann")
    assert said["sentence"] == "Told: Ann (loud), Bob (loud)."
    assert "acme/core" in followed.news("bob", mark)[0]


async def test_the_mended_pipeline_follows_the_failed_one_of_the_same_pull_request(followed: Stage) -> None:
    await followed.outcome("pipeline_failed")
    mark = followed.ground.people["ann"].private.mark()
    _, said = await followed.outcome("pipeline_fixed")
    assert said["sentence"] == "Told: Ann (loud)."
    (text,) = followed.news("ann", mark)
    assert "Fixed" in text
    runs = list(followed.ground.github.world.project("acme/rocket").runs.values())
    assert [(run.status, run.branch) for run in runs] == [("failed", runs[0].branch), ("success", runs[0].branch)]


async def test_a_mended_pipeline_without_a_failed_one_fails_first(followed: Stage) -> None:
    mark = followed.ground.people["ann"].private.mark()
    await followed.outcome("pipeline_fixed")
    assert len(followed.news("ann", mark)) == 2


async def test_a_burst_of_30_pushes_is_accepted_and_told_to_whoever_took_the_usual_events(followed: Stage) -> None:
    mark = followed.ground.people["ann"].private.mark()
    deliveries, said = await followed.outcome("burst")
    assert [(one["action"], one["status"]) for one in deliveries] == [("synchronize", 202)] * BURST
    news = followed.news("ann", mark)
    assert said["counts"] == f"Sent: {BURST}. Accepted: {BURST}. Messages: {len(news)}."
    assert said["sentence"] == f"Told: Ann ({len(news)} messages, loud)."
    gathered = [int(found.group(1)) for text in news if (found := re.search(r"(\d+) updates in one message", text))]
    assert len(news) - len(gathered) + sum(gathered) == BURST, "each is told singly or in a digest"


async def test_the_same_delivery_twice_is_told_once(followed: Stage) -> None:
    await followed.outcome("mention")  # so that there is a pull request already
    mark = followed.ground.people["ann"].private.mark()
    deliveries, said = await followed.outcome("duplicate")
    first, second = deliveries
    assert first["id"] == second["id"]
    assert (first["status"], second["status"]) == (202, 202)
    assert (first["redelivery"], second["redelivery"]) == (False, True)
    assert said["sentence"] == "Told: Ann (loud)."
    assert len(followed.news("ann", mark)) == 1


@pytest.mark.parametrize(("forge", "path"), [("github", "acme/rocket"), ("gitlab", "acme/lander")])
async def test_a_bad_signature_is_refused_and_told_to_nobody(stage: Stage, forge: str, path: str) -> None:
    await stage.pair()
    await stage.follow("ann", forge, path)
    mark = stage.ground.people["ann"].private.mark()
    (refused,), said = await stage.outcome("bad_signature", forge)
    assert refused["status"] == 401
    assert said["tone"] == "refused"
    assert said["sentence"] == "Told: nobody. Refused with 401: the signature does not fit the webhook's secret."
    assert stage.news("ann", mark) == []


async def test_what_is_chosen_besides_is_told(stage: Stage) -> None:
    await stage.pair()
    await stage.follow("ann", "github", "acme/rocket", more="Wiki")
    _, said = await stage.outcome("wiki")
    assert said["sentence"] == "Told: Ann (loud)."


async def test_a_topic_of_the_group_is_named(stage: Stage) -> None:
    await stage.pair()
    await stage.follow("ann", "github", "acme/rocket", in_=stage.ground.topics["releases"])
    _, said = await stage.outcome("release")
    assert said["sentence"] == "Told: Releases (loud)."


async def test_a_delivery_unfolds_to_what_was_sent_with_secrets_masked(stage: Stage) -> None:
    await stage.pair()
    await stage.follow("ann", "gitlab", "acme/lander")
    made = await stage.send("mention", "gitlab")
    number, last = made.body["number"], len(made.body["deliveries"]) - 1
    seen = await stage.get(f"/api/happenings/{number}/{last}")
    (hook,) = stage.ground.gitlab.hooks("acme/lander")
    assert hook.secret
    assert hook.secret not in str(seen)
    assert set(seen["headers"]["X-Gitlab-Token"]) == {"•"}
    assert seen["headers"]["X-Gitlab-Event"] == "Note Hook"
    assert '"object_kind": "note"' in seen["body"]
    missing = await stage.http.get(f"{stage.address}/api/happenings/{number}/999")
    assert missing.status == 404


async def test_the_page_speaks_russian(followed: Stage) -> None:
    made = await followed.send("mention")
    async with followed.http.get(f"{followed.address}/api/happenings/{made.body['number']}?lang=ru") as response:
        said = await response.json()
    assert said["sentence"]
    assert not said["sentence"].startswith("Told")


async def test_the_selects_offer_what_there_is(followed: Stage) -> None:
    offered = await followed.get("/api/happenings")
    assert [person["name"] for person in offered["people"]] == ["ann", "bob"]
    github, gitlab = offered["forges"]
    assert github["projects"][0] == {"path": "acme/rocket", "private": False, "hooked": True}
    assert gitlab["projects"][0] == {"path": "acme/lander", "private": True, "hooked": False}


@pytest.mark.parametrize(("kind", "path"), [("github", "acme/rocket"), ("gitlab", "acme/lander")])
async def test_a_pull_request_is_reviewed_and_after_a_push_what_is_fixed_is_resolved(
    stage: Stage, kind: str, path: str
) -> None:
    await stage.pair()
    await stage.follow("ann", kind, path, more="Automatic reviews")
    mark = stage.ground.people["ann"].private.mark()
    _, said = await stage.outcome("code_review", kind)
    assert said["sentence"] == "Told: Ann (loud)."
    (pull,) = (await stage.get(f"/api/forge/{kind}/project?path={path}"))["pulls"]
    assert (len(pull["threads"]), len(pull["comments"])) == (8, 1)
    _, said = await stage.outcome("code_review_again", kind)
    assert said["sentence"] == "Told: Ann (loud)."
    (pull,) = (await stage.get(f"/api/forge/{kind}/project?path={path}"))["pulls"]
    assert [one["resolved_by"] for one in pull["threads"]].count(None) == 4
    assert (len(pull["threads"]), len(pull["comments"])) == (8, 1)
    first, second = stage.news("ann", mark)
    assert "3 critical, 5 of style" in first
    assert "1 critical, 3 of style · 4 fixed" in second


async def test_the_card_of_a_push_has_the_first_review_done_before(stage: Stage) -> None:
    await stage.pair()
    await stage.follow("ann", "github", "acme/rocket", more="Automatic reviews")
    await stage.outcome("code_review_again")
    (pull,) = (await stage.get("/api/forge/github/project?path=acme/rocket"))["pulls"]
    assert sum(one["resolved_by"] == "ann" for one in pull["threads"]) == 4


async def test_reviews_that_nobody_chose_are_said_to_be_so(followed: Stage) -> None:
    _, said = await followed.outcome("code_review")
    assert said["sentence"].startswith("Told: nobody. Nobody here chose it: Automatic reviews.")
    assert said["suggests"] == "/subscribe"
