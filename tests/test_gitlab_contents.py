"""What stands in commits on GitLab: a hundred files a question by GraphQL, and byte for byte what git has."""

from collections.abc import AsyncIterator

import pytest

from src.demo.forge import Blob
from src.forge import FileKind, NotFound, ProjectRef, Rejected, Unavailable
from src.forge_http import Policy, open_session
from src.gitlab_api import contents
from src.gitlab_api.client import GitLabClient, GitLabConnector
from tests.conformance.cast import Forge, opened, token_of

PATH = "acme/rocket"


@pytest.fixture(params=["gitlab", "gitlab /gitlab"])
async def forge(request: pytest.FixtureRequest) -> AsyncIterator[Forge]:
    async with opened(request.param) as found:
        yield found


def asked(forge: Forge) -> list[str]:
    """How files were asked for: the last part of each address."""
    paths = [request.path.removeprefix("/gitlab") for request in forge.emulator.requests]
    return [path.rpartition("/")[2] for path in paths if "graphql" in path or "repository/files" in path]


async def test_a_hundred_files_take_one_question(forge: Forge) -> None:
    files = {f"src/file{number}.py": f"x = {number}\n".encode() for number in range(201)}
    sha = forge.emulator.add_files(PATH, files)
    found = await forge.client("bob").contents(forge.rocket, [*files, "src/none.py"], sha)
    assert {path: content.data for path, content in found.items()} == files
    assert asked(forge) == ["graphql"] * 3


async def test_bytes_are_what_git_has_though_graphql_tells_all_in_utf_8(forge: Forge) -> None:
    files = {
        "plain.py": "x = 'привет'\r\n".encode(),
        "empty.py": b"",
        "mark.py": b"\xef\xbb\xbfx = 1\n",
        "latin.py": "# -*- coding: latin-1 -*-\nx = 'café'\n".encode("latin-1"),
        "odd.py": b"x = '\xff\xfe'\x0c\n",
    }
    sha = forge.emulator.add_files(PATH, files)
    found = await forge.client("bob").contents(forge.rocket, files, sha)
    assert {path: content.data for path, content in found.items()} == files
    assert sorted(asked(forge)) == ["graphql", "latin.py", "odd.py"]


async def test_a_file_in_a_folder_is_asked_for_by_its_whole_path(forge: Forge) -> None:
    odd = "a b/#c?/%2e%2e/é.py"
    sha = forge.emulator.add_files(PATH, {odd: b"x = '\xff'\n"})
    found = await forge.client("bob").contents(forge.rocket, [odd], sha)
    assert found[odd].data == b"x = '\xff'\n"


async def test_a_binary_a_link_and_a_submodule_are_told_apart(forge: Forge) -> None:
    files: dict[str, bytes | Blob | None] = {
        "logo.py": b"\0\1\2", "link.py": Blob(b"/etc/passwd", "120000"), "sub": Blob(b"a" * 40, "160000"),
        "run.py": Blob(b"x = 1\n", "100755"),
    }  # fmt: skip
    sha = forge.emulator.add_files(PATH, files)
    found = await forge.client("bob").contents(forge.rocket, files, sha)
    assert {path: (one.kind, one.data, one.binary) for path, one in found.items()} == {
        "logo.py": (FileKind.FILE, None, True),
        "link.py": (FileKind.SYMLINK, b"/etc/passwd", False),
        "sub": (FileKind.SUBMODULE, None, False),
        "run.py": (FileKind.FILE, b"x = 1\n", False),
    }
    assert asked(forge) == ["graphql"]


async def test_files_that_are_too_much_for_one_answer_come_in_portions_and_the_largest_not_at_all(
    forge: Forge,
) -> None:
    files = {f"file{number}.py": b"x = 1\n" * 250_000 for number in range(4)}
    files |= {"huge.py": b"#" * 3_000_000, "small.py": b"y = 1\n"}
    sha = forge.emulator.add_files(PATH, files)
    async with open_session() as session:
        policy = Policy(max_bytes=4_000_000, first_delay=0.0)
        client = GitLabConnector(session, policy=policy).client(forge.emulator.url, token_of("bob"))
        found = await client.contents(forge.rocket, files, sha)
    assert [path for path, one in found.items() if one.data is None] == ["huge.py"]
    assert (found["huge.py"].size, found["huge.py"].binary) == (3_000_000, False)
    assert all(one.data == files[path] for path, one in found.items() if path != "huge.py")
    assert len(asked(forge)) < len(files)


async def test_files_of_which_each_is_too_long_are_named_and_the_others_are_read(forge: Forge) -> None:
    files = {f"long_{number}.py": b"x = 1\n" * 50_000 for number in range(12)} | {"small.py": b"y = 1\n"}
    sha = forge.emulator.add_files(PATH, files)
    async with open_session() as session:
        policy = Policy(max_bytes=200_000, first_delay=0.0)
        client = GitLabConnector(session, policy=policy).client(forge.emulator.url, token_of("bob"))
        found = await client.contents(forge.rocket, files, sha)
    assert {path: one.size for path, one in found.items()} == {path: len(data) for path, data in files.items()}
    assert {path: one.data for path, one in found.items() if one.data is not None} == {"small.py": b"y = 1\n"}
    assert not any(one.binary for one in found.values())


async def test_not_every_file_of_many_is_asked_for_by_itself(forge: Forge) -> None:
    files = {f"file{number}.py": b"x = '\xff%d'\n" % number for number in range(35)}
    sha = forge.emulator.add_files(PATH, files)
    found = await forge.client("bob").contents(forge.rocket, files, sha)
    assert sum(one.data is None for one in found.values()) == 5
    assert len(asked(forge)) == 31


async def test_the_files_of_a_fork_and_of_a_branch_are_read_in_the_project_itself(forge: Forge) -> None:
    forge.emulator.add_project("carl/rocket", private=True, members={"carl": "admin"})
    forge.emulator.add_files(PATH, {".git-assistant.toml": b"[review]\n"})
    number = await forge.emulator.open_pull_request(
        PATH, "carl", "Valve", files={"a.py": b"a = 1\n"}, fork="carl/rocket"
    )
    client = forge.client("bob")
    pull = await client.pull_request(forge.rocket, number)
    assert (await client.contents(forge.rocket, ["a.py"], pull.head_sha or ""))["a.py"].data == b"a = 1\n"
    assert (await client.contents(forge.rocket, [".git-assistant.toml"], "main"))[".git-assistant.toml"].size == 9
    assert await client.contents(forge.rocket, ["a.py"], "main") == {}


async def test_a_renamed_project_is_found_by_its_id(forge: Forge) -> None:
    sha = forge.emulator.add_files(PATH, {"a.py": b"a = 1\n"})
    forge.emulator.rename_project(PATH, "acme/shuttle")
    old = ProjectRef(external_id=forge.ids[PATH], path=PATH)
    assert (await forge.client("bob").contents(old, ["a.py"], sha))["a.py"].data == b"a = 1\n"


async def test_who_does_not_see_the_project_does_not_see_its_files(forge: Forge) -> None:
    sha = forge.emulator.add_files(PATH, {"a.py": b"a = 1\n"})
    with pytest.raises(NotFound):
        await forge.client("dora").contents(forge.rocket, ["a.py"], sha)


async def test_a_stranger_asks_for_less_at_once(forge: Forge) -> None:
    forge.emulator.set_private(PATH, False)
    files = {f"file{number}.py": b"x = 1\n" for number in range(100)}
    sha = forge.emulator.add_files(PATH, files)
    assert len(await forge.stranger().contents(forge.rocket, files, sha)) == 100
    assert asked(forge) == ["graphql"] * 3  # too complex, and then in halves


async def test_a_token_that_may_read_the_api_reads_files(forge: Forge) -> None:
    sha = forge.emulator.add_files(PATH, {"a.py": b"a = '\xff'\n"})
    forge.emulator.add_token("tok_reader", "bob", scopes=["read_api"])
    client = forge.connector.client(forge.emulator.url, "tok_reader")
    assert (await client.contents(forge.rocket, ["a.py"], sha))["a.py"].data == b"a = '\xff'\n"


@pytest.mark.parametrize("query", ["{ project(fullPath: $p) { id } }", "{ nothing }", "query {", "{ currentUser }"])
async def test_a_query_that_is_none_is_refused_with_gitlabs_words(forge: Forge, query: str) -> None:
    client = forge.client("bob")
    assert isinstance(client, GitLabClient)
    with pytest.raises(Rejected, match="refused a GraphQL query"):
        await client._api.query(query, {})


async def test_an_outage_is_no_reason_to_ask_again_and_again(forge: Forge) -> None:
    sha = forge.emulator.add_files(PATH, {"a.py": b"a = 1\n"})
    forge.emulator.outage("down")
    with pytest.raises(Unavailable):
        await forge.client("bob").contents(forge.rocket, ["a.py"], sha)
    assert len(asked(forge)) == 2


def test_the_name_of_a_blob_is_git_s() -> None:
    assert contents.blob_id(b"hello\n", like="0" * 40) == "ce013625030ba8dba906f756967f9e9ca394464a"
    assert contents.blob_id(b"", like="0" * 64) == "473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813"
