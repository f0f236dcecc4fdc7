"""Rate limits, the ETag cache, and that no token or secret gets out."""

import hashlib
import logging
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import aiohttp
import pytest

from src.forge import ForgeClient, ForgeError, RateLimited, Rejected, Unauthorized
from src.forge_http import Answer, EtagCache
from tests.forge_http.scripted_forge import SECRET, TOKEN, Reply, ScriptedForge, everything_said

# Rate limits


def limited(kind: str, seconds: int, *, now: datetime | None = None) -> Reply:
    now = now or datetime.now(UTC)
    at, date = str(int(now.timestamp()) + seconds), format_datetime(now, usegmt=True)
    if kind == "gitlab":
        headers = {"RateLimit-Reset": at, "Date": date}
        return Reply(status=429, text="Retry later\n", content_type="text/plain", headers=headers)
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": at, "X-RateLimit-Limit": "5000", "Date": date}
    return Reply(status=403, json={"message": "API rate limit exceeded for user ID 1."}, headers=headers)


async def test_a_limit_that_ends_soon_is_waited_for(forge: ScriptedForge, client: ForgeClient) -> None:
    forge.will(limited(forge.kind, 8), forge.rocket)
    assert (await client.project("7")).external_id == "7"
    assert len(forge.slept) == 1
    assert 6 <= forge.slept[0] <= 8


async def test_a_refused_post_is_sent_again_after_the_limit(forge: ScriptedForge, client: ForgeClient) -> None:
    hook = await forge.post_hook(client, limited(forge.kind, 5), forge.hook)
    assert hook.id == "3"
    assert len(forge.posts) == 2


async def test_a_long_limit_says_until_when(forge: ScriptedForge, client: ForgeClient) -> None:
    forge.will(limited(forge.kind, 1800))
    with pytest.raises(RateLimited) as caught:
        await client.project("7")
    assert timedelta(seconds=1790) < caught.value.until - datetime.now(UTC) <= timedelta(seconds=1801)
    assert forge.slept == []


async def test_while_a_limit_lasts_nothing_is_sent_with_that_token(
    forge: ScriptedForge, session: aiohttp.ClientSession
) -> None:
    connector = forge.connector(session)
    forge.will(limited(forge.kind, 1800), forge.rocket)
    for _ in range(3):
        with pytest.raises(RateLimited):
            await connector.client(forge.url, TOKEN).project("7")
    assert len(forge.seen) == 1
    await connector.client(forge.url, "tok-bob").project("7")


async def test_limits_are_not_waited_for_again_and_again(forge: ScriptedForge, client: ForgeClient) -> None:
    forge.will(limited(forge.kind, 9))
    with pytest.raises(RateLimited):
        await client.project("7")
    assert len(forge.slept) == 2


async def test_a_reset_time_is_read_by_the_clock_of_the_forge(forge: ScriptedForge, client: ForgeClient) -> None:
    there = datetime.now(UTC) + timedelta(hours=2)
    forge.will(limited(forge.kind, 6, now=there), forge.rocket)
    await client.project("7")
    assert 5 <= forge.slept[0] <= 6


# ETags


async def test_an_unchanged_answer_comes_from_the_cache(forge: ScriptedForge, client: ForgeClient) -> None:
    forge.will(Reply(json=forge.rocket.json, headers={"ETag": 'W/"1"'}), Reply(status=304, headers={"ETag": 'W/"1"'}))
    assert await client.project("7") == await client.project("7")
    assert "If-None-Match" not in forge.seen[0].headers
    assert forge.seen[1].headers["If-None-Match"] == 'W/"1"'


async def test_a_changed_answer_replaces_the_kept_one(forge: ScriptedForge, client: ForgeClient) -> None:
    changed = {**forge.rocket.json, "default_branch": "trunk"}
    forge.will(
        Reply(json=forge.rocket.json, headers={"ETag": '"1"'}),
        Reply(json=changed, headers={"ETag": '"2"'}),
        Reply(status=304),
    )
    branches = [(await client.project("7")).default_branch for _ in range(3)]
    assert branches == [None, "trunk", "trunk"]
    assert forge.seen[2].headers["If-None-Match"] == '"2"'


async def test_the_cache_is_shared_by_credential_and_never_across(
    forge: ScriptedForge, session: aiohttp.ClientSession
) -> None:
    connector = forge.connector(session)
    forge.will(Reply(json=forge.rocket.json, headers={"ETag": '"1"'}))
    for token in (TOKEN, "tok-bob", None, TOKEN):
        await connector.client(forge.url, token).project("7")
    assert ["If-None-Match" in seen.headers for seen in forge.seen] == [False, False, False, True]


def kept(cache: EtagCache, owner: str, body: bytes = b"{}", control: str = "private") -> None:
    cache.keep(owner, "/x", Answer(200, {"etag": '"1"', "cache-control": control}, body))


def noise(seed: int, length: int) -> bytes:
    """Bytes that do not compress."""
    return hashlib.shake_128(str(seed).encode()).digest(length)


def test_the_cache_drops_what_was_not_used_for_longest() -> None:
    cache = EtagCache(max_entries=2)
    kept(cache, "ann")
    kept(cache, "bob")
    assert cache.fresh("ann", "/x", Answer(304, {}, b"")) is not None
    kept(cache, "carl")
    assert [cache.etag(owner, "/x") for owner in ("ann", "bob", "carl")] == ['"1"', None, '"1"']


def test_the_cache_is_bounded_in_bytes() -> None:
    cache = EtagCache(max_bytes=4000)
    for number in range(100):
        kept(cache, str(number), noise(number, 400))
    assert 2 < len(cache) < 20
    kept(cache, "ann", noise(0, 3000))
    assert cache.etag("ann", "/x") is None


def test_what_a_thousand_webhooks_ask_every_few_minutes_is_found_again() -> None:
    """Asked in the same order each time: a cache that is too small by one would find nothing."""
    cache = EtagCache()
    questions = [f"{number}/{what}" for number in range(1_000) for what in ("project", "hooks")]
    headers = {"etag": '"1"', "cache-control": "private", "x-of-the-forge": "x" * 1_500}
    for number, question in enumerate(questions):
        cache.keep("ann", question, Answer(200, headers, noise(number, 2_000)))
    assert all(cache.etag("ann", question) for question in questions)


def test_what_looks_at_a_thousand_small_projects_ask_is_found_again() -> None:
    cache = EtagCache()
    questions = [f"{number}/{what}" for number in range(1_000) for what in range(11)]
    headers = {"etag": '"1"', "link": "x" * 300, "x-of-the-forge": "x" * 600, "content-security-policy": "x" * 900}
    for number, question in enumerate(questions):
        cache.keep("ann", question, Answer(200, headers, noise(number, 1_500)))
    assert all(cache.etag("ann", question) for question in questions)
    found = cache.fresh("ann", questions[0], Answer(304, {}, b""))
    assert found is not None
    assert "link" in found.headers


def test_what_may_not_be_stored_is_not() -> None:
    cache = EtagCache()
    kept(cache, "ann", control="private, no-store")
    assert len(cache) == 0


# Secrets


async def test_no_error_tells_a_token_or_a_secret(forge: ScriptedForge, client: ForgeClient) -> None:
    echo = {"message": f"Hook for {TOKEN} with {SECRET} is not\n valid " + "x" * 5000}
    with pytest.raises(Rejected, match="is not valid") as caught:
        await forge.post_hook(client, Reply(status=422, json=echo))
    said = everything_said(caught.value)
    assert TOKEN not in said
    assert SECRET not in said
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("reply", [Reply(drop=True), Reply(text="{"), Reply(status=401), Reply(json=3)])
async def test_no_failure_carries_the_request_along(forge: ScriptedForge, client: ForgeClient, reply: Reply) -> None:
    forge.will(reply)
    with pytest.raises(ForgeError) as caught:
        await client.project("7")
    assert TOKEN not in everything_said(caught.value)
    assert caught.value.__context__ is None


async def test_nothing_logs_the_token(
    forge: ScriptedForge, client: ForgeClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    forge.will(Reply(status=503), limited(forge.kind, 2), forge.rocket)
    await client.project("7")
    assert TOKEN not in caplog.text
    assert TOKEN not in repr(client)
    assert not [seen for seen in forge.seen if TOKEN in seen.path]


@pytest.mark.parametrize("token", ["tok\r\nX-Evil: 1", "tok\x00", "токен", ""])
async def test_a_token_with_impossible_characters_is_not_sent(
    forge: ScriptedForge, session: aiohttp.ClientSession, token: str
) -> None:
    forge.will(forge.rocket)
    with pytest.raises(Unauthorized):
        await forge.connector(session).client(forge.url, token).project("7")
    assert forge.seen == []


async def test_the_shared_session_keeps_no_cookies(forge: ScriptedForge, client: ForgeClient) -> None:
    forge.will(Reply(json=forge.rocket.json, headers={"Set-Cookie": "_session=ann; Path=/"}))
    await client.project("7")
    await client.project("7")
    assert "Cookie" not in forge.seen[1].headers
