"""The transport that both clients share, against a server that behaves badly on purpose."""

import time

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from src.forge import ForgeClient, NotFound, TooLong, Unavailable
from src.forge_http import Instance, Policy, segment
from tests.forge_http.scripted_forge import HTML, REF, SECRET, SPEC, TOKEN, Reply, ScriptedForge, everything_said

# Retries


async def test_bad_moments_are_retried_with_growing_pauses(forge: ScriptedForge, client: ForgeClient) -> None:
    forge.will(Reply(status=502, text=HTML, content_type="text/html"), Reply(status=503), forge.rocket)
    assert (await client.project("7")).path == "acme/rocket"
    first, second = forge.slept
    assert 0.25 <= first <= 0.75
    assert 0.5 <= second <= 1.5


async def test_three_attempts_are_all(forge: ScriptedForge, client: ForgeClient) -> None:
    forge.will(Reply(status=500, json={"message": "boom"}))
    with pytest.raises(Unavailable, match="status 500"):
        await client.project("7")
    assert len(forge.seen) == 3


async def test_retry_after_of_a_maintenance_is_kept_to(forge: ScriptedForge, client: ForgeClient) -> None:
    forge.will(Reply(status=503, headers={"Retry-After": "4"}), forge.rocket)
    await client.project("7")
    assert forge.slept == [4.0]


async def test_a_long_maintenance_is_not_waited_for(forge: ScriptedForge, client: ForgeClient) -> None:
    forge.will(Reply(status=503, headers={"Retry-After": "3600"}))
    with pytest.raises(Unavailable):
        await client.project("7")
    assert forge.slept == []


async def test_what_may_have_been_done_is_not_done_twice(forge: ScriptedForge, client: ForgeClient) -> None:
    with pytest.raises(Unavailable):
        await forge.post_hook(client, Reply(status=502))
    with pytest.raises(Unavailable, match="broke the connection off"):
        await forge.post_hook(client, Reply(drop=True))
    assert len(forge.posts) == 2


async def test_a_delete_is_repeated(forge: ScriptedForge, client: ForgeClient) -> None:
    forge.will(*([forge.rocket] if forge.kind == "github" else []), Reply(drop=True), Reply(status=204))
    await client.delete_hook(REF, "3")
    assert [seen.method for seen in forge.seen][-2:] == ["DELETE", "DELETE"]


async def test_a_refused_connection_is_tried_again_even_for_a_post(
    forge: ScriptedForge, session: aiohttp.ClientSession, unused_tcp_port: int
) -> None:
    client = forge.connector(session).client(f"http://127.0.0.1:{unused_tcp_port}", TOKEN)
    with pytest.raises(Unavailable, match="cannot be reached"):
        await client.create_hook(REF, SPEC)
    assert len(forge.slept) == 2


async def test_a_name_without_address_is_unavailable(forge: ScriptedForge) -> None:
    class Nowhere(AbstractResolver):
        async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
            raise OSError(f"no {host}")

        async def close(self) -> None:
            pass

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(resolver=Nowhere())) as session:
        with pytest.raises(Unavailable, match="no address"):
            await forge.connector(session).client("https://forge.example", TOKEN).project("7")


async def test_a_server_without_tls_is_unavailable_at_once(
    forge: ScriptedForge, session: aiohttp.ClientSession
) -> None:
    client = forge.connector(session).client(forge.url.replace("http:", "https:"), TOKEN)
    with pytest.raises(Unavailable, match="certificate"):
        await client.project("7")
    assert forge.slept == []


async def test_a_slow_forge_is_given_up(forge: ScriptedForge, session: aiohttp.ClientSession) -> None:
    forge.will(Reply(hang=True))
    policy = Policy(timeout=2, retry_window=2.1)  # so that there is no time for a second attempt
    begun = time.monotonic()
    with pytest.raises(Unavailable, match="in time"):
        await forge.connector(session, policy).client(forge.url, TOKEN).project("7")
    assert time.monotonic() - begun < 14  # the usual policy takes fifteen for one
    assert len(forge.seen) == 1


# Answers that are none


@pytest.mark.parametrize(
    "reply",
    [
        Reply(text=HTML, content_type="text/html"),
        Reply(text="hello", content_type="text/plain"),
        Reply(status=403, text=HTML, content_type="text/html"),
        Reply(status=404, text=HTML, content_type="text/html"),
        Reply(text='{"id": 7'),
        Reply(text="[" * 5000),
        Reply(text=b'{"id": "\xff\xfe"}'),
        Reply(text=""),
        Reply(status=204),
        Reply(text="null"),
        Reply(json=[]),
        Reply(json={"id": None}),
        Reply(json={"id": 7, "private": [], "web_url": {}}),
        Reply(status=304),
        Reply(status=302),
        Reply(status=600),
    ],
    ids=lambda reply: f"{reply.status} {str(reply.json or reply.text)[:20]!r}",
)
async def test_what_is_not_the_api_is_unavailable(forge: ScriptedForge, client: ForgeClient, reply: Reply) -> None:
    forge.will(reply)
    with pytest.raises(Unavailable):
        await client.project("7")


async def test_an_unexpected_shape_names_the_field_and_not_its_value(forge: ScriptedForge, client: ForgeClient) -> None:
    forge.will(Reply(json={**forge.rocket.json, "archived": "a private thing"}))
    with pytest.raises(Unavailable, match="archived") as caught:
        await client.project("7")
    assert "private thing" not in everything_said(caught.value)


async def test_a_list_with_one_odd_item_is_unavailable(forge: ScriptedForge, client: ForgeClient) -> None:
    forge.will(Reply(json=[forge.rocket.json, "what?"]))
    with pytest.raises(Unavailable):
        await client.projects()


@pytest.mark.parametrize("gzip", [False, True])
async def test_too_long_an_answer_is_not_read_to_its_end(
    forge: ScriptedForge, session: aiohttp.ClientSession, gzip: bool
) -> None:
    forge.will(Reply(json={**forge.rocket.json, "description": "x" * 300_000}, gzip=gzip))
    policy = Policy(max_bytes=100_000)
    with pytest.raises(TooLong, match="more than 100000 bytes"):
        await forge.connector(session, policy).client(forge.url, TOKEN).project("7")
    assert len(forge.seen) == 1


# Addresses


async def test_a_moved_project_is_followed_with_the_token(forge: ScriptedForge, client: ForgeClient) -> None:
    forge.will(Reply(status=301, headers={"Location": f"{forge.project_path}?moved=1"}), forge.rocket)
    assert (await client.project("7")).external_id == "7"
    assert forge.seen[-1].path.endswith("?moved=1")
    assert forge.seen[-1].token == TOKEN


async def test_a_redirected_post_is_repeated_as_it_was(forge: ScriptedForge, client: ForgeClient) -> None:
    there = f"{forge.api_path}/elsewhere/hooks"
    await forge.post_hook(client, Reply(status=307, headers={"Location": there}), forge.hook)
    first, second = forge.posts
    assert second.path == there
    assert first.body == second.body
    assert SECRET.encode() in second.body


async def test_no_redirect_takes_the_token_to_another_host(forge: ScriptedForge, client: ForgeClient) -> None:
    async with ScriptedForge(forge.kind) as stranger:
        stranger.will(stranger.rocket)
        forge.will(Reply(status=301, headers={"Location": stranger.url + stranger.project_path}))
        with pytest.raises(Unavailable, match="not sent there") as caught:
            await client.project("7")
        assert stranger.seen == []
        assert TOKEN not in everything_said(caught.value)


async def test_no_next_page_takes_the_token_to_another_host(forge: ScriptedForge, client: ForgeClient) -> None:
    async with ScriptedForge(forge.kind) as stranger:
        stranger.will(Reply(json=[]))
        link = {"Link": f'<{stranger.url}{forge.api_path}/hooks?page=2>; rel="next"'}
        first = [forge.rocket] if forge.kind == "github" else []
        forge.will(*first, Reply(json=[], headers=link))
        with pytest.raises(Unavailable, match="not sent there"):
            await client.hooks(REF)
        assert stranger.seen == []


@pytest.mark.parametrize("location", ["http://[", "ftp://127.0.0.1/x", "mailto:ann@example.org", "//other.example/x"])
async def test_odd_redirects_are_unavailable(forge: ScriptedForge, client: ForgeClient, location: str) -> None:
    forge.will(Reply(status=302, headers={"Location": location}))
    with pytest.raises(Unavailable):
        await client.project("7")
    assert len(forge.seen) == 1


async def test_a_login_page_of_the_same_host_is_not_the_api(session: aiohttp.ClientSession) -> None:
    async with ScriptedForge("gitlab") as forge:
        forge.will(Reply(status=302, headers={"Location": "/users/sign_in"}))
        with pytest.raises(Unavailable):
            await forge.connector(session).client(forge.url, TOKEN).project("7")
        assert len(forge.seen) == 1


async def test_circles_end(forge: ScriptedForge, client: ForgeClient) -> None:
    forge.will(Reply(status=301, headers={"Location": forge.project_path}))
    with pytest.raises(Unavailable, match="circle"):
        await client.project("7")
    assert len(forge.seen) == 4


@pytest.mark.parametrize(
    "address",
    ["", "forge.example", "ftp://forge.example", "https://", "https://ann:pw@forge.example", "https://f.example/?a=b"],
)
def test_an_address_that_is_none_is_refused_before_anything_is_sent(address: str) -> None:
    with pytest.raises(ValueError, match="address"):
        Instance.at("GitHub", address)


@pytest.mark.parametrize("name", ["", ".", ".."])
async def test_no_name_climbs_out_of_its_path(forge: ScriptedForge, client: ForgeClient, name: str) -> None:
    forge.will(forge.rocket)
    with pytest.raises(NotFound):
        await client.delete_hook(REF, name)
    assert not [seen for seen in forge.seen if seen.method == "DELETE"]
    with pytest.raises(NotFound):
        segment(name)
