"""Whether a token may read a project, and what is in it."""

import pytest

from src.demo.forge import Change
from src.events import SubjectKind
from src.forge import (
    NotFound,
)
from tests.conformance.cast import Forge, subject


@pytest.mark.parametrize(
    ("login", "expected"), [("ann", True), ("bob", True), ("carl", True), ("dora", False), (None, False)]
)
async def test_who_reads_a_private_project(forge: Forge, login: str | None, expected: bool) -> None:
    issue = await forge.emulator.open_issue("acme/rocket", "bob", "It leaks")
    request = await forge.emulator.open_pull_request("acme/rocket", "bob", "New valve")
    client = forge.client(login) if login else forge.stranger()
    assert await client.can_read(forge.rocket) is expected
    assert await client.can_read(forge.rocket, subject(SubjectKind.ISSUE, issue)) is expected
    assert await client.can_read(forge.rocket, subject(SubjectKind.PULL_REQUEST, request)) is expected


async def test_a_revoked_token_reads_nothing(forge: Forge) -> None:
    forge.emulator.revoke_token("tok_ann")
    assert not await forge.client("ann").can_read(forge.rocket)


async def test_a_comment_is_read_where_it_is(forge: Forge) -> None:
    emulator, client = forge.emulator, forge.client("carl")
    issue = await emulator.open_issue("acme/rocket", "bob", "It leaks")
    request = await emulator.open_pull_request("acme/rocket", "bob", "New valve", changes=[Change(path="a.py")])
    places = [
        (subject(SubjectKind.ISSUE, issue), await emulator.comment("acme/rocket", "bob", "issue", issue, "So?")),
        (
            subject(SubjectKind.PULL_REQUEST, request),
            await emulator.comment("acme/rocket", "bob", "pull_request", request, "So?"),
        ),
        (
            subject(SubjectKind.PULL_REQUEST, request),
            await emulator.comment("acme/rocket", "bob", "review", request, "So?", file="a.py", line=1),
        ),
    ]
    for thing, comment_id in places:
        assert await client.can_read(forge.rocket, thing, comment_id)
        assert not await client.can_read(forge.rocket, thing, "98765432")
        assert not await forge.client("dora").can_read(forge.rocket, thing, comment_id)


async def test_what_is_confidential_is_read_by_few(gitlab: Forge) -> None:
    forge = gitlab  # GitHub has nothing confidential within a project
    emulator, ref = forge.emulator, forge.add_project("acme/open", private=False)
    emulator.set_member("acme/open", "bob", "write")
    secret = subject(SubjectKind.ISSUE, await emulator.open_issue("acme/open", "ann", "A hole", confidential=True))
    public = subject(SubjectKind.ISSUE, await emulator.open_issue("acme/open", "ann", "A bug"))
    assert public.number is not None
    note = await emulator.comment("acme/open", "ann", "issue", public.number, "Between us", internal=True)
    assert await forge.client("bob").can_read(ref, secret)
    assert await forge.client("bob").can_read(ref, public, note)
    assert (await forge.client("bob").issue(ref, secret.number or 0)).confidential
    assert not await forge.client("dora").can_read(ref, secret)
    assert await forge.client("dora").can_read(ref, public)
    assert not await forge.client("dora").can_read(ref, public, note)
    with pytest.raises(NotFound):
        await forge.client("dora").issue(ref, secret.number or 0)
