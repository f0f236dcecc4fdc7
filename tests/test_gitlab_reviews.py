"""Reviews of merge requests: where GitLab lets a comment stand, its versions, its notes, its statuses."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import aiohttp
import pytest

from src.demo.forge import Change, CommitSpec
from src.demo.forge.state import Project, PullRequest, Version
from src.demo.gitlab import GitLabEmulator
from src.demo.gitlab.versions import note_version
from src.forge import (
    CommitStatus,
    HeadMoved,
    LineComment,
    MissingPermission,
    NotFound,
    Rejected,
    RemotePullRequest,
    StatusState,
)
from tests.conformance.cast import Forge, opened, token_of

OLD = "".join(f"line {number}\n" for number in range(1, 31))
NEW = OLD.replace("line 3\n", "line three\nline three and a half\n").replace("line 25\n", "")
PATH = "acme/rocket"


@pytest.fixture
async def forge() -> AsyncIterator[Forge]:
    async with opened("gitlab") as found:
        found.emulator.add_files(PATH, {"valve.py": OLD.encode(), "old.py": b"x = 1\ny = 2\nz = 3\n"})
        yield found


async def opened_pull(forge: Forge, **files: bytes | None) -> RemotePullRequest:
    """A merge request of bob's."""
    given = {f"{name}.py": data for name, data in files.items()} or {"valve.py": NEW.encode()}
    number = await forge.emulator.open_pull_request(PATH, "bob", "New valve", files=given)
    return await forge.client("bob").pull_request(forge.rocket, number)


def comment(line: int, old_line: int | None = None, **more: Any) -> LineComment:
    """A comment on the valve."""
    given = {"path": "valve.py", "old_path": "valve.py", "is_new_file": False, "body": "Why?", **more}
    return LineComment(line=line, old_line=old_line, **given)


async def post(forge: Forge, pull: RemotePullRequest, position: dict[str, Any], body: str = "Why?") -> tuple[int, str]:
    """What GitLab answers to a discussion at a position."""
    shas = {"base_sha": pull.base_sha, "start_sha": pull.start_sha, "head_sha": pull.head_sha}
    given = {"position_type": "text", "old_path": "valve.py", "new_path": "valve.py", **shas, **position}
    sent = {name: value for name, value in given.items() if value is not None}
    url = f"{forge.emulator.url}/api/v4/projects/{forge.rocket.external_id}/merge_requests/{pull.number}/discussions"
    headers = {"PRIVATE-TOKEN": token_of("bob")}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(url, json={"body": body, "position": sent}) as answer,
    ):
        return answer.status, await answer.text()


# Where a comment may stand


async def test_a_comment_stands_on_every_line_that_the_diff_shows_and_on_no_other(forge: Forge) -> None:
    pull = await opened_pull(forge)
    shown = {1: 1, 2: 2, 3: None, 4: None, 5: 4, 6: 5, 7: 6, 23: 22, 24: 23, 25: 24, 26: 26, 27: 27, 28: 28}
    comments = [comment(line, shown.get(line)) for line in range(1, 31)]
    refused = await forge.client("bob").comment_on_lines(forge.rocket, pull, comments, "")
    assert [item.comment.line for item in refused] == [line for line in range(1, 31) if line not in shown]
    assert all("line_code" in item.reason for item in refused)
    assert [note.line for note in forge.emulator.comments_on_lines(PATH, pull.number)] == list(shown)


@pytest.mark.parametrize(
    ("position", "said"),
    [
        ({"new_line": 3, "base_sha": None}, "position[base_sha] is missing"),
        ({"new_line": 3, "position_type": None}, "position[position_type] is missing"),
        ({"new_line": 3, "position_type": "word"}, "does not have a valid value"),
        ({"new_line": 3, "start_sha": "f" * 40}, "must be a valid line code"),
        ({"new_line": 3, "old_path": None}, "is incomplete"),
        ({"new_line": 3, "old_path": "gauge.py"}, "must be a valid line code"),
        ({"new_line": 3, "old_line": 3}, "must be a valid line code"),
        ({"new_line": 5}, "must be a valid line code"),
        ({"new_line": 12, "old_line": 11}, "must be a valid line code"),
        ({}, "is incomplete"),
    ],
)  # fmt: skip
async def test_a_position_that_gitlab_would_refuse_is_refused(
    forge: Forge, position: dict[str, Any], said: str
) -> None:
    pull = await opened_pull(forge)
    status, text = await post(forge, pull, position)
    assert (status, said in text) == (400, True)
    assert forge.emulator.comments_on_lines(PATH, pull.number) == ()


async def test_a_line_that_was_removed_is_named_by_its_old_number_alone(forge: Forge) -> None:
    pull = await opened_pull(forge)
    assert (await post(forge, pull, {"old_line": 25}))[0] == 201
    assert (await post(forge, pull, {"old_line": 24}))[0] == 400


async def test_a_comment_on_a_new_file_never_names_an_old_line(forge: Forge) -> None:
    pull = await opened_pull(forge, pump=b"a = 1\nb = 2\n")
    odd = comment(2, 2, path="pump.py", old_path="nothing.py", is_new_file=True)
    assert await forge.client("bob").comment_on_lines(forge.rocket, pull, [odd], "") == ()


async def test_a_comment_on_a_renamed_file_names_both_paths(forge: Forge) -> None:
    pull = await opened_pull(forge, old=None, young=b"x = 1\ny = 2\nz = 4\n")
    (file,) = await forge.client("bob").diff(forge.rocket, pull.number)
    assert (file.status, file.old_path, file.path) == ("renamed", "old.py", "young.py")
    good = comment(3, path="young.py", old_path="old.py")
    refused = await forge.client("bob").comment_on_lines(
        forge.rocket, pull, [good, replace(good, old_path="young.py")], ""
    )
    assert [item.comment.old_path for item in refused] == ["young.py"]


@pytest.mark.parametrize(("start", "end"), [((3, None), (4, None)), ((2, 2), (4, None)), ((3, None), (6, 5))])
async def test_a_comment_on_several_lines_names_the_codes_of_both_ends(
    forge: Forge, start: tuple[int, int | None], end: tuple[int, int | None]
) -> None:
    pull = await opened_pull(forge)
    wide = comment(*end, start_line=start[0], start_old_line=start[1])
    assert await forge.client("bob").comment_on_lines(forge.rocket, pull, [wide], "") == ()
    (note,) = forge.emulator.comments_on_lines(PATH, pull.number)
    assert (note.start_line, note.line) == (start[0], end[0])


async def test_a_range_with_a_code_of_no_line_is_refused(forge: Forge) -> None:
    pull = await opened_pull(forge)
    wrong = {"line_code": "0" * 40 + "_3_3", "type": "new"}
    status, text = await post(forge, pull, {"new_line": 4, "line_range": {"start": wrong, "end": wrong}})
    assert (status, "line_code" in text) == (400, True)


async def test_a_suggestion_reaches_a_hundred_lines_and_no_further(forge: Forge) -> None:
    pull = await opened_pull(forge)
    for offset, expected in ((100, 201), (101, 400)):
        body = f"Better:\n```suggestion:-0+{offset}\nx\n```"
        assert (await post(forge, pull, {"new_line": 3}, body))[0] == expected


async def test_a_folded_file_shows_no_diff_and_takes_comments_but_one_too_large_takes_none(forge: Forge) -> None:
    pull = await opened_pull(forge, folded=b"x = 1234567\n" * 3_000, huge=b"x = 1234567\n" * 30_000)
    client = forge.client("bob")
    assert [file.patch for file in await client.diff(forge.rocket, pull.number)] == [None, None]
    comments = [
        comment(7, path=path, old_path=path, is_new_file=True, start_line=line)
        for path, line in (("folded.py", None), ("folded.py", 5), ("huge.py", None))
    ]
    refused = await client.comment_on_lines(forge.rocket, pull, comments, "")
    assert [item.comment.path for item in refused] == ["huge.py"]


async def test_a_merge_request_of_more_files_than_gitlab_lists_says_so(forge: Forge) -> None:
    pull = await opened_pull(forge, **{f"file{number}": b"x\n" for number in range(1_005)})
    files = await forge.client("bob").diff(forge.rocket, pull.number)
    assert (len(files), pull.changed_files) == (1_000, 1_001)
    assert sum(file.patch is None for file in files) == 900  # beyond a tenth of the limit all are folded


# Versions


async def test_comments_stand_on_the_version_that_was_reviewed_when_the_target_has_moved(forge: Forge) -> None:
    pull = await opened_pull(forge)
    forge.emulator.add_files(PATH, {"valve.py": b"# first\n" + OLD.encode()})
    again = await forge.client("bob").pull_request(forge.rocket, pull.number)
    assert (again.base_sha, again.start_sha) == (pull.base_sha, pull.start_sha)
    assert await forge.client("bob").comment_on_lines(forge.rocket, pull, [comment(3)], "") == ()


async def test_gitlab_takes_comments_on_an_old_version_so_the_client_looks_first(forge: Forge) -> None:
    pull = await opened_pull(forge)
    await forge.emulator.push_to_pull_request(PATH, "bob", pull.number, files={"valve.py": OLD.encode()})
    assert (await post(forge, pull, {"new_line": 3}))[0] == 201
    with pytest.raises(HeadMoved):
        await forge.client("bob").comment_on_lines(forge.rocket, pull, [comment(3)], "")
    assert len(forge.emulator.comments_on_lines(PATH, pull.number)) == 1


async def test_a_push_while_comments_are_posted_ends_the_posting_at_the_first_refusal(
    forge: Forge, monkeypatch: pytest.MonkeyPatch
) -> None:
    pull = await opened_pull(forge)
    assert isinstance(forge.emulator, GitLabEmulator)
    world, look = forge.emulator.world, forge.emulator.changes_at

    def pushed(project: Project, request: PullRequest, version: Version) -> list[Change]:
        request.head_sha = world.commit(project, "bob", request.source, [CommitSpec(title="More")])[-1].sha
        note_version(world, project, request)
        return look(project, request, version)

    monkeypatch.setattr(forge.emulator, "changes_at", pushed)
    with pytest.raises(HeadMoved):
        await forge.client("bob").comment_on_lines(forge.rocket, pull, [comment(12, 11), comment(3)], "")
    assert forge.emulator.comments_on_lines(PATH, pull.number) == ()


async def test_nothing_is_asked_where_there_is_nothing_to_say(forge: Forge) -> None:
    pull = await opened_pull(forge)
    before = len(forge.emulator.requests)
    assert await forge.client("bob").comment_on_lines(forge.rocket, pull, [], "") == ()
    assert len(forge.emulator.requests) == before


async def test_the_merge_base_is_found_where_the_merge_request_does_not_say_it(forge: Forge) -> None:
    pull = await opened_pull(forge)
    client, unsaid = forge.client("bob"), replace(pull, base_sha=None)
    assert await client.merge_base(forge.rocket, unsaid) == pull.base_sha
    main = forge.emulator.add_files(PATH, {"a.py": b"a\n"})
    other = forge.emulator.add_files(PATH, {"b.py": b"b\n"}, branch="other")
    assert await client.merge_base(forge.rocket, replace(unsaid, head_sha=other)) == main
    with pytest.raises(NotFound):
        await client.merge_base(forge.rocket, replace(unsaid, head_sha=None))


async def test_a_description_and_a_draft_are_read(forge: Forge) -> None:
    number = await forge.emulator.open_pull_request(PATH, "bob", "Valve", body="See the plan.", draft=True, files={})
    found = await forge.client("bob").pull_request(forge.rocket, number)
    assert (found.draft, found.body, found.changed_files) == (True, "See the plan.", 0)


# Threads and notes


async def test_what_gitlab_itself_says_in_a_thread_is_nobodys_remark(forge: Forge) -> None:
    pull = await opened_pull(forge)
    client = forge.client("bob")
    await client.comment_on_lines(forge.rocket, pull, [comment(3)], "")
    await forge.emulator.push_to_pull_request(PATH, "bob", pull.number, files={"valve.py": OLD.encode() + b"new\n"})
    (thread,) = await client.threads(forge.rocket, pull.number)
    assert [remark.body for remark in thread.remarks] == ["Why?"]
    url = f"{forge.emulator.url}/api/v4/projects/{forge.rocket.external_id}/merge_requests/{pull.number}/discussions"
    async with (
        aiohttp.ClientSession(headers={"PRIVATE-TOKEN": token_of("bob")}) as session,
        session.get(url) as answer,
    ):
        (told,) = await answer.json()
    assert [note["system"] for note in told["notes"]] == [False, True]


async def test_a_line_of_a_note_that_begins_with_a_slash_is_done_unless_it_is_code(forge: Forge) -> None:
    pull = await opened_pull(forge)
    client = forge.client("bob")
    await client.add_remark(forge.rocket, pull.number, "It says\n```\n/close\n```\nand more")
    assert (await client.pull_request(forge.rocket, pull.number)).state == "open"
    await client.add_remark(forge.rocket, pull.number, "It says\n/close\nand more")
    assert (await client.pull_request(forge.rocket, pull.number)).state == "closed"
    assert (await client.remarks(forge.rocket, pull.number))[-1].body == "It says\nand more"


async def test_who_only_reads_resolves_their_own_threads_alone(forge: Forge) -> None:
    pull = await opened_pull(forge)
    for login in ("ann", "carl"):
        await forge.client(login).comment_on_lines(forge.rocket, pull, [comment(3)], "")
    carl = forge.client("carl")
    hers, his = await carl.threads(forge.rocket, pull.number)
    await carl.resolve_thread(forge.rocket, pull.number, his.id)
    with pytest.raises(MissingPermission):
        await carl.resolve_thread(forge.rocket, pull.number, hers.id)
    assert [thread.resolved for thread in await carl.threads(forge.rocket, pull.number)] == [False, True]


# Statuses


async def test_a_status_goes_from_pending_to_its_end_and_pending_twice_is_no_error(forge: Forge) -> None:
    pull = await opened_pull(forge)
    client, sha = forge.client("bob"), pull.head_sha or ""
    told = [StatusState.PENDING, StatusState.PENDING, StatusState.ERROR, StatusState.PENDING, StatusState.SUCCESS]
    for state in told:
        await client.set_status(forge.rocket, sha, CommitStatus(state=state, context="review", description="It is."))
    posted = [request.status for request in forge.emulator.requests if "/statuses/" in request.path]
    assert posted == [201, 400, 201, 201, 201]
    assert forge.emulator.statuses(PATH, sha)["review"].state == "success"


async def test_a_status_of_a_fork_s_commit_is_not_found_and_one_too_long_is_refused(forge: Forge) -> None:
    forge.emulator.add_project("carl/rocket", members={"carl": "admin"})
    number = await forge.emulator.open_pull_request(PATH, "carl", "Valve", files={"a.py": b"a\n"}, fork="carl/rocket")
    client = forge.client("bob")
    pull = await client.pull_request(forge.rocket, number)
    status = CommitStatus(state=StatusState.SUCCESS, context="review", description="Fine")
    with pytest.raises(NotFound):
        await client.set_status(forge.rocket, pull.head_sha or "", status)
    own = await opened_pull(forge)
    with pytest.raises(Rejected, match="too long"):
        await client.set_status(forge.rocket, own.head_sha or "", replace(status, description="x" * 256))


async def test_a_fork_s_branch_is_told_by_its_own_name(forge: Forge) -> None:
    forge.emulator.add_project("carl/rocket", members={"carl": "admin"})
    number = await forge.emulator.open_pull_request(
        PATH, "carl", "Valve", source="valve", files={"a.py": b"a\n"}, fork="carl/rocket"
    )
    assert isinstance(forge.emulator, GitLabEmulator)
    project, pull = forge.emulator.world.pull(PATH, number)
    block = forge.emulator.shapes.merge_request_block(project, pull)
    assert block["source_branch"] == "valve"
    assert block["source"]["path_with_namespace"] == "carl/rocket"
    assert (await forge.client("bob").pull_request(forge.rocket, number)).source_branch == "valve"
