"""GitHub's rules for reviews: what is refused with which words, what is left out in silence."""

from typing import Any

import pytest

from src.demo.forge import Blob, CommitSpec
from tests.test_forge_emulators.stage import ROCKET, Reply, Stage

OLD = b"".join(b"line %d\n" % n for n in range(1, 61))
NEW = OLD.replace(b"line 10\n", b"line ten\n").replace(b"line 18\n", b"line eighteen\n").replace(b"line 50\n", b"")
PULL = "/repos/acme/rocket/pulls/1"


async def opened(github: Stage) -> str:
    """A pull request with three hunks; the first two touch one another. Returns its head."""
    github.forge.add_files(ROCKET, {"engine.py": OLD, "old.py": b"1\n"})
    await github.forge.open_pull_request(ROCKET, "bob", "Engine", files={"engine.py": NEW, "old.py": None})
    return str((await github.ask("GET", PULL)).body["head"]["sha"])


def comment(line: int = 10, **more: object) -> dict[str, Any]:
    """One of a review's comments."""
    return {"path": "engine.py", "body": "Why?", "line": line, "side": "RIGHT", **more}


async def post(github: Stage, sha: str, *comments: object, who: str = "ann", **more: object) -> Reply:
    """A review."""
    body = {"commit_id": sha, "event": "COMMENT", "body": "Findings", "comments": comments, **more}
    return await github.ask("POST", f"{PULL}/reviews", who, body=body)


def problem(reply: Reply) -> str:
    """Why it was refused."""
    assert reply.status == 422
    return str(reply.body.get("errors", [reply.body["message"]])[0])


async def test_a_good_review_is_one_review_with_its_comments(github: Stage) -> None:
    sha = await opened(github)
    reply = await post(github, sha, comment(), comment(18, start_line=16, start_side="RIGHT"), comment(12, side="LEFT"))
    assert (reply.status, reply.body["state"], reply.body["commit_id"]) == (200, "COMMENTED", sha)
    listed = (await github.ask("GET", f"{PULL}/comments")).body
    assert [(one["line"], one["start_line"], one["pull_request_review_id"]) for one in listed] == [
        (10, None, reply.body["id"]), (18, 16, reply.body["id"]), (12, None, reply.body["id"]),
    ]  # fmt: skip
    assert listed[0]["diff_hunk"].startswith("@@ -7,7 +7,7 @@")


REFUSED = {
    "outside of every hunk": (comment(30), "line must be part of the diff"),
    "behind the end": (comment(61), "line must be part of the diff"),
    "no such file": (comment(path="nothing.py"), "path is invalid"),
    "a removed file": (comment(1, path="old.py"), "line must be part of the diff"),
    "the start is the end": (comment(start_line=10), "must precede the end line"),
    "the start is behind the end": (comment(start_line=11), "must precede the end line"),
    "the start is outside": (comment(start_line=3), "start line must be part of the diff"),
    "the start is in the hunk beside": (comment(18, start_line=12), "part of the same hunk"),
    "no text": (comment(body=" "), "can't be blank"),
    "too long a text": (comment(body="x" * 65_537), "too long"),
    "no line": ({"path": "engine.py", "body": "Why?"}, "line must be part of the diff"),
    "a whole file": (comment(subject_type="file"), "not a permitted key"),
    "no path": ({"body": "Why?", "line": 10}, "needs a path"),
}  # fmt: skip


@pytest.mark.parametrize(("bad", "said"), REFUSED.values(), ids=REFUSED.keys())
async def test_one_bad_comment_refuses_the_whole_review(github: Stage, bad: dict[str, Any], said: str) -> None:
    sha = await opened(github)
    assert said in problem(await post(github, sha, comment(), bad))
    assert (await github.ask("GET", f"{PULL}/reviews")).body == []
    assert (await github.ask("GET", f"{PULL}/comments")).body == []


async def test_a_review_needs_a_text_and_no_longer_one_than_a_comments(github: Stage) -> None:
    sha = await opened(github)
    assert "body" in problem(await post(github, sha, comment(), body=""))
    assert "too long" in problem(await post(github, sha, comment(), body="x" * 65_537))


async def test_the_commit_of_a_review_is_one_of_the_pull_requests(github: Stage) -> None:
    sha = await opened(github)
    trunk = github.forge.add_files(ROCKET, {"other.py": b"1\n"})
    for wrong in (trunk, "f" * 40, "main"):
        assert "end_commit_oid is not part of the pull request" in problem(await post(github, wrong, comment()))
    await github.forge.push_to_pull_request(ROCKET, "bob", 1, files={"engine.py": OLD})
    assert (await post(github, sha, comment())).status == 200, "an older head is still a commit of it"


async def test_a_comment_of_an_older_head_is_outdated(github: Stage) -> None:
    sha = await opened(github)
    await post(github, sha, comment())
    await github.forge.push_to_pull_request(ROCKET, "bob", 1, files={"new.py": b"1\n"})
    (listed,) = (await github.ask("GET", f"{PULL}/comments")).body
    assert (listed["line"], listed["original_line"], listed["original_commit_id"]) == (None, 10, sha)


async def test_nobody_approves_what_they_wrote_but_may_comment_on_it(github: Stage) -> None:
    sha = await opened(github)
    assert (await post(github, sha, comment(), who="bob")).status == 200
    assert "approve your own" in problem(await post(github, sha, comment(), who="bob", event="APPROVE"))


async def test_a_single_comment_obeys_the_same_rules_and_is_answered(github: Stage) -> None:
    sha = await opened(github)
    made = await github.ask("POST", f"{PULL}/comments", body=comment(commit_id=sha))
    assert made.status == 201
    refused = await github.ask("POST", f"{PULL}/comments", body=comment(30, commit_id=sha))
    assert "line must be part of the diff" in problem(refused)
    answer = await github.ask("POST", f"{PULL}/comments/{made.body['id']}/replies", "bob", body={"body": "Because"})
    assert (answer.status, answer.body["in_reply_to_id"]) == (201, made.body["id"])


async def test_what_people_do_with_threads_is_told(github: Stage) -> None:
    await opened(github)
    note = await github.forge.comment(ROCKET, "ann", "review", 1, "Why?", file="engine.py", line=10)
    await github.listen("pull_request_review_comment")
    await github.forge.reply(ROCKET, "bob", note, "Because")
    assert [body["comment"]["in_reply_to_id"] for body in github.bodies] == [int(note)]


# Files


async def test_a_page_of_files_ends_after_20_000_lines_of_patches_and_nothing_says_so(github: Stage) -> None:
    files = {f"file_{n}.py": b"x = 1\n" * 9_000 for n in range(4)}
    await github.forge.open_pull_request(ROCKET, "bob", "Large", files=files)
    listed = (await github.ask("GET", f"{PULL}/files?per_page=100")).body
    assert [("patch" in file, file["changes"]) for file in listed] == [
        (True, 9_000),
        (True, 9_000),
        (False, 0),
        (False, 0),
    ]
    again = (await github.ask("GET", f"{PULL}/files?per_page=1&page=4")).body
    assert [("patch" in file, file["changes"]) for file in again] == [(True, 9_000)]


async def test_no_more_than_3_000_files_are_listed(github: Stage) -> None:
    files = {f"file_{n:04}.py": b"%d\n" % n for n in range(3_050)}
    await github.forge.open_pull_request(ROCKET, "bob", "Many", files=files)
    assert len((await github.ask("GET", f"{PULL}/files?per_page=100&page=30")).body) == 100
    assert (await github.ask("GET", f"{PULL}/files?per_page=100&page=31")).body == []
    assert (await github.ask("GET", PULL)).body["changed_files"] == 3_050


async def test_a_push_of_files_changes_what_the_pull_request_is(github: Stage) -> None:
    await opened(github)
    await github.forge.push(ROCKET, "bob", "topic", [CommitSpec(title="Undo", files={"engine.py": OLD})])
    assert [file["filename"] for file in (await github.ask("GET", f"{PULL}/files")).body] == ["old.py"]
    await github.forge.merge(ROCKET, "ann", 1)
    commit = (await github.ask("GET", "/repos/acme/rocket/commits/main")).body
    assert [(file["filename"], file["status"]) for file in commit["files"]] == [("old.py", "removed")]


# Statuses


async def test_statuses_come_to_one_state(github: Stage) -> None:
    sha = await opened(github)
    path = f"/repos/acme/rocket/statuses/{sha}"
    for state, context in (("pending", "a"), ("success", "a"), ("success", "b")):
        assert (await github.ask("POST", path, body={"state": state, "context": context})).status == 201
    both = (await github.ask("GET", f"/repos/acme/rocket/commits/{sha}/status")).body
    assert (both["state"], [one["context"] for one in both["statuses"]]) == ("success", ["a", "b"])
    assert len((await github.ask("GET", f"/repos/acme/rocket/commits/{sha}/statuses")).body) == 3


async def test_a_bad_status_is_refused(github: Stage) -> None:
    sha = await opened(github)
    path = f"/repos/acme/rocket/statuses/{sha}"
    assert (await github.ask("POST", path, body={"state": "fine"})).status == 422
    assert (await github.ask("POST", path, body={"state": "success", "description": "x" * 141})).status == 422
    unknown = await github.ask("POST", f"/repos/acme/rocket/statuses/{'f' * 40}", body={"state": "success"})
    assert (unknown.status, unknown.body["message"]) == (422, f"No commit found for SHA: {'f' * 40}")
    assert (await github.ask("POST", path, "carl", body={"state": "success"})).status == 403


async def test_statuses_take_their_scope(github: Stage) -> None:
    sha = await opened(github)
    github.forge.add_token("tok_narrow", "ann", scopes=["notifications"])
    reply = await github.ask("POST", f"/repos/acme/rocket/statuses/{sha}", "narrow", body={"state": "success"})
    assert (reply.status, "repo" in reply.headers["X-Accepted-OAuth-Scopes"]) == (404, True)


# GraphQL


async def ask(github: Stage, query: str, who: str | None = "ann", **variables: object) -> Reply:
    """One question."""
    return await github.ask("POST", "/graphql", who, body={"query": query, "variables": variables})


async def test_graphql_wants_a_token(github: Stage) -> None:
    assert (await ask(github, "{ viewer { login } }", None)).status == 401
    assert (await ask(github, "{ viewer { login } }")).body == {"data": {"viewer": {"login": "ann"}}}


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("{ viewer { nothing } }", "doesn't exist on type 'User'"),
        ("{ nothing }", "doesn't exist on type 'Query'"),
        ("{ viewer }", "must have selections"),
        ("{ viewer { login } ", "Unexpected end"),
        ('{ repository(owner: "acme") { nameWithOwner } }', "name"),
        ("query($n: Int!) { viewer { login } }", "Variable $n"),
    ],
)
async def test_graphql_refuses_what_its_schema_does_not_know(github: Stage, query: str, said: str) -> None:
    reply = await ask(github, query)
    assert reply.status == 200
    assert said in reply.body["errors"][0]["message"]
    assert "data" not in reply.body


async def test_graphql_says_of_what_is_not_there_that_it_is_not_found(github: Stage) -> None:
    query = '{ repository(owner: "acme", name: "plan") { nameWithOwner } }'
    reply = await ask(github, query, "dora")
    assert reply.body["data"] == {"repository": None}
    assert reply.body["errors"][0]["type"] == "NOT_FOUND"


async def test_graphql_shows_files_as_git_has_them(github: Stage) -> None:
    files: dict[str, bytes | Blob | None] = {
        "a.py": b"x = 1\n", "logo.png": b"\0", "latin.py": b"# \xe9\n", "big.py": b"x = 1\n" * 100_000,
        "link": Blob(b"a.py", "120000"), "lib": Blob(b"f" * 40, "160000"), "api_pb2.py": b"x = 1\n",
        ".gitattributes": b"*_pb2.py linguist-generated=true\ngen/** linguist-generated\n", "gen/x/y.py": b"\n",
    }  # fmt: skip
    github.forge.add_files(ROCKET, files)
    shape = "mode isGenerated object { ... on Blob { byteSize isBinary isTruncated text } }"
    asked = " ".join(f'f{n}: file(path: "{path}") {{ {shape} }}' for n, path in enumerate(files))
    commit = f'object(expression: "main") {{ ... on Commit {{ {asked} }} }}'
    query = f'{{ repository(owner: "acme", name: "rocket") {{ {commit} }} }}'
    reply = await ask(github, query)
    found = dict(zip(files, reply.body["data"]["repository"]["object"].values(), strict=True))
    assert found["a.py"]["mode"] == 0o100644
    assert (found["link"]["mode"], found["link"]["object"]["text"]) == (0o120000, "a.py")
    assert (found["lib"]["mode"], found["lib"]["object"]) == (0o160000, None)
    assert (found["logo.png"]["object"]["isBinary"], found["logo.png"]["object"]["text"]) == (True, None)
    assert found["latin.py"]["object"]["text"] == "# é\n"
    assert found["big.py"]["object"]["isTruncated"]
    assert [path for path, entry in found.items() if entry["isGenerated"]] == ["api_pb2.py", "gen/x/y.py"]


async def test_graphql_pages_want_a_number_of_at_most_a_hundred(github: Stage) -> None:
    await opened(github)
    for arguments, kind in (("", "MISSING_PAGINATION_BOUNDARIES"), ("(first: 101)", "EXCESSIVE_PAGINATION")):
        query = f'{{ repository(owner: "acme", name: "rocket") {{ pullRequest(number: 1) {{ reviewThreads{arguments} '
        reply = await ask(github, query + "{ totalCount } } } }")
        assert reply.body["errors"][0]["type"] == kind
