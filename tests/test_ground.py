"""The house itself: its layout, its verbs, its pins, and what stays out of a process that does not need it."""

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from aiohttp import ClientSession

from src.config import Settings, example
from src.forge import Connector, WebhookCodec
from src.forges import FORGE_TYPES, github_web_url, gitlab_web_url
from tests import conftest

ROOT = Path(__file__).parent.parent

# The tree that spec 001 draws; a file that outgrew itself is a package of the same name.
FIXED = [
    "main.py",
    "requirements.txt",
    ".gitignore",
    "docs/README.md",
    "tests/test_webhook.py",
    "src/config.py",
    "src/bot/bot.py",
    "src/bot/handlers.py",
    "src/bot/subscription_handlers.py",
    "src/bot/keyboards.py",
    "src/bot/states.py",
    "src/database/models.py",
    "src/database/database.py",
    "src/gitlab_api/client.py",
    "src/github_api/client.py",
    "src/webhook/server.py",
    "src/webhook/handlers.py",
    "src/webhook/notifier.py",
    "src/webhook/manager.py",
    "src/webhook/personalized_handlers.py",
]
# What this project adds to it.
OURS = [
    "requirements-dev.txt",
    "Makefile",
    ".ci/run",
    ".env.example",
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "docs/spec-map.md",
    "docs/operating.md",
    "src/cli.py",
    "src/app.py",
    "src/doctor.py",
    "src/events.py",
    "src/forge.py",
    "src/forges.py",
    "src/i18n.py",
    "src/logs.py",
    "src/locales/ru/LC_MESSAGES/git_assistant.po",
    "src/github_api/webhooks.py",
    "src/gitlab_api/webhooks.py",
    "src/database/crypto.py",
    "src/database/migrate.py",
    "src/database/migrations/env.py",
    "src/webhook/inbox.py",
    "src/webhook/pipeline.py",
    "src/webhook/enrich.py",
    "src/webhook/render.py",
    "src/bot/middlewares.py",
    "src/bot/limiter.py",
    "src/demo/telegram.py",
    "src/demo/github.py",
    "src/demo/gitlab.py",
]


@pytest.mark.parametrize("path", FIXED + OURS)
def test_the_layout_is_there(path: str) -> None:
    file = ROOT / path
    package = file.with_suffix("") / "__init__.py"
    assert file.is_file() or (file.suffix == ".py" and package.is_file()), f"{path} is missing"


def test_the_entry_point_is_three_lines() -> None:
    code = [
        line
        for line in (ROOT / "main.py").read_text().splitlines()
        if line.strip() and not line.startswith(('"""', "#"))
    ]
    assert len(code) == 3


@pytest.mark.parametrize("name", sorted(file.name for file in ROOT.glob("requirements*.txt")))
def test_every_requirement_is_pinned_exactly(name: str) -> None:
    lines = [line.partition("#")[0].strip() for line in (ROOT / name).read_text().splitlines()]
    for line in filter(None, lines):
        pinned = re.fullmatch(r"[A-Za-z0-9._-]+(\[[a-z,]+\])?==[0-9][A-Za-z0-9.]*(; .+)?", line)
        assert pinned or line == "-r requirements.txt", line


def test_env_example_equals_the_settings() -> None:
    assert (ROOT / ".env.example").read_text() == example(), "run `make env-example`"


def test_the_makefile_has_its_verbs_each_with_help() -> None:
    shown = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    verbs = {line.split()[0] for line in shown.splitlines() if line.strip() and not line.startswith("make")}
    wanted = [
        "help",
        "setup",
        "run",
        "demo",
        "demo-script",
        "test",
        "test-peers",
        "test-postgres",
        "test-freezing",
        "test-browser",
        "screenshots",
        "lint",
        "fmt",
        "messages",
        "drill",
        "drill-short",
        "fuzz",
        "walk",
        "bench",
        "bench-long",
        "bench-review",
        "env-example",
        "doctor",
    ]
    assert verbs == set(wanted)
    phony = re.search(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert phony is not None
    assert set(phony[1].split()) == verbs


def test_ci_runs_every_verb_that_must_hold() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    text = script.read_text()
    assert "set -euo pipefail" in text
    steps = re.findall(r"^ *(?:in_memory )?make ([a-z-]+)(?: \|\| failed=\$\?)?$", text, re.MULTILINE)
    assert set(steps) == {
        "lint", "setup", "test", "test-postgres", "test-peers", "demo-script", "drill-short", "test-browser",
    }  # fmt: skip
    assert re.findall(r"^beside > .* &$|^wait .*|^if .*failed.*", text, re.MULTILINE) == [
        "beside > build/beside.log 2>&1 &",
        'wait "$side" || failed=$?',
        'if [ "$failed" != 0 ]; then exit "$failed"; fi',
    ]


PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]


def anchors(page: Path) -> set[str]:
    """What can stand behind a # in a link to this page, as GitHub and GitLab make it from headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^a-z0-9 _-]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\((?!https?:)([^)\s]+)\)", page.read_text()):
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize(
    ("asked", "path", "left_out"),
    [
        ("tests", "tests/peers/test_x.py", True),
        ("tests", "tests/drills", True),
        ("tests", "tests/test_x.py", None),
        ("tests/peers", "tests/peers/test_x.py", None),
        ("tests/peers", "tests/drills/test_x.py", True),
        ("tests/drills/test_x.py::test_y", "tests/drills/test_x.py", None),
        (".", "tests/peers", True),
    ],
)
def test_peers_and_drills_run_only_when_asked_for(asked: str, path: str, left_out: bool | None) -> None:
    config = SimpleNamespace(args=[asked], invocation_params=SimpleNamespace(dir=ROOT))
    assert conftest.pytest_ignore_collect(ROOT / path, config) is left_out  # type: ignore[arg-type]  # all it reads


_LOADED = """
import sys
from src.cli import main
code = main(sys.argv[1:])
print("loaded:", *sorted({"aiogram", "src.bot"} & {name for name in sys.modules}))
raise SystemExit(code)
"""


@pytest.mark.parametrize(
    "command",
    [
        ["check-config", "--only", "webhook,worker"],
        ["doctor"],
        ["migrate"],
        ["log"],
        ["make-key"],
        ["dead-letters", "list"],
        ["backup", "backup.db"],
        ["restore", "backup.db"],
        ["rotate-key"],
    ],
)
async def test_aiogram_is_not_loaded_by(command: list[str], tmp_path: Path) -> None:
    ours = {name.upper() for name in Settings.model_fields}
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    environment |= {"PYTHONPATH": str(ROOT), "GITHUB_API_URL": "http://127.0.0.1:9", "GITLAB_URL": "http://127.0.0.1:9"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _LOADED, *command, cwd=tmp_path, env=environment,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    assert "Traceback" not in err.decode()
    assert out.decode().splitlines()[-1].split() == ["loaded:"]


@pytest.mark.parametrize(
    ("api", "web"),
    [
        ("https://api.github.com", "https://github.com"),
        ("https://api.github.com/", "https://github.com"),
        ("https://ghe.example/api/v3", "https://ghe.example"),
        ("https://ghe.example:8443/git/api/v3/", "https://ghe.example:8443/git"),
        ("https://api.acme.ghe.com", "https://acme.ghe.com"),
        ("http://127.0.0.1:9102", "http://127.0.0.1:9102"),
        ("https://api.example.org", "https://api.example.org"),
    ],
)
def test_the_web_address_of_a_github(api: str, web: str) -> None:
    assert github_web_url(api) == web


def test_the_web_address_of_a_gitlab_is_its_own() -> None:
    assert gitlab_web_url("https://host.example/gitlab/") == "https://host.example/gitlab"


async def test_every_forge_is_registered_whole() -> None:
    assert set(FORGE_TYPES) == {"github", "gitlab"}
    async with ClientSession() as session:
        for kind, forge_type in FORGE_TYPES.items():
            assert forge_type.kind == kind
            codec: WebhookCodec = forge_type.codec
            assert codec.names
            connector: Connector = forge_type.connector(session)
            assert callable(connector.client("https://forge.example", None).whoami)
            assert not forge_type.token_page.startswith("/")
            assert all(need in forge_type.token_page for need in forge_type.token_needs)
