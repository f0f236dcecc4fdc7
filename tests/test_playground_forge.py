"""The tabs "Forge" and "Bot API calls": what is on the forges, what people do there, and what the bot asks for."""

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from src.demo.playground.forge_tab import OUTAGES
from src.web.feed import Line
from tests.playground_stage import Json, Reply, Stage, played

ROCKET, LANDER = "acme/rocket", "acme/lander"


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """Nobody has used the bot yet; Ann has opened a pull request on each forge."""
    async with played(tmp_path) as made:
        for forge, path in ((made.ground.github, ROCKET), (made.ground.gitlab, LANDER)):
            await forge.open_pull_request(path, "ann", "Show the fuel in litres", source="fuel", reviewers=["bob"])
        yield made


async def page(stage: Stage, kind: str = "github", path: str = ROCKET) -> Json:
    return await stage.get(f"/api/forge/{kind}/project?path={path}")


async def act(stage: Stage, action: str, by: str = "carl", **wish: object) -> Reply:
    asked = {"project": ROCKET, "on": "pull", "number": 1, "text": ""} | wish
    return await stage.post("/api/forge/github/act", action=action, by=by, **asked)


async def test_both_forges_are_listed_with_their_projects_and_whose_token_is_which(stage: Stage) -> None:
    found = await stage.get("/api/forge")
    github, gitlab = found["forges"]
    assert {"path": ROCKET, "private": False, "hooks": 0, "pulls": 1} in github["projects"]
    assert {"path": LANDER, "private": True, "hooks": 0, "pulls": 1} in gitlab["projects"]
    assert (github["outage"], gitlab["outage"]) == ("well", "well")
    assert {one["login"]: one["token"] for one in found["tokens"]} == stage.ground.tokens


async def test_a_project_shows_its_pull_requests_with_state_reviewers_comments_and_pipelines(stage: Stage) -> None:
    await stage.ground.github.run_pipeline(ROCKET, "ann", "fuel", "failed", failed_jobs=["lint"], pull_request=1)
    await act(stage, "comment", text="Please round the litres.")
    await act(stage, "request_changes", by="bob", text="Not yet.")
    (pull,) = (await page(stage))["pulls"]
    assert (pull["number"], pull["state"], pull["author"]) == (1, "open", "ann")
    assert pull["verdicts"] == {"bob": "changes_requested"}
    assert [(c["author"], c["body"]) for c in pull["comments"]] == [("carl", "Please round the litres.")]
    assert pull["runs"] == [{"name": "CI", "number": 1, "status": "failed", "failed": ["lint"]}]


async def test_people_approve_merge_close_and_reopen(stage: Stage) -> None:
    assert (await act(stage, "approve", by="bob")).body["pulls"][0]["verdicts"] == {"bob": "approved"}
    assert (await act(stage, "close")).body["pulls"][0]["state"] == "closed"
    assert (await act(stage, "reopen")).body["pulls"][0]["state"] == "open"
    assert (await act(stage, "merge", by="ann")).body["pulls"][0]["state"] == "merged"
    assert (await act(stage, "merge", by="ann")).status == 400


async def test_an_issue_is_talked_about_and_closed(stage: Stage) -> None:
    number = await stage.ground.github.open_issue(ROCKET, "carl", "The leg squeaks", assignees=["bob"])
    await act(stage, "comment", on="issue", number=number, text="Oil it.")
    closed = await act(stage, "close", on="issue", number=number)
    (issue,) = closed.body["issues"]
    assert (issue["state"], issue["assignees"], issue["comments"][0]["body"]) == ("closed", ["bob"], "Oil it.")


IMPOSSIBLE: list[tuple[dict[str, object], str]] = [
    ({"action": "explode"}, "There is no such action."),
    ({"project": "acme/none"}, "There is no such project."),
    ({"number": 99}, "There is nothing of that number."),
    ({"number": "1"}, "There is nothing of that number."),
    ({"by": "eve"}, "Whoever does it has to be a member of the project."),
    ({"by": {}}, "Whoever does it has to be a member of the project."),
    ({"text": ""}, "Write something first."),
    ({"text": "x" * 2_001}, "The text is too long."),
    ({"text": 7}, "The text is too long."),
    ({"action": "approve", "by": "ann"}, "Nobody approves their own pull request."),
    ({"action": "reopen"}, "This cannot be done to it any more: look at its state."),
]


async def test_what_cannot_be_done_is_refused_with_a_sentence(stage: Stage) -> None:
    usual = {"project": ROCKET, "on": "pull", "number": 1, "action": "comment", "by": "carl", "text": "Hm."}
    for wish, sentence in IMPOSSIBLE:
        refused = await stage.post("/api/forge/github/act", **usual | wish)
        assert (refused.status, refused.body) == (400, {"error": sentence})


async def test_a_real_token_in_a_comment_is_refused_before_it_goes_anywhere(stage: Stage) -> None:
    refused = await act(stage, "comment", text="ghp_" + "a1" * 18)
    assert refused.status == 400
    assert "real token" in refused.body["error"]
    assert not (await page(stage))["pulls"][0]["comments"]


async def test_a_webhook_is_shown_without_its_secret_with_its_deliveries(stage: Stage) -> None:
    await stage.pair()
    await stage.follow("ann", "gitlab", LANDER)
    await stage.outcome("mention", "gitlab")
    shown = await page(stage, "gitlab", LANDER)
    (hook,) = shown["hooks"]
    (kept,) = stage.ground.gitlab.hooks(LANDER)
    assert kept.secret
    assert kept.secret not in str(shown)
    assert (hook["url"], hook["active"], hook["status"], hook["secret"]) == (kept.url, True, 202, True)
    newest = shown["deliveries"][0]
    assert (newest["event"], newest["action"], newest["status"]) == ("Note Hook", "create", 202)
    full = await stage.get(f"/api/forge/gitlab/deliveries/{newest['number']}?path={LANDER}")
    assert kept.secret not in str(full)
    assert '"object_kind": "note"' in full["body"]


async def test_redeliver_sends_the_same_delivery_again_and_nobody_is_told_twice(stage: Stage) -> None:
    await stage.pair()
    await stage.follow("ann", "github", ROCKET)
    await stage.outcome("mention")
    newest = (await page(stage))["deliveries"][0]
    again = await stage.post(f"/api/forge/github/deliveries/{newest['number']}", project=ROCKET)
    assert (again.body["id"], again.body["status"], again.body["redelivery"]) == (newest["id"], 202, True)
    assert (await page(stage))["deliveries"][0]["number"] == again.body["number"]
    missing = await stage.post("/api/forge/github/deliveries/999", project=ROCKET)
    assert missing.status == 404


async def test_a_redelivery_is_not_counted_as_what_a_card_brought_about(stage: Stage) -> None:
    await stage.pair()
    await stage.follow("ann", "github", ROCKET)
    await stage.outcome("mention")
    newest = (await page(stage))["deliveries"][0]
    is_pushing = asyncio.Event()
    stage.ground.github.on_delivery(lambda _, record: is_pushing.set() if record.action == "synchronize" else None)
    async with asyncio.TaskGroup() as windows:
        burst = windows.create_task(stage.send("burst"))
        async with asyncio.timeout(60):
            await is_pushing.wait()
        await stage.post(f"/api/forge/github/deliveries/{newest['number']}", project=ROCKET)
    assert [delivery["id"] for delivery in burst.result().body["deliveries"]].count(newest["id"]) == 0


async def test_half_a_character_in_a_comment_does_no_harm(stage: Stage) -> None:
    await stage.pair()
    await stage.follow("ann", "github", ROCKET)
    mark = stage.ground.people["ann"].private.mark()
    said = await act(stage, "comment", text="@ann cut \ud83d off")
    assert said.body["pulls"][0]["comments"][0]["body"] == "@ann cut \ufffd off"
    await stage.ground.people["ann"].private.wait_for(lambda m: "cut \ufffd off" in m.text, timeout=60, since=mark)


@pytest.mark.parametrize(("kind", "path"), [("github", ROCKET), ("gitlab", LANDER)])
async def test_a_webhook_is_switched_off_and_deleted_by_hand(stage: Stage, kind: str, path: str) -> None:
    await stage.pair()
    await stage.follow("ann", kind, path)
    (hook,) = (await page(stage, kind, path))["hooks"]
    asked = {"project": path, "hook": hook["id"]}
    off = await stage.post(f"/api/forge/{kind}/hook", **asked, action="switch_off")
    assert off.body["hooks"][0]["active"] is False
    _, said = await stage.outcome("mention", kind)
    assert said["sentence"] == "Told: nobody. The webhook is switched off, so nothing was delivered."
    gone = await stage.post(f"/api/forge/{kind}/hook", **asked, action="delete")
    assert gone.body["hooks"] == []
    again = await stage.post(f"/api/forge/{kind}/hook", **asked, action="delete")
    assert (again.status, again.body) == (404, {"error": "This webhook is gone."})


async def test_an_ill_forge_is_ill_until_it_is_well(stage: Stage) -> None:
    await stage.pair()
    for outage in OUTAGES:
        answer = await stage.post("/api/forge/github/outage", outage=outage)
        assert answer.body["outage"] == outage
    await stage.post("/api/forge/github/outage", outage="down")
    ann = stage.ground.people["ann"]
    failed = await stage.say(ann, f"/set_github_token {stage.ground.tokens['ann']}")
    assert "✓" not in failed.text
    await stage.post("/api/forge/github/outage", outage="well")
    assert "✓" in (await stage.say(ann, f"/set_github_token {stage.ground.tokens['ann']}")).text
    for unknown in ("haunted", ["down"], None):
        refused = await stage.post("/api/forge/github/outage", outage=unknown)
        assert (refused.status, refused.body) == (400, {"error": "A forge cannot be ill like that."})


async def test_the_newest_calls_of_this_world_are_there_with_the_names_of_their_chats(stage: Stage) -> None:
    await stage.pair()
    found = await stage.get("/api/calls")
    numbers = [call["number"] for call in found["calls"]]
    assert numbers == sorted(numbers)
    last = next(call for call in reversed(found["calls"]) if call["method"] == "sendMessage")
    assert found["chats"][last["chat"]] in ("Ann", "Bob")
    assert (last["status"], last["ok"]) == (200, True)
    assert last["form"]["text"]
    stage.ground.feed.add("world", world="another")
    newer = [call["number"] for call in (await stage.get("/api/calls"))["calls"]]  # the bot may be at work still
    assert set(newer).isdisjoint(numbers)


async def test_nothing_waits_while_a_long_feed_is_looked_through(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, other_was_answered = threading.Event(), threading.Event()

    def slow(*_: object, **__: object) -> list[Line]:
        begun.set()
        assert other_was_answered.wait(30)
        return []

    monkeypatch.setattr(stage.ground.feed, "before", slow)
    async with asyncio.TaskGroup() as windows:
        windows.create_task(stage.get("/api/calls"))
        assert await asyncio.to_thread(begun.wait, 30)
        await stage.get("/api/forge")
        other_was_answered.set()


async def test_forms_and_foreign_pages_are_refused(stage: Stage) -> None:
    async with stage.http.post(f"{stage.address}/api/happenings", data={"name": "mention"}) as form:
        assert form.status == 415
    elsewhere = {"Origin": "http://example.org"}
    async with stage.http.post(f"{stage.address}/api/happenings", json={}, headers=elsewhere) as foreign:
        assert foreign.status == 403
    bodies: list[object] = [[], "mention", 7]
    for body in bodies:
        async with stage.http.post(f"{stage.address}/api/happenings", json=body) as answer:
            assert answer.status == 400


async def reviewed_pull(stage: Stage, kind: str = "github", path: str = ROCKET) -> Json:
    """Ann has reviews done, Carl opens a pull request with problems; as the tab shows it then."""
    await stage.pair()
    await stage.follow("ann", kind, path, more="Automatic reviews")
    await stage.outcome("code_review", kind)
    found: Json = (await page(stage, kind, path))["pulls"][0]
    return found


@pytest.mark.parametrize(("kind", "path"), [("github", ROCKET), ("gitlab", LANDER)])
async def test_a_review_shows_its_discussions_on_lines_its_summary_and_the_commits_status(
    stage: Stage, kind: str, path: str
) -> None:
    pull = await reviewed_pull(stage, kind, path)
    assert {one["resolved_by"] for one in pull["threads"]} == {None}
    first = pull["threads"][0]
    assert first["place"] == "engine/console.py:4"
    assert first["comments"][0]["author"] == "ann"
    assert first["comments"][0]["body"].startswith("Critical error: Syntax error: ")
    offered = {one["place"]: one["comments"][0]["offered"] for one in pull["threads"]}
    assert offered["engine/telemetry.py:25"] == '    log.info("litres left: %s", litres)'
    assert offered["engine/console.py:4"] is None
    (summary,) = pull["comments"]
    assert summary["body"].startswith("🤖 Automatic code review\n\n🔍 Problems found:")
    assert "<!--" not in str(pull)
    assert pull["review"] == {"state": "failure", "text": "critical: 3, style: 5"}


async def test_a_discussion_that_a_person_resolves_is_left_alone_by_the_next_review(stage: Stage) -> None:
    threads = (await reviewed_pull(stage))["threads"]
    (naming,) = (one for one in threads if "fuelLeft" in one["comments"][0]["body"])
    done = await act(stage, "resolve", by="bob", number=2, thread=naming["id"])
    assert resolvers(done.body)[naming["id"]] == "bob"
    await stage.outcome("code_review_again")
    after = resolvers(await page(stage))
    assert (len(after), after[naming["id"]]) == (len(threads), "bob")
    again = await act(stage, "unresolve", by="bob", number=2, thread=naming["id"])
    assert resolvers(again.body)[naming["id"]] is None


def resolvers(project: Json) -> dict[int, str | None]:
    """By discussion on lines of the newest pull request."""
    return {one["id"]: one["resolved_by"] for one in project["pulls"][0]["threads"]}


@pytest.mark.parametrize("thread", [None, 4711, "1"])
async def test_a_discussion_that_is_not_there_cannot_be_resolved(stage: Stage, thread: object) -> None:
    refused = await act(stage, "resolve", thread=thread)
    assert (refused.status, refused.body) == (400, {"error": "There is no such discussion."})
