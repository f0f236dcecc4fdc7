"""Pull requests, issues, pipelines, commits and teams."""

import pytest

from src.demo.forge import Change, CommitSpec
from src.events import Subject, SubjectKind, Team
from src.forge import (
    FileDiff,
    ForgeError,
    NotFound,
)
from tests.conformance.cast import Forge, logins, subject

# Pull requests and issues


async def test_a_pull_request_is_read_in_all_its_states(forge: Forge) -> None:
    client, emulator = forge.client("carl"), forge.emulator
    number = await emulator.open_pull_request("acme/rocket", "bob", "New valve", source="valve")
    found = await client.pull_request(forge.rocket, number)
    assert (found.number, found.title, found.state) == (number, "New valve", "open")
    assert (found.source_branch, found.target_branch) == ("valve", "main")
    assert found.author is not None
    assert found.author.login == "bob"
    assert found.head_sha
    assert found.url
    await emulator.close("acme/rocket", "bob", number)
    assert (await client.pull_request(forge.rocket, number)).state == "closed"
    await emulator.reopen("acme/rocket", "bob", number)
    await emulator.merge("acme/rocket", "ann", number)
    assert (await client.pull_request(forge.rocket, number)).state == "merged"


@pytest.mark.usefixtures("small_pages")
async def test_the_diff_has_all_files_with_what_happened_to_them(forge: Forge) -> None:
    patch = "@@ -1 +1,2 @@\n-one\n+two\n+three\n"
    changes = [
        Change(path="src/new.py", status="added", patch="@@ -0,0 +1 @@\n+x = 1\n"),
        Change(path="src/valve.py", patch=patch),
        Change(path="src/old.py", status="removed", patch="@@ -1 +0,0 @@\n-x = 1\n"),
        Change(path="src/moved.py", status="renamed", old_path="src/place.py", patch=patch),
        Change(path="logo.png", status="added", patch=None),
    ]
    number = await forge.emulator.open_pull_request("acme/rocket", "bob", "New valve", changes=changes)
    files = await forge.client("carl").diff(forge.rocket, number)
    assert [(file.path, file.old_path, file.status) for file in files] == [
        ("src/new.py", "src/new.py", "added"),
        ("src/valve.py", "src/valve.py", "modified"),
        ("src/old.py", "src/old.py", "removed"),
        ("src/moved.py", "src/place.py", "renamed"),
        ("logo.png", "logo.png", "added"),
    ]
    assert files[-1].patch is None
    assert _lines(files[1]) == patch.strip().splitlines()


def _lines(file: FileDiff) -> list[str]:
    return (file.patch or "").strip().splitlines()


async def test_an_issue_is_read(forge: Forge) -> None:
    number = await forge.emulator.open_issue("acme/rocket", "bob", "It leaks", assignees=["ann"])
    client = forge.client("carl")
    found = await client.issue(forge.rocket, number)
    assert (found.number, found.title, found.state, found.confidential) == (number, "It leaks", "open", False)
    assert found.author is not None
    assert found.author.login == "bob"
    assert logins(found.assignees) == ["ann"]
    await forge.emulator.close_issue("acme/rocket", "ann", number)
    assert (await client.issue(forge.rocket, number)).state == "closed"


async def test_the_number_of_a_pull_request_is_no_issue(forge: Forge) -> None:
    number = await forge.emulator.open_pull_request("acme/rocket", "bob", "New valve")
    with pytest.raises(NotFound):
        await forge.client().issue(forge.rocket, number)


async def test_a_number_that_does_not_exist_is_not_found(forge: Forge) -> None:
    client = forge.client()
    for call in (client.issue(forge.rocket, 99), client.pull_request(forge.rocket, 99), client.diff(forge.rocket, 99)):
        with pytest.raises(NotFound):
            await call
    with pytest.raises(NotFound):
        await client.pipeline(forge.rocket, "123456")
    with pytest.raises(ForgeError):
        await client.commit_authors(forge.rocket, "f" * 40)


@pytest.mark.usefixtures("small_pages")
async def test_who_takes_part_in_a_thread(forge: Forge) -> None:
    emulator, client = forge.emulator, forge.client()
    issue = await emulator.open_issue("acme/rocket", "ann", "It leaks")
    request = await emulator.open_pull_request("acme/rocket", "bob", "New valve", changes=[Change(path="a.py")])
    for login in ("carl", "bob", "carl", "bob", "carl"):
        await emulator.comment("acme/rocket", login, "issue", issue, "I see it too")
    await emulator.comment("acme/rocket", "carl", "review", request, "Why?", file="a.py", line=1)
    await emulator.comment("acme/rocket", "ann", "pull_request", request, "Good")
    in_issue = await client.participants(forge.rocket, subject(SubjectKind.ISSUE, issue))
    in_request = await client.participants(forge.rocket, subject(SubjectKind.PULL_REQUEST, request))
    assert logins(in_issue) == ["ann", "bob", "carl"]
    assert logins(in_request) == ["ann", "bob", "carl"]
    wiki = Subject(kind=SubjectKind.WIKI, id="Home", title="Home")
    assert await client.participants(forge.rocket, wiki) == ()


# Pipelines, commits, teams


@pytest.mark.usefixtures("small_pages")
async def test_a_pipeline_names_its_failed_jobs(forge: Forge) -> None:
    failed = ["lint", "unit", "e2e", "docs", "package"]
    run = await forge.emulator.run_pipeline("acme/rocket", "bob", "main", "failed", failed_jobs=failed)
    found = await forge.client("carl").pipeline(forge.rocket, run)
    assert (found.id, found.status) == (run, {"github": "failure", "gitlab": "failed"}[forge.kind])
    assert sorted(found.failed_jobs) == sorted(failed)
    assert found.url


async def test_a_good_pipeline_has_no_failed_jobs(forge: Forge) -> None:
    run = await forge.emulator.run_pipeline("acme/rocket", "bob", "main", "success")
    found = await forge.client().pipeline(forge.rocket, run)
    assert (found.status, found.failed_jobs) == ("success", ())


async def test_the_author_of_a_commit_is_named_once(forge: Forge) -> None:
    commit = CommitSpec(title="Fix the valve", author="bob")
    sha = await forge.emulator.push("acme/rocket", "bob", "main", [commit])
    (author,) = await forge.client("carl").commit_authors(forge.rocket, sha)
    assert author.email == "bob@example.org"
    assert author.login == {"github": "bob", "gitlab": None}[forge.kind]


@pytest.mark.usefixtures("small_pages")
async def test_all_members_of_a_team_are_read(forge: Forge) -> None:
    crew = [f"crew-{number}" for number in range(5)]
    for login in crew:
        forge.emulator.add_user(login)
    path = {"github": "acme/core", "gitlab": "acme"}[forge.kind]
    team_id = forge.emulator.add_team(path, ["ann", *crew])
    found = await forge.client().team_members(Team(path=path, id=team_id))
    assert {"ann", *crew} <= set(logins(found))
    assert logins(await forge.client().team_members(Team(path=path))) == logins(found)


async def test_an_unknown_team_is_not_found(forge: Forge) -> None:
    for path in ("acme/nobody", "nothing"):
        with pytest.raises(NotFound):
            await forge.client().team_members(Team(path=path))
