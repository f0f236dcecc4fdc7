"""What a review needs of a forge: contents, threads on lines, remarks, statuses; the same on both."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from src.demo.forge import Blob, ForgeEmulator
from src.forge import (
    CommitStatus,
    FileKind,
    ForgeError,
    HeadMoved,
    LineComment,
    NotFound,
    RemotePullRequest,
    StatusState,
)
from tests.conformance.cast import Forge, logins

PATH = "acme/rocket"
OLD = b"".join(b"line %d\n" % n for n in range(1, 41))
NEW = OLD.replace(b"line 3\n", b"line three\nand a half\n").replace(b"line 30\n", b"line thirty\n")
FILES: Mapping[str, bytes | Blob | None] = {
    "engine.py": NEW, "new.py": b"x = 1\ny = 2\nz = 3\n", "old.py": None, "moved.py": b"same\n" * 9 + b"more\n",
    "place.py": None,
}  # fmt: skip


async def opened(forge: Forge, *, by: str = "bob", fork: str | None = None) -> RemotePullRequest:
    """A pull request that changes, adds, removes and renames."""
    forge.emulator.add_files(PATH, {"engine.py": OLD, "old.py": b"gone = 1\n", "place.py": b"same\n" * 9})
    number = await forge.emulator.open_pull_request(PATH, by, "New valve", files=FILES, fork=fork, body="A reason")
    return await forge.client().pull_request(forge.rocket, number)


def on_line(path: str = "engine.py", line: int = 3, **more: object) -> LineComment:
    """A comment on an added line."""
    plain = LineComment(path=path, old_path=path, is_new_file=path == "new.py", line=line, old_line=None, body="Why?")
    return replace(plain, **more)  # type: ignore[arg-type]  # the names are the dataclass's own


def on_context() -> LineComment:
    """A comment on an unchanged line: number 5 on the new side, one less on the old."""
    return on_line(line=6, old_line=5)


# The pull request and its files


async def test_a_pull_request_says_what_a_review_needs_of_it(forge: Forge) -> None:
    pull = await opened(forge)
    assert (pull.draft, pull.body, pull.changed_files) == (False, "A reason", 4)
    await forge.emulator.set_draft(PATH, "bob", pull.number, draft=True)
    assert (await forge.client().pull_request(forge.rocket, pull.number)).draft


@pytest.mark.usefixtures("small_pages")
async def test_the_diff_is_what_git_says_between_the_merge_base_and_the_head(forge: Forge) -> None:
    pull = await opened(forge)
    forge.emulator.add_files(PATH, {"unrelated.py": b"later = 1\n"})
    files = {file.path: file for file in await forge.client().diff(forge.rocket, pull.number)}
    assert {path: (file.old_path, file.status) for path, file in files.items()} == {
        "engine.py": ("engine.py", "modified"), "moved.py": ("place.py", "renamed"), "new.py": ("new.py", "added"),
        "old.py": ("old.py", "removed"),
    }  # fmt: skip
    assert (files["new.py"].patch or "").rstrip("\n") == "@@ -0,0 +1,3 @@\n+x = 1\n+y = 2\n+z = 3"
    assert (files["engine.py"].patch or "").count("@@ -") == 2


async def test_the_merge_base_is_where_the_branches_parted(forge: Forge) -> None:
    before = forge.emulator.add_files(PATH, {"a.py": b"a = 1\n"})
    number = await forge.emulator.open_pull_request(PATH, "bob", "New valve", files={"b.py": b"b = 1\n"})
    forge.emulator.add_files(PATH, {"c.py": b"c = 1\n"})
    await forge.emulator.push_to_pull_request(PATH, "bob", number, files={"b.py": b"b = 2\n"})
    client = forge.client("carl")
    assert await client.merge_base(forge.rocket, await client.pull_request(forge.rocket, number)) == before


# Contents


async def test_contents_are_what_stands_at_a_commit_and_at_a_branch(forge: Forge) -> None:
    pull = await opened(forge)
    client = forge.client("carl")
    head = await client.contents(forge.rocket, ["engine.py", "new.py", "nothing.py", "old.py"], pull.head_sha or "")
    assert {path: found.data for path, found in head.items()} == {"engine.py": NEW, "new.py": b"x = 1\ny = 2\nz = 3\n"}
    assert head["engine.py"].kind is FileKind.FILE
    assert head["engine.py"].size == len(NEW)
    trunk = await client.contents(forge.rocket, ["engine.py", "new.py"], "main")
    assert {path: found.data for path, found in trunk.items()} == {"engine.py": OLD}


@pytest.mark.parametrize(
    "data",
    [
        b"", b"no end", b"carriage\r\nreturns\r\n", "\ufeffmark = 1\n".encode(), "# кириллица\n".encode(),
        "# coding: latin-1\nname = 'é'\n".encode("latin-1"), b"broken = '\xff\xfe'\n", "form\x0cfeed\u2028\n".encode(),
        "a replacement \N{REPLACEMENT CHARACTER}\n".encode(), b"cut \xf0\x9f\x98\n",
    ],
    ids=["empty", "no end", "crlf", "bom", "utf-8", "latin-1", "broken", "odd ends", "replacement", "cut character"],
)  # fmt: skip
async def test_contents_are_the_very_bytes(forge: Forge, data: bytes) -> None:
    sha = forge.emulator.add_files(PATH, {"src/odd name #1?.py": data})
    (found,) = (await forge.client().contents(forge.rocket, ["src/odd name #1?.py"], sha)).values()
    assert (found.path, found.data) == ("src/odd name #1?.py", data)


async def test_a_link_is_where_it_points_and_a_submodule_is_named_as_one(forge: Forge) -> None:
    files = {
        "link.py": Blob(b"/etc/passwd", "120000"),
        "lib": Blob(b"f" * 40, "160000"),
        "run.py": Blob(b"1\n", "100755"),
    }
    sha = forge.emulator.add_files(PATH, files)
    found = await forge.client().contents(forge.rocket, list(files), sha)
    assert {path: one.kind for path, one in found.items() if path != "lib"} == {
        "link.py": FileKind.SYMLINK, "run.py": FileKind.FILE,
    }  # fmt: skip
    assert found["link.py"].data == b"/etc/passwd"
    assert "lib" not in found or (found["lib"].kind, found["lib"].data or b"") == (FileKind.SUBMODULE, b"")


async def test_contents_cost_a_question_for_each_hundred_files(forge: Forge) -> None:
    names = [f"src/file_{n}.py" for n in range(250)]
    sha = forge.emulator.add_files(PATH, {name: name.encode() for name in names})
    before = len(forge.emulator.requests)
    found = await forge.client().contents(forge.rocket, [*names, *names[:5]], sha)
    assert {path: one.data for path, one in found.items()} == {name: name.encode() for name in names}
    assert len(forge.emulator.requests) - before == 3


async def test_a_path_that_leaves_the_project_is_not_there(forge: Forge) -> None:
    sha = forge.emulator.add_files(PATH, {"a.py": b"1\n"})
    assert await forge.client().contents(forge.rocket, ["../a.py", 'x") { id }', "/a.py"], sha) == {}


async def test_contents_of_a_private_project_are_not_a_strangers(forge: Forge) -> None:
    sha = forge.emulator.add_files(PATH, {"a.py": b"1\n"})
    with pytest.raises(NotFound):
        await forge.client("dora").contents(forge.rocket, ["a.py"], sha)


# Comments on lines


async def test_a_review_is_posted_at_once_and_read_as_threads(forge: Forge) -> None:
    pull = await opened(forge)
    client = forge.client("ann")
    ranged = on_line("new.py", 3, start_line=1, body="Three lines")
    refused = await client.comment_on_lines(forge.rocket, pull, [on_line(), on_context(), ranged], "Findings")
    assert refused == ()
    threads = await client.threads(forge.rocket, pull.number)
    assert [(thread.path, thread.remarks[0].body, thread.resolved) for thread in threads] == [
        ("engine.py", "Why?", False), ("engine.py", "Why?", False), ("new.py", "Three lines", False),
    ]  # fmt: skip
    (remark,) = threads[0].remarks
    me = await client.whoami()
    assert remark.author is not None
    assert (remark.author.id, remark.author.login) == (me.id, "ann")
    assert remark.url
    assert remark.created_at
    assert remark.created_at.tzinfo
    notes = forge.emulator.comments_on_lines(PATH, pull.number)
    assert [(note.path, note.start_line, note.line) for note in notes] == [
        ("engine.py", None, 3), ("engine.py", None, 6), ("new.py", 1, 3),
    ]  # fmt: skip


BAD: Mapping[str, LineComment] = {
    "a line outside of the hunks": on_line(line=20, old_line=19),
    "a line behind the end": on_line(line=500),
    "a file that is not in the diff": on_line("setup.cfg", 1),
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
async def test_a_bad_comment_is_refused_alone(forge: Forge, bad: LineComment) -> None:
    pull = await opened(forge)
    client = forge.client()
    good = [on_line("new.py", line, body=f"Number {line}") for line in (1, 2, 3)]
    refused = await client.comment_on_lines(forge.rocket, pull, [good[0], bad, *good[1:]], "Findings")
    assert [one.comment for one in refused] == [bad]
    assert refused[0].reason
    bodies = [thread.remarks[0].body for thread in await client.threads(forge.rocket, pull.number)]
    assert sorted(bodies) == ["Number 1", "Number 2", "Number 3"]


async def test_nothing_is_posted_for_a_head_that_has_moved(forge: Forge) -> None:
    pull = await opened(forge)
    await forge.emulator.push_to_pull_request(PATH, "bob", pull.number, files={"new.py": b"x = 2\n"})
    client = forge.client()
    with pytest.raises(HeadMoved):
        await client.comment_on_lines(forge.rocket, pull, [on_line()], "Findings")
    assert await client.threads(forge.rocket, pull.number) == ()


async def test_a_review_of_a_pull_request_of_a_fork_is_like_any_other(forge: Forge) -> None:
    forge.emulator.add_project("dora/rocket", members={"dora": "admin"})
    pull = await opened(forge, by="dora", fork="dora/rocket")
    client = forge.client()
    assert await client.merge_base(forge.rocket, pull)
    found = await client.contents(forge.rocket, ["new.py"], pull.head_sha or "")
    assert found["new.py"].data == b"x = 1\ny = 2\nz = 3\n"
    assert await client.comment_on_lines(forge.rocket, pull, [on_line("new.py", 2)], "Findings") == ()
    assert len(await client.threads(forge.rocket, pull.number)) == 1


async def _many(forge: Forge, pull: RemotePullRequest, count: int) -> None:
    for number in range(count):
        await forge.emulator.comment(PATH, "carl", "review", pull.number, f"No. {number}", file="new.py", line=1)


async def test_all_threads_are_read_of_whoever_and_however_many(forge: Forge) -> None:
    pull = await opened(forge)
    await _many(forge, pull, 120)
    threads = await forge.client("carl").threads(forge.rocket, pull.number)
    assert [thread.remarks[0].body for thread in threads] == [f"No. {number}" for number in range(120)]


async def test_answers_are_read_in_their_order(forge: Forge) -> None:
    pull = await opened(forge)
    first = await forge.emulator.comment(PATH, "ann", "review", pull.number, "Why?", file="new.py", line=1)
    await forge.emulator.reply(PATH, "bob", first, "Because")
    await forge.emulator.reply(PATH, "carl", first, "I see")
    (thread,) = await forge.client().threads(forge.rocket, pull.number)
    assert [(remark.author.login if remark.author else "", remark.body) for remark in thread.remarks] == [
        ("ann", "Why?"), ("bob", "Because"), ("carl", "I see"),
    ]  # fmt: skip


async def test_a_thread_is_resolved_once_and_for_all(forge: Forge) -> None:
    pull = await opened(forge)
    client = forge.client("ann")
    await client.comment_on_lines(forge.rocket, pull, [on_line(), on_line("new.py", 1)], "Findings")
    first, second = await client.threads(forge.rocket, pull.number)
    assert first.can_resolve
    for _ in range(2):
        await client.resolve_thread(forge.rocket, pull.number, first.id)
    threads = {thread.id: thread for thread in await client.threads(forge.rocket, pull.number)}
    assert threads[first.id].resolved
    assert threads[first.id].resolved_by is not None
    assert logins((threads[first.id].resolved_by,)) == ["ann"]  # type: ignore[arg-type]  # asserted above
    assert not threads[second.id].resolved


async def test_who_resolved_a_thread_by_hand_is_told(forge: Forge) -> None:
    pull = await opened(forge)
    note = await forge.emulator.comment(PATH, "ann", "review", pull.number, "Why?", file="new.py", line=1)
    await forge.emulator.resolve_thread(PATH, "bob", note)
    (thread,) = await forge.client().threads(forge.rocket, pull.number)
    assert thread.resolved
    assert thread.resolved_by is not None
    assert thread.resolved_by.login == "bob"
    await forge.emulator.resolve_thread(PATH, "bob", note, resolved=False)
    assert not (await forge.client().threads(forge.rocket, pull.number))[0].resolved


async def test_a_reader_may_not_resolve_what_others_wrote(forge: Forge) -> None:
    pull = await opened(forge)
    await forge.client("ann").comment_on_lines(forge.rocket, pull, [on_line()], "Findings")
    client = forge.client("carl")
    (thread,) = await client.threads(forge.rocket, pull.number)
    assert thread.can_resolve is (forge.kind == "gitlab")  # which says it of the thread alone
    with pytest.raises(ForgeError):
        await client.resolve_thread(forge.rocket, pull.number, thread.id)
    with pytest.raises(ForgeError):
        await forge.client().resolve_thread(forge.rocket, pull.number, "0" * 40)
    assert not (await client.threads(forge.rocket, pull.number))[0].resolved


# Remarks


@pytest.mark.usefixtures("small_pages")
async def test_remarks_are_added_edited_and_read_without_those_on_lines(forge: Forge) -> None:
    pull = await opened(forge)
    client = forge.client("ann")
    await forge.emulator.comment(PATH, "bob", "pull_request", pull.number, "Please look")
    await forge.emulator.comment(PATH, "bob", "review", pull.number, "On a line", file="new.py", line=1)
    made = await client.add_remark(forge.rocket, pull.number, "Summary <!-- mark -->")
    await forge.emulator.comment(PATH, "carl", "pull_request", pull.number, "Thanks")
    await client.edit_remark(forge.rocket, pull.number, made.id, "Summary, newer")
    found = await client.remarks(forge.rocket, pull.number)
    assert [(one.author.login if one.author else "", one.body) for one in found] == [
        ("bob", "Please look"), ("ann", "Summary, newer"), ("carl", "Thanks"),
    ]  # fmt: skip
    assert found[1].id == made.id
    assert made.url
    assert made.author is not None
    assert made.author.id == (await client.whoami()).id


async def test_a_remark_that_is_gone_is_not_found(forge: Forge) -> None:
    pull = await opened(forge)
    with pytest.raises(NotFound):
        await forge.client().edit_remark(forge.rocket, pull.number, "987654", "Newer")


async def test_what_the_forge_does_itself_is_no_remark(forge: Forge) -> None:
    pull = await opened(forge)
    await forge.emulator.close(PATH, "bob", pull.number)
    await forge.emulator.reopen(PATH, "bob", pull.number)
    assert await forge.client().remarks(forge.rocket, pull.number) == ()


# Statuses


@pytest.mark.parametrize("state", StatusState)
async def test_a_status_stands_beside_the_commit(forge: Forge, state: StatusState) -> None:
    pull = await opened(forge)
    sha = pull.head_sha or ""
    status = CommitStatus(state=state, context="git-assistant/review", description="2 critical", url=pull.url)
    await forge.client("bob").set_status(forge.rocket, sha, status)
    found = forge.emulator.statuses(PATH, sha)["git-assistant/review"]
    told = {"error": "failure"}.get(state.value, state.value) if forge.kind == "gitlab" else state.value
    assert (found.state, found.description, found.url) == (told, "2 critical", pull.url)


async def test_the_last_status_of_a_context_counts(forge: Forge) -> None:
    pull = await opened(forge)
    client, sha = forge.client("bob"), pull.head_sha or ""
    for state in (StatusState.PENDING, StatusState.PENDING, StatusState.FAILURE, StatusState.SUCCESS):
        await client.set_status(forge.rocket, sha, CommitStatus(state=state, context="review", description="Said"))
    assert forge.emulator.statuses(PATH, sha)["review"].state == "success"


async def test_a_status_takes_more_than_reading(forge: Forge) -> None:
    pull = await opened(forge)
    status = CommitStatus(state=StatusState.SUCCESS, context="review", description="Clean")
    with pytest.raises(ForgeError):
        await forge.client("carl").set_status(forge.rocket, pull.head_sha or "", status)
    assert not forge.emulator.statuses(PATH, pull.head_sha or "")


# Trouble


async def _all_reads(forge: Forge, pull: RemotePullRequest, login: str = "ann") -> Sequence[object]:
    client, sha = forge.client(login), pull.head_sha or ""
    return (
        await client.contents(forge.rocket, ["new.py"], sha),
        await client.threads(forge.rocket, pull.number),
        await client.remarks(forge.rocket, pull.number),
        await client.merge_base(forge.rocket, pull),
    )


async def test_reading_survives_an_outage_that_ends(forge: Forge) -> None:
    pull = await opened(forge)
    emulator: ForgeEmulator = forge.emulator
    calm = await _all_reads(forge, pull, "bob")
    emulator.outage("down", times=1)
    assert await _all_reads(forge, pull) == calm


async def test_a_project_that_moved_is_reviewed_where_it_is(forge: Forge) -> None:
    pull = await opened(forge)
    calm = await _all_reads(forge, pull, "bob")
    forge.emulator.rename_project(PATH, "acme/shuttle")
    assert [type(found) for found in await _all_reads(forge, pull)] == [type(found) for found in calm]
    client = forge.client()
    assert await client.comment_on_lines(forge.rocket, pull, [on_line()], "Findings") == ()
    made = await client.add_remark(forge.rocket, pull.number, "Summary")
    await client.edit_remark(forge.rocket, pull.number, made.id, "Newer")
    status = CommitStatus(state=StatusState.SUCCESS, context="review", description="Clean")
    await client.set_status(forge.rocket, pull.head_sha or "", status)
    assert [note.body for note in forge.emulator.comments_on_lines("acme/shuttle", pull.number)] == ["Why?"]
    assert forge.emulator.statuses("acme/shuttle", pull.head_sha or "")["review"].state == "success"
