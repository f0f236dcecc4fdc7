"""What stands in deploy/: scripts are run, units and nginx's block parsed, and every word of them checked."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from src.cli import main
from src.config import Settings
from src.webhook.bodies import MAX_BODY
from tests.scripts import DEPLOY, needs_tools, run
from tests.tunnel_stage import agent

ROOT = Path(__file__).parent.parent
SCRIPTS = sorted(DEPLOY.glob("*.sh"))
UNITS = sorted(DEPLOY.glob("*.service"))
PAGE = ROOT / "docs" / "tunnels.md"
SCALING = ROOT / "docs" / "scaling.md"

# What is no setting of the program.
OTHERS = {
    "NGROK_AUTHTOKEN", "TUNNEL_TOKEN", "CLOUDFLARED_ARGUMENTS", "SSH_DESTINATION", "CREDENTIALS_DIRECTORY", "HOME",
    "GITHUB_TOKEN", "RELAY_URL", "CHECK_PR_ENV", "CHECK_PR_STATE", "EXIT", "SC1090",
    "POSTGRES_USER", "POSTGRES_DB", "POSTGRES_PASSWORD",
}  # fmt: skip


# Scripts


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_every_script_is_plain_sh(script: Path) -> None:
    text = script.read_text()
    assert text.startswith("#!/bin/sh\n")
    assert "\nset -eu\n" in text
    assert os.access(script, os.X_OK)
    assert not re.search(r"(?m)\[\[|^\s*(function|local)\b|<\(|<<<|\$'|&>", text), "bash alone knows this"
    for shell in ("sh", "dash", "bash"):
        if shutil.which(shell):
            subprocess.run([shell, "-n", str(script)], check=True)
    if shutil.which("shellcheck"):
        subprocess.run(["shellcheck", str(script)], check=True)


@needs_tools
@pytest.mark.parametrize("kind", ["ngrok", "cloudflared"])
async def test_get_tunnel_url_prints_the_address_and_where_hooks_point(kind: str) -> None:
    script = DEPLOY / "get_tunnel_url.sh"
    async with agent() as asked:
        asked.leads_to = 8123
        environment = {"PATH": os.environ["PATH"], "TUNNEL_AGENT_URL": asked.url, "PORT": "8123"}
        none = await run(script, kind, environment=environment)
        assert (none.code, none.out) == (1, "")
        assert "No address" in none.err
        asked.address = "https://calm-sea.example.org"
        found = await run(script, environment=environment | {"TUNNEL": kind})
        assert (found.code, found.err) == (0, "")
        assert found.out.splitlines() == [
            "Address: https://calm-sea.example.org",
            "GitHub:  https://calm-sea.example.org/webhook/github",
            "GitLab:  https://calm-sea.example.org/webhook/gitlab",
        ]
        if kind == "ngrok":
            assert (await run(script, kind, environment=environment | {"PORT": "123"})).code == 1
    assert (await run(script, kind, environment=environment)).code == 1
    assert (await run(script, "rope", environment=environment)).code == 2


# Units


def directives(unit: Path) -> list[tuple[str, str]]:
    text = re.sub(r"\\\n\s*", "", unit.read_text())
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return [(name, value) for line in lines if not line.startswith("[") for name, _, value in [line.partition("=")]]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_every_unit_is_hardened_and_comes_back(unit: Path) -> None:
    found = dict(directives(unit))
    for name in (
        "NoNewPrivileges", "DynamicUser", "ProtectHome", "PrivateTmp", "PrivateDevices", "ProtectKernelTunables",
        "ProtectControlGroups", "RestrictSUIDSGID", "LockPersonality", "RestrictNamespaces",
    ):  # fmt: skip
        assert found[name] == "yes", name
    assert found["ProtectSystem"] == "strict"
    assert found["CapabilityBoundingSet"] == ""
    assert found["StateDirectory"] == unit.stem.rstrip("@")
    assert found["Restart"] == "always"
    assert found["WantedBy"] == "multi-user.target"
    assert not re.search(r"(?i)token|secret|password", found["ExecStart"]), "others see the command line"


def test_the_service_starts_what_is_there() -> None:
    found = dict(directives(DEPLOY / "git-assistant.service"))
    python, program, *arguments = shlex.split(found["ExecStart"])
    assert python == "/opt/git-assistant/.venv/bin/python"
    assert (ROOT / Path(program).relative_to("/opt/git-assistant")).is_file()
    assert arguments == ["run"]
    assert found["RestartPreventExitStatus"] == "2"  # bad settings, see src.cli
    documentation = found["Documentation"].removeprefix("file:///opt/git-assistant/")
    assert (ROOT / documentation).is_file()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not here")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_every_unit_passes_systemds_own_check(unit: Path, tmp_path: Path) -> None:
    """Its programs are elsewhere here, or not at all: others stand in for them."""
    text = unit.read_text().replace("/opt/git-assistant/.venv/bin/python", sys.executable)
    copy = tmp_path / unit.name
    copy.write_text(re.sub(r"^ExecStart=(?!/)\S+", "ExecStart=/bin/true", text, flags=re.MULTILINE))
    checked = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(copy)], capture_output=True, text=True, check=False
    )
    ours = [line for line in checked.stderr.splitlines() if unit.name in line or "Unknown" in line]
    assert (checked.returncode, ours) == (0, []), checked.stderr
    judged = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=20", str(copy)], capture_output=True, check=False
    )
    assert judged.returncode == 0, judged.stdout.decode()[-300:]  # exposed to at most 2.0 of 10


# nginx


def blocks(text: str) -> list[tuple[str, str]]:
    """Each directive with the blocks that it stands in: ("server/location /webhook/", "proxy_pass http://...")."""
    found, place = [], []
    for item, mark in re.findall(r'((?:[^;{}"#]|"[^"]*")*?)\s*([;{}])', re.sub(r"#.*", "", text)):
        words = " ".join(item.split())
        match mark:
            case "{":
                place.append(words)
            case "}":
                assert place, "a brace too many"
                assert not words, f"no semicolon behind {words!r}"
                place.pop()
            case _:
                found.append(("/".join(place), words))
    assert not place, "a brace too few"
    return found


def test_nginx_takes_what_the_relay_takes_and_passes_on_nothing_else() -> None:
    found = blocks((DEPLOY / "nginx.conf").read_text())
    server = {words.split()[0]: words.split()[1:] for place, words in found if place == "server"}
    assert server["client_max_body_size"] == [f"{MAX_BODY >> 20}m"]
    assert MAX_BODY % (1 << 20) == 0
    assert ("server", "listen 443 ssl") in found
    assert server["ssl_protocols"] == ["TLSv1.2", "TLSv1.3"]
    assert all(int(server[name][0][:-1]) <= 15 for name in ("client_header_timeout", "client_body_timeout"))
    passed = {place for place, words in found if words.startswith("proxy_pass ")}
    assert passed == {"server/location /webhook/", "server/location = /healthz"}
    assert ("server/location /", "return 404") in found
    assert ("upstream git_assistant", "server 127.0.0.1:8000") in found  # the default of PORT
    webhook = [words for place, words in found if place == "server/location /webhook/"]
    assert "proxy_set_header X-Forwarded-For $remote_addr" in webhook  # not appended to what the sender says
    assert "proxy_request_buffering on" in webhook
    assert "proxy_next_upstream off" in webhook


@pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not here")
def test_nginx_itself_accepts_the_block(tmp_path: Path) -> None:
    text = (DEPLOY / "nginx.conf").read_text()
    plain = re.sub(r"^\s*ssl_certificate.*$", "", text.replace("443 ssl", "8443"), flags=re.MULTILINE)
    whole = tmp_path / "nginx.conf"
    whole.write_text(f"pid {tmp_path}/pid;\nerror_log stderr;\nevents {{}}\nhttp {{\n{plain}\n}}\n")
    subprocess.run(["nginx", "-t", "-c", str(whole)], check=True)


# Words


def words_of(text: str) -> set[str]:
    """All that looks like a variable."""
    return set(re.findall(r"\b[A-Z][A-Z0-9]*_[A-Z0-9_]+\b|\bTUNNEL\b|\bPORT\b|\bHOST\b|\bSC\d+\b", text))


@pytest.mark.parametrize(
    "file", [PAGE, *UNITS, *SCRIPTS, DEPLOY / "nginx.conf", ROOT / "compose.yaml", ROOT / "Dockerfile"],
    ids=lambda file: file.name,
)  # fmt: skip
def test_every_setting_that_is_named_exists(file: Path) -> None:
    ours = {name.upper() for name in Settings.model_fields}
    elsewhere = OTHERS | {"AF_INET", "AF_INET6", "AF_UNIX", "AF_NETLINK", "YOUR_AUTH_TOKEN"}
    pip_and_python = {name for name in words_of(file.read_text()) if name.startswith("PIP_")}
    assert words_of(file.read_text()) - pip_and_python <= ours | elsewhere


def test_every_file_that_the_page_names_exists() -> None:
    text = PAGE.read_text() + SCALING.read_text()
    named = set(re.findall(r"\bdeploy/[\w.@-]+\w", text)) | {
        f"deploy/{name}" for name in re.findall(r"\bgit-assistant[\w@-]*\.service\b", text)
    }
    assert len(named) >= 7
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []
    assert {f"deploy/{file.name}" for file in (*UNITS, *SCRIPTS)} <= named  # and it names all that there is


def test_every_command_that_is_named_exists(capsys: pytest.CaptureFixture[str]) -> None:
    texts = [file.read_text() for file in (PAGE, *UNITS, *SCRIPTS, ROOT / "compose.yaml")]
    commands = {command for text in texts for command in re.findall(r"main\.py ([a-z][a-z-]+)", text)}
    assert {"run", "doctor", "log"} <= commands
    for command in commands:
        with pytest.raises(SystemExit) as ended:
            main([command, "--help"])
        assert ended.value.code == 0, command
    assert "--tunnel {ngrok,cloudflared,ssh}" in capsys.readouterr().out
