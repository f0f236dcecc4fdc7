"""`WEBHOOK_ALLOWED_NETWORKS` and `TRUSTED_PROXIES`: who may send webhooks, and how it is known who sent one."""

import logging
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest
from aiohttp import ClientSession

from src.cli.mistakes import settings_for
from src.config import ConfigError, Settings
from src.demo.github import GitHubEmulator
from src.forge import ForgeError, RateLimited, Unavailable
from src.forge_http import open_session
from src.forges import FORGE_TYPES
from src.webhook import networks
from src.webhook.networks import Gate, Published, Rule, client_address
from tests.fake_forge import FakeClient, FakeForge
from tests.payloads import load, sign_github
from tests.process import post, program, stage
from tests.relay import SECRET, Relay, running_relay
from tests.served import served

OPENED = "github/pull_request__opened"
NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
LOOPBACK = Rule.of((), ("127.0.0.0/8", "10.0.0.0/8", "2001:db8::/64")).proxies


@dataclass
class Forge(FakeForge):
    """A forge that publishes networks."""

    answers: list[tuple[str, ...] | ForgeError] = field(default_factory=list)  # the last one stays

    def client(self, base_url: str, token: str | None) -> "Client":
        return Client(self, token or "")


class Client(FakeClient):
    forge: Forge

    async def hook_networks(self) -> tuple[str, ...]:
        answer = self.forge.answers.pop(0) if len(self.forge.answers) > 1 else self.forge.answers[0]
        if isinstance(answer, ForgeError):
            raise answer
        return answer


def published(*instances: Sequence[tuple[str, ...] | ForgeError]) -> Published:
    return Published({"github": [Forge(answers=list(answers)).client("", None) for answers in instances]}, lambda: NOW)


# ---------------------------------------------------------------------------------------------------
# Who sent it


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("203.0.113.7", (), "203.0.113.7"),
        ("203.0.113.7", ("192.0.2.1",), "203.0.113.7"),  # anybody can write that header
        ("127.0.0.1", (), "127.0.0.1"),
        ("127.0.0.1", ("192.0.2.1",), "192.0.2.1"),
        ("127.0.0.1", ("192.0.2.66, 192.0.2.1",), "192.0.2.1"),  # the first one is what the client made up
        ("127.0.0.1", ("192.0.2.66, 192.0.2.1, 10.1.2.3",), "192.0.2.1"),
        ("127.0.0.1", ("192.0.2.66", "192.0.2.1, 10.1.2.3"), "192.0.2.1"),
        ("127.0.0.1", ("10.1.2.3",), "10.1.2.3"),
        ("127.0.0.1", ("192.0.2.1:4711",), "192.0.2.1"),
        ("127.0.0.1", ("[2001:db8:1::7]:4711",), "2001:db8:1::7"),
        ("127.0.0.1", ("2001:db8:1::7, 2001:db8::1",), "2001:db8:1::7"),
        ("::ffff:127.0.0.1", ("::ffff:192.0.2.1",), "192.0.2.1"),
        ("127.0.0.1", ("192.0.2.1, unknown",), None),
        ("127.0.0.1", ("192.0.2.1,",), None),
        (None, ("192.0.2.1",), None),
    ],
)
def test_the_sender_is_the_rightmost_address_that_is_no_trusted_proxy(
    peer: str | None, forwarded: tuple[str, ...], address: str | None
) -> None:
    found = client_address(peer, forwarded, LOOPBACK)
    assert (None if found is None else str(found)) == address


# ---------------------------------------------------------------------------------------------------
# What the forges publish


async def test_nothing_is_known_until_the_first_list() -> None:
    lists = published([Unavailable("away"), ("192.0.2.0/24", "2001:db8::/32")])
    assert await lists.of("github", patience=0.01) is None
    assert await lists.refresh() == timedelta(minutes=1)
    assert await lists.of("github", patience=0.01) is None
    assert lists.missing() == ("github",)
    assert await lists.refresh() == timedelta(days=1)
    assert await lists.of("github") == (ip_network("192.0.2.0/24"), ip_network("2001:db8::/32"))
    assert lists.missing() == ()


@pytest.mark.parametrize("trouble", [Unavailable("away"), ("nonsense",), ("192.0.2.7/24",), ()])
async def test_the_last_good_list_is_kept(
    trouble: tuple[str, ...] | ForgeError, caplog: pytest.LogCaptureFixture
) -> None:
    lists = published([("192.0.2.0/24",), trouble, ("198.51.100.0/24",)])
    await lists.refresh()
    assert await lists.refresh() == timedelta(hours=1)
    assert await lists.of("github") == (ip_network("192.0.2.0/24"),)
    assert [record.levelno for record in caplog.records if record.levelno >= logging.WARNING] == [logging.WARNING]
    await lists.refresh()
    assert await lists.of("github") == (ip_network("198.51.100.0/24"),)


async def test_a_forge_that_limits_us_is_asked_when_it_says() -> None:
    assert await published([RateLimited("slow", NOW + timedelta(hours=3))]).refresh() == timedelta(hours=3)


async def test_of_several_instances_each_counts() -> None:
    lists = published([("192.0.2.0/24",)], [Unavailable("away")], [("198.51.100.0/24",)])
    assert await lists.refresh() == timedelta(minutes=1)
    assert await lists.of("github") == (ip_network("192.0.2.0/24"), ip_network("198.51.100.0/24"))


async def test_github_tells_its_networks_to_everybody() -> None:
    async with GitHubEmulator() as github, open_session() as http:
        github.hook_networks = ("192.0.2.0/24", "2001:db8::/32")
        client = FORGE_TYPES["github"].connector(http).client(github.url, None)
        assert await client.hook_networks() == github.hook_networks


async def test_only_forges_that_say_so_are_asked() -> None:
    async with open_session() as http:
        for forge in FORGE_TYPES.values():
            if not forge.publishes_networks:  # answers without asking anybody: nobody listens there
                assert await forge.connector(http).client("http://127.0.0.1:9", None).hook_networks() == ()


# ---------------------------------------------------------------------------------------------------
# Over HTTP


@pytest.fixture
async def relay(tmp_path: Path) -> AsyncIterator[Relay]:
    async with running_relay(tmp_path, work=False) as running:
        yield running


async def deliver(relay: Relay, gate: Gate, hook: str, kind: str = "github", **more: str) -> tuple[int, str | None]:
    """Status and Retry-After of one good delivery."""
    headers, body = load(OPENED if kind == "github" else "gitlab/merge_request_hook__open")
    headers |= sign_github(body, SECRET) | {"X-Gitlab-Token": SECRET} | more
    async with (
        served(relay, gate=gate) as at,
        ClientSession(at.url) as client,
        client.post(hook, data=body, headers=headers) as response,
    ):
        return response.status, response.headers.get("Retry-After")


def gate_for(allowed: str, proxies: str = "", lists: Published | None = None) -> Gate:
    settings = Settings(webhook_allowed_networks=allowed, trusted_proxies=proxies, _env_file=None)
    rule = Rule.of(settings.webhook_allowed_networks, settings.trusted_proxies)
    return Gate(rule, lists or Published({}), lambda: NOW)


@pytest.mark.parametrize(
    ("allowed", "proxies", "forwarded", "status"),
    [
        ("", "", "", 202),
        ("127.0.0.0/8", "", "", 202),
        ("127.0.0.1", "", "", 202),
        ("192.0.2.0/24", "", "", 403),
        ("192.0.2.0/24", "", "192.0.2.1", 403),  # nobody said that this proxy is to be trusted
        ("192.0.2.0/24", "127.0.0.1", "192.0.2.1", 202),
        ("192.0.2.0/24, 2001:db8::/32", "127.0.0.1", "2001:db8::7", 202),
        ("192.0.2.0/24", "127.0.0.1", "198.51.100.1", 403),
        ("192.0.2.0/24", "127.0.0.1", "192.0.2.1, 198.51.100.1", 403),
        ("192.0.2.0/24", "127.0.0.1", "nonsense", 403),
        ("0.0.0.0/0", "127.0.0.1", "nonsense", 403),
    ],
)
async def test_webhook_allowed_networks(relay: Relay, allowed: str, proxies: str, forwarded: str, status: int) -> None:
    hook = await relay.add_hook(await relay.add_project())
    more = {"X-Forwarded-For": forwarded} if forwarded else {}
    assert (await deliver(relay, gate_for(allowed, proxies), hook, **more))[0] == status
    assert len(await relay.deliveries()) == (status == 202)


async def test_published_networks_let_in_what_is_for_that_forge_alone(relay: Relay) -> None:
    github = await relay.add_hook(await relay.add_project())
    gitlab = await relay.add_hook(await relay.add_project("gitlab"), "gitlab")
    lists = published([("127.0.0.0/8",)])
    await lists.refresh()
    gate = gate_for("github", lists=lists)
    assert await deliver(relay, gate, github) == (202, None)
    assert await deliver(relay, gate, gitlab, "gitlab") == (403, None)
    both = gate_for("github, 127.0.0.1", lists=lists)
    assert await deliver(relay, both, gitlab, "gitlab") == (202, None)


async def test_until_the_first_list_is_there_it_waits_and_then_says_503(
    relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(networks.Published.of, "__defaults__", (0.05,))
    hook = await relay.add_hook(await relay.add_project())
    lists = published([Unavailable("away"), ("127.0.0.0/8",)])
    await lists.refresh()
    assert await deliver(relay, gate_for("github", lists=lists), hook) == (503, "10")
    await lists.refresh()
    assert await deliver(relay, gate_for("github", lists=lists), hook) == (202, None)


async def test_refusals_are_said_once_with_what_mends_them(relay: Relay, caplog: pytest.LogCaptureFixture) -> None:
    hook = await relay.add_hook(await relay.add_project())
    gate = gate_for("192.0.2.0/24")
    for _ in range(3):
        await deliver(relay, gate, hook, **{"X-Forwarded-For": "192.0.2.1"})
    (said,) = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert said == (
        "webhook requests from outside of WEBHOOK_ALLOWED_NETWORKS are refused, 1 so far, the last from 127.0.0.1; "
        "if that is a proxy of yours, name it in TRUSTED_PROXIES"
    )
    assert 'requests_total{forge="github",status="403"} 3.0' in relay.metrics.render().decode()


@pytest.mark.parametrize(
    ("ranges", "status", "ready"),
    [
        (("127.0.0.0/8",), 202, "ok"),
        (("192.0.2.0/24",), 403, "ok"),
        ((), 503, "those of github are not known yet"),
    ],
)
async def test_the_program_asks_github_for_its_networks(
    tmp_path: Path, ranges: tuple[str, ...], status: int, ready: str
) -> None:
    async with GitHubEmulator() as github, stage(tmp_path) as made:
        github.hook_networks = ranges
        made.settings |= {"GITHUB_API_URL": github.url, "WEBHOOK_ALLOWED_NETWORKS": "github"}
        async with program(made, "main.py", "run", "--only", "webhook") as running, ClientSession() as http:
            assert await post(running.port, made, 11) == status
            async with http.get(f"http://127.0.0.1:{running.port}/readyz") as response:
                assert (await response.json())["parts"]["networks"] == ready
            running.process.terminate()
            assert await running.ended() == 0


# ---------------------------------------------------------------------------------------------------
# The settings


@pytest.fixture
def _bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("_bare")
@pytest.mark.parametrize("value", ["gitlab", "github, nobody"])
def test_a_name_that_publishes_nothing_is_refused_with_those_that_do(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("WEBHOOK_ALLOWED_NETWORKS", value)
    with pytest.raises(ConfigError, match=r"WEBHOOK_ALLOWED_NETWORKS: .*write them out.*choose from github"):
        settings_for(frozenset({"webhook"}))


@pytest.mark.usefixtures("_bare")
def test_names_and_networks_are_taken_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBHOOK_ALLOWED_NETWORKS", "GitHub, 192.0.2.7/24, 2001:db8::1,")
    monkeypatch.setenv("TRUSTED_PROXIES", "127.0.0.1")
    settings = settings_for(frozenset({"webhook"}))
    assert settings.webhook_allowed_networks == ("github", "192.0.2.0/24", "2001:db8::1/128")
    assert settings.trusted_proxies == ("127.0.0.1/32",)
