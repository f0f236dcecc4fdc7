"""Tunnels on the command line, in the settings, in the doctor, and in the running program."""

import asyncio
import sys
from pathlib import Path

import pytest

from src.cli import main
from src.config import ConfigError, Settings, Tunnel, load_settings
from src.database.database import Database
from src.database.repositories import event_log
from src.demo.ports import free_port
from src.doctor import Finding, Inputs, examine
from src.webhook.tunnel import AGENTS
from src.webhook.tunnel import Tunnel as Agent
from tests.process import program, stage
from tests.tunnel_stage import agent, far_end


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    """No settings but the test's own, and no .env."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)
    return monkeypatch


def test_every_tunnel_of_the_settings_has_an_agent() -> None:
    assert [item.value for item in Tunnel] == list(AGENTS)


def test_a_tunnel_is_chosen_by_setting_or_argument_which_goes_first(bare: pytest.MonkeyPatch) -> None:
    assert load_settings().tunnel is None
    bare.setenv("TUNNEL", "cloudflared")
    bare.setenv("TUNNEL_AGENT_URL", "http://127.0.0.1:20300/")
    assert load_settings().tunnel is Tunnel.CLOUDFLARED
    assert load_settings().tunnel_agent_url == "http://127.0.0.1:20300"
    assert load_settings(tunnel=Tunnel.NGROK).tunnel is Tunnel.NGROK


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"TUNNEL": "ssh"}, "put the one of the server at its other end in PUBLIC_URL"),
        ({"TUNNEL": "ngrok", "PUBLIC_URL": "https://bot.example.org"}, "leave PUBLIC_URL unset"),
        ({"TUNNEL": "cloudflared", "PUBLIC_URL": "https://bot.example.org"}, "or leave TUNNEL unset"),
        ({"TUNNEL": "string"}, "TUNNEL: must be ngrok, cloudflared or ssh"),
        ({"TUNNEL_AGENT_URL": "127.0.0.1:4040"}, "TUNNEL_AGENT_URL: must be an address that starts with"),
    ],
)
def test_settings_that_cannot_go_together_are_refused_with_the_way_out(
    bare: pytest.MonkeyPatch, settings: dict[str, str], says: str
) -> None:
    for name, value in settings.items():
        bare.setenv(name, value)
    with pytest.raises(ConfigError) as error:
        load_settings()
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_check_config_says_where_the_address_comes_from(
    bare: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bare.setattr(sys, "excepthook", sys.excepthook)
    relay = ["check-config", "--only", "webhook,worker"]
    assert main(relay) == 0
    assert "projects are polled" in capsys.readouterr().out
    assert main([*relay, "--tunnel", "ngrok"]) == 0
    assert "TUNNEL is ngrok: its agent is asked for the public address." in capsys.readouterr().out
    assert main([*relay, "--tunnel", "ssh"]) == 2
    assert "PUBLIC_URL" in capsys.readouterr().err
    bare.setenv("PUBLIC_URL", "https://bot.example.org")
    assert main([*relay, "--tunnel", "ssh"]) == 0
    with pytest.raises(SystemExit) as wrong:
        main([*relay, "--tunnel", "rope"])
    assert wrong.value.code == 2


# The doctor


async def examined(folder: Path, tunnel: Agent | None, public_url: str | None, port: int) -> dict[str, Finding]:
    """What the doctor finds of a machine with nothing but a tunnel."""
    inputs = Inputs(
        token=None, telegram_api_url="http://127.0.0.1:9", database_url=f"sqlite+aiosqlite:///{folder}/x.db",
        secret_keys=(), forges=(), types={}, public_url=public_url, tunnel=tunnel, host="127.0.0.1", port=port,
    )  # fmt: skip
    return {finding.check: finding for finding in await examine(inputs)}


async def test_the_doctor_asks_the_agent_and_follows_the_address(tmp_path: Path) -> None:
    port = free_port()
    async with agent() as asked, far_end(f"http://127.0.0.1:{port}") as end:
        tunnel = Agent(kind="ngrok", port=port, agent_url=asked.url)
        asked.leads_to = port
        found = await examined(tmp_path, tunnel, None, port)
        assert found["tunnel"].level == "fail"
        assert "ngrok has no web tunnel yet" in found["tunnel"].says
        assert f"lead to port {port}" in (found["tunnel"].mend or "")
        assert "public address" not in found  # nobody is told to set PUBLIC_URL
        asked.address = end
        found = await examined(tmp_path, tunnel, None, port)
        assert (found["tunnel"].level, found["tunnel"].says) == ("ok", f"ngrok names {end}.")
        assert f"{end} leads here" in found["public address"].says
        found = await examined(tmp_path, Agent(kind="ssh", port=port, given=end), end, port)
        assert "tunnel" not in found
        assert f"{end} leads here" in found["public address"].says


# The program


async def test_the_running_program_is_moved_by_the_agent(tmp_path: Path) -> None:
    async with stage(tmp_path) as made, agent() as asked:
        command = ("main.py", "run", "--tunnel", "ngrok")
        async with program(made, *command, TUNNEL_AGENT_URL=asked.url) as running:
            for url in ("https://first.example.org", "https://second.example.org"):
                asked.address = url
                async with asyncio.timeout(20):
                    while f"we are reached at {url}" not in running.log:  # noqa: ASYNC110 - another process
                        await asyncio.sleep(0.05)
            running.process.terminate()
            assert await running.ended() == 0
        database = Database(made.database_url)
        try:
            async with database.read() as session:
                rows = await event_log.latest(session, kind="hook")
        finally:
            await database.close()
        said = [row.message for row in reversed(rows) if row.outcome == "moved"]
        assert said == ["we are reached at https://first.example.org", "we are reached at https://second.example.org"]
        assert "Traceback" not in running.log
