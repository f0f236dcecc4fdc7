"""Outages, rate limits and the ETag cache, against the stateful emulators."""

from datetime import UTC, datetime

import pytest

from src.forge import (
    RateLimited,
    Unavailable,
)
from tests.conformance.cast import Forge

# Bad days


@pytest.mark.parametrize("outage", ["down", "html"])
async def test_a_forge_that_is_not_itself_is_unavailable(forge: Forge, outage: str) -> None:
    forge.emulator.outage("down" if outage == "down" else "html")
    with pytest.raises(Unavailable):
        await forge.client().whoami()
    with pytest.raises(Unavailable):
        await forge.client().can_read(forge.rocket)
    with pytest.raises(Unavailable):
        await forge.client().create_hook(forge.rocket, forge.spec())
    forge.emulator.clear_outages()
    assert (await forge.client().whoami()).login == "ann"
    assert forge.emulator.hooks("acme/rocket") == ()


async def test_a_short_outage_is_not_noticed(forge: Forge) -> None:
    forge.emulator.outage("down", times=2)
    assert (await forge.client().project(forge.rocket.external_id)).path == "acme/rocket"
    assert len(forge.slept) == 2


async def test_a_slow_forge_is_given_up(forge: Forge) -> None:
    forge.emulator.outage("slow", seconds=20)
    with pytest.raises(Unavailable, match="in time"):
        await forge.impatient.client(forge.emulator.url, "tok_ann").whoami()


async def test_a_rate_limit_that_ends_soon_is_waited_for(forge: Forge) -> None:
    forge.emulator.outage("rate_limited", times=1, seconds=5)
    assert (await forge.client().whoami()).login == "ann"
    assert len(forge.slept) == 1
    assert 3 <= forge.slept[0] <= 7


async def test_a_long_rate_limit_is_no_missing_permission(forge: Forge) -> None:
    forge.emulator.outage("rate_limited", seconds=900)
    with pytest.raises(RateLimited) as caught:
        await forge.client().projects()
    assert 850 <= (caught.value.until - datetime.now(UTC)).total_seconds() <= 905
    assert forge.slept == []


# ETags


async def test_what_did_not_change_costs_a_304(forge: Forge) -> None:
    first = await forge.client().project(forge.rocket.external_id)
    assert await forge.client().project(forge.rocket.external_id) == first
    assert [request.status for request in forge.emulator.requests] == [200, 304]
    await forge.client("bob").project(forge.rocket.external_id)
    assert forge.emulator.requests[-1].status == 200


async def test_what_changed_is_read_anew(forge: Forge) -> None:
    number = await forge.emulator.open_issue("acme/rocket", "ann", "It leaks")
    client = forge.client()
    assert (await client.issue(forge.rocket, number)).title == "It leaks"
    await forge.emulator.update_issue("acme/rocket", "ann", number, title="It leaks badly")
    assert (await client.issue(forge.rocket, number)).title == "It leaks badly"


async def test_no_address_holds_a_token(forge: Forge) -> None:
    client = forge.client()
    await client.whoami()
    await client.projects(search="rocket")
    await client.hooks(forge.rocket)
    assert forge.emulator.requests
    assert not [request for request in forge.emulator.requests if "tok_" in request.path + request.query]
