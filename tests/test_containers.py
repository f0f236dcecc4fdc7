"""The image and the composition, as far as can be without an engine: parsed, and their commands run here."""

import asyncio
import fnmatch
import json
import os
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web
from aiohttp.test_utils import TestServer

from src.cli import ROLES
from src.config import Settings, Tunnel
from src.demo.ports import free_port
from src.webhook.tunnel.agents import AGENTS
from tests.hook_stage import living

ROOT = Path(__file__).parent.parent
SETTINGS = {name.upper() for name in Settings.model_fields}


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's, each in one line."""
    text = re.sub(r"(?m)^\s*#.*\n", "", (ROOT / "Dockerfile").read_text())
    lines = [line for line in re.sub(r"\\\n\s*", " ", text).splitlines() if line.strip()]
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in lines)]


def stages() -> dict[str, list[tuple[str, str]]]:
    """By name; the last one, which is built by default, under the empty one."""
    found: dict[str, list[tuple[str, str]]] = {}
    for word, rest in instructions():
        if word == "FROM":
            base, _, name = rest.partition(" AS ")
            found[name] = [(word, base)]
        else:
            found[list(found)[-1]].append((word, rest))
    return found


def all_of(stage: str, word: str) -> list[str]:
    return [rest for each, rest in stages()[stage] if each == word]


def compose() -> dict[str, Any]:
    loaded = yaml.safe_load((ROOT / "compose.yaml").read_text())
    assert isinstance(loaded, dict)
    return loaded


def is_sent(path: str) -> bool:
    """Whether the build sees it, after .dockerignore: the last line that fits decides."""
    sent = True
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.removeprefix("!")
        if line and not line.startswith("#") and any(fnmatch.fnmatch(part, pattern) for part in _above(path)):
            sent = line.startswith("!")
    return sent


def _above(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]


def health_check() -> list[str]:
    (line,) = all_of("program", "HEALTHCHECK")
    loaded = json.loads(line.partition("CMD ")[2])
    assert isinstance(loaded, list)
    return loaded


# The image


def test_the_base_is_pinned_by_its_tag_and_the_program_is_what_is_built() -> None:
    names = set(stages())
    for name, found in stages().items():
        base = found[0][1]
        assert base in names or re.fullmatch(r"python:3\.11-slim-[a-z]+", base), name
    assert stages()[""] == [("FROM", "program")]


def test_it_is_not_roots_and_nothing_but_the_data_is_its_own() -> None:
    assert all_of("program", "USER") == ["10001:10001"]
    assert all_of("program", "VOLUME") == ["/app/data"]
    (made,) = all_of("program", "RUN")
    assert "install -d -m 0700 -o 10001 -g 10001 /app/data" in made
    assert "chown" not in made
    assert not re.search(r"(?i)token|secret|password", "".join(all_of("program", "ENV")))


def test_what_is_copied_is_there_and_sent_to_the_build() -> None:
    for name in stages():
        for line in all_of(name, "COPY"):
            if "--from=" in line:
                assert line.split()[0].removeprefix("--from=") in stages()
                continue
            for source in line.split()[:-1]:
                assert (ROOT / source).exists(), source
                assert is_sent(source), source
    for kept in (".env", "data/secret.key", ".git/config", "tests/conftest.py", "compose.yaml", ".venv/bin/python"):
        assert not is_sent(kept), kept
    assert is_sent("src/webhook/server.py")


async def test_the_program_starts_from_what_the_image_holds(tmp_path: Path) -> None:
    for line in all_of("program", "COPY"):
        if "--from=" not in line:
            for source in line.split()[:-1]:
                copy = shutil.copytree if (ROOT / source).is_dir() else shutil.copy
                copy(ROOT / source, tmp_path / source)
    entry = json.loads(all_of("program", "ENTRYPOINT")[0])
    command = json.loads(all_of("program", "CMD")[0])
    assert (entry, command) == (["python", "main.py"], ["run"])
    asked = [sys.executable, *entry[1:], "check-config", "--only", "webhook,worker"]
    process = await asyncio.create_subprocess_exec(
        *asked, cwd=tmp_path, env={"PATH": os.environ["PATH"], "HOST": "0.0.0.0", "PORT": "8000"},  # noqa: S104 - the container's own network
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()
    assert "The settings are fine" in out.decode()


async def test_the_health_check_asks_healthz(tmp_path: Path) -> None:
    async def ask(port: int) -> int:
        process = await asyncio.create_subprocess_exec(
            sys.executable, *health_check()[1:], env={"PORT": str(port)}, stderr=asyncio.subprocess.DEVNULL
        )
        return await process.wait()

    assert health_check()[0] == "python"
    async with living(tmp_path, "github") as life:
        assert await ask(int(life.url.rpartition(":")[2])) == 0
    async with TestServer(web.Application()) as stranger:
        assert await ask(int(str(stranger.port))) == 1
    assert await ask(free_port()) == 1


def test_the_stylesheet_is_built_as_make_builds_it() -> None:
    made = " ".join(all_of("stylesheet", "RUN"))
    (rule,) = re.findall(r"tailwindcss (--input \S+) --output", (ROOT / "Makefile").read_text())
    assert f"{rule} --output build/web/app.css --minify" in made
    assert all_of("with-pages", "COPY") == ["--from=stylesheet /app/build/web/app.css build/web/app.css"]
    from src.web.pages import STYLESHEET

    assert ROOT / "build" / "web" / "app.css" == STYLESHEET


# The composition


def test_the_composition_runs_the_image_as_it_wants_to_be_run() -> None:
    service = compose()["services"]["git-assistant"]
    assert service["build"] == "."
    assert service["env_file"] == ".env"
    assert set(service["environment"]) <= SETTINGS
    assert service["volumes"] == [f"data:{all_of('program', 'VOLUME')[0]}"]
    assert "data" in compose()["volumes"]
    assert service["ports"] == [f"127.0.0.1:8000:{service['environment']['PORT']}"]  # the proxy's business alone
    assert service["restart"] == "unless-stopped"
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["healthcheck"]["test"] == ["CMD", *health_check()]


@pytest.mark.parametrize("kind", ["ngrok", "cloudflared"])
def test_an_agent_shares_the_network_of_the_program(kind: str) -> None:
    service = compose()["services"][kind]
    assert Tunnel(kind).value in AGENTS
    assert service["profiles"] == [kind]  # nobody gets one unasked
    assert service["network_mode"] == "service:git-assistant"
    assert re.fullmatch(r"[a-z]+/[a-z]+:[0-9][0-9.]*", service["image"])
    assert "8000" in " ".join(service["command"])
    assert not re.search(r"(?i)token", " ".join(service["command"]))


# Several processes: the profile `postgres`


def profile() -> dict[str, Any]:
    """The services that nobody gets without asking for PostgreSQL."""
    return {name: service for name, service in compose()["services"].items() if service.get("profiles") == ["postgres"]}


def test_the_profile_postgres_has_a_server_replicas_one_sender_and_a_proxy() -> None:
    services = profile()
    assert set(services) == {"postgres", "replica", "telegram", "proxy"}
    server = services["postgres"]
    assert re.fullmatch(r"postgres:1[5-8]", server["image"])
    assert server["healthcheck"]["test"][0] == "CMD-SHELL"
    assert server["volumes"] == ["postgres:/var/lib/postgresql/data"]
    assert "postgres" in compose()["volumes"]
    assert "ports" not in server, "nobody outside has any business there"
    for name in ("replica", "telegram"):
        service = services[name]
        assert service["image"] == compose()["services"]["git-assistant"]["image"]
        assert service["depends_on"] == {"postgres": {"condition": "service_healthy"}}
        assert "volumes" not in service, "a replica keeps nothing, so that any number may come and go"
        assert "ports" not in service
        assert "container_name" not in service
        for same in ("env_file", "restart", "stop_grace_period", "init", "read_only", "cap_drop", "security_opt"):
            assert service[same] == compose()["services"]["git-assistant"][same], (name, same)


def test_each_role_is_run_by_one_kind_of_service() -> None:
    asked = [profile()[name]["command"] for name in ("replica", "telegram")]
    assert asked == [["run", "--only", "webhook,worker"], ["run", "--only", "bot,sender"]]
    assert sorted(",".join(command[2] for command in asked).split(",")) == sorted(ROLES)


def test_a_replica_is_asked_whether_it_is_ready_and_who_listens_nowhere_is_not() -> None:
    test = profile()["replica"]["healthcheck"]["test"]
    assert test == ["CMD", *(word.replace("/healthz", "/readyz") for word in health_check())]
    assert profile()["telegram"]["healthcheck"] == {"disable": True}


def test_the_proxy_shares_what_comes_among_the_replicas() -> None:
    (mount,) = profile()["proxy"]["volumes"]
    source, target, mode = mount.split(":")
    block = (ROOT / source).read_text()
    assert (target, mode) == ("/etc/nginx/templates/default.conf.template", "ro")
    assert f"server replica:{profile()['replica']['environment']['PORT']} resolve" in block
    assert "client_max_body_size 25m;" in block
    assert block.count("{") == block.count("}")
    assert "/metrics" not in block
    assert "/readyz" not in block
    assert profile()["proxy"]["ports"] == ["127.0.0.1:8000:80"]
