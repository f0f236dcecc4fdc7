"""check_pr.sh against the emulated GitHub and a relay: told once, in order, and no token where others see it."""

import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import zstandard
from sqlalchemy import select

from src.database.models import Delivery, Hook
from src.events import PullRequestAction, PullRequestEvent
from src.forges import FORGE_TYPES
from tests.hook_stage import PATH, Life, living
from tests.scripts import DEPLOY, Ran, needs_tools, run

SECRET = "secret of the environment"
TOKEN = "tok_ann"


@dataclass
class Cron:
    """Whoever runs check_pr.sh, with ears at every command line."""

    folder: Path
    life: Life
    settings: dict[str, str] = field(default_factory=dict)

    async def check(self, *arguments: str) -> Ran:
        """One run."""
        environment = {
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}", "HOME": str(self.folder),
            "HEARD": str(self.folder / "heard"), **self.settings,
        }  # fmt: skip
        return await run(DEPLOY / "check_pr.sh", *(arguments or (PATH,)), environment=environment)

    def listen(self) -> None:
        """Every program that is started says with what."""
        (self.folder / "bin").mkdir()
        for tool in ("curl", "jq", "python3", "mkdir", "mktemp", "rm", "cat", "mv", "tr"):
            real = shutil.which(tool)
            assert real is not None
            wrapper = self.folder / "bin" / tool
            wrapper.write_text(f'#!/bin/sh\nprintf "%s\\n" "{tool} $*" >> "$HEARD"\nexec {real} "$@"\n')
            wrapper.chmod(0o755)

    def heard(self) -> str:
        return (self.folder / "heard").read_text()


async def cron_of(folder: Path, life: Life) -> Cron:
    made = Cron(folder, life)
    config = folder / ".config" / "git-assistant"
    config.mkdir(parents=True)
    (config / "check_pr.env").write_text(
        f"GITHUB_TOKEN={TOKEN}\nGITHUB_WEBHOOK_SECRET='{SECRET}'\nGITHUB_API_URL={life.forge.url}\nRELAY_URL={life.url}\n"
    )
    async with life.database.write() as session:
        session.add(
            Hook(
                public_id="environment", forge_id=life.row_of_forge.id, origin="environment", events=[],
                secret=life.box.seal(SECRET), created_at=life.clock(),
            )
        )  # fmt: skip
    return made


async def stored(life: Life) -> list[PullRequestEvent]:
    """What was handed to the relay, as it understands it."""
    async with life.database.read() as session:
        rows = list(await session.scalars(select(Delivery).order_by(Delivery.id)))
    events = []
    for row in rows:
        (event,) = FORGE_TYPES["github"].codec.parse(row.headers, zstandard.decompress(row.body or b""))
        assert isinstance(event, PullRequestEvent)
        events.append(event)
    return events


@needs_tools
async def test_check_pr_hands_new_pull_requests_to_the_relay_once(tmp_path: Path) -> None:
    async with living(tmp_path, "github") as life:
        cron = await cron_of(tmp_path, life)
        await life.forge.open_pull_request(PATH, "bob", "There before", source="old")
        first = await cron.check()
        assert (first.code, first.out, first.err) == (0, "", "")
        numbers = [await life.forge.open_pull_request(PATH, "bob", f'New "{n}" $(x)', source=f"n{n}") for n in range(3)]
        told = await cron.check()
        assert (told.code, told.err) == (0, "")
        assert told.out.splitlines() == [f"{PATH}: told of pull request {number}" for number in numbers]
        assert (await cron.check()).out == ""
        found = await stored(life)
        assert [(event.action, event.subject.title) for event in found] == [
            (PullRequestAction.OPENED, f'New "{n}" $(x)') for n in range(3)
        ]
        assert {event.project.path for event in found} == {PATH}
        # Without its memory it tells again, and the relay knows it again.
        mark = tmp_path / ".local" / "state" / "git-assistant" / PATH.replace("/", "_")
        assert mark.stat().st_mode & 0o077 == 0
        mark.write_text("0\n")
        again = await cron.check()
        assert again.out.count("told of") == 4
        assert len(await stored(life)) == 4  # the three, and the one from before


@needs_tools
async def test_check_pr_puts_no_token_on_a_command_line_or_in_an_address(tmp_path: Path) -> None:
    async with living(tmp_path, "github") as life:
        cron = await cron_of(tmp_path, life)
        cron.listen()
        await cron.check()
        await life.forge.open_pull_request(PATH, "bob", "New", source="new")
        assert "told of" in (await cron.check()).out
        assert "curl" in cron.heard()
        assert "python3" in cron.heard()
        assert TOKEN not in cron.heard()
        assert SECRET not in cron.heard()
        assert not any(TOKEN in request.query for request in life.forge.requests)
        assert {request.login for request in life.forge.requests if request.path.endswith("/pulls")} == {"ann"}


@needs_tools
async def test_check_pr_turns_the_page_where_much_is_new(tmp_path: Path) -> None:
    async with living(tmp_path, "github") as life:
        cron = await cron_of(tmp_path, life)
        cron.listen()
        curl = tmp_path / "bin" / "curl"  # pages of two in place of a hundred
        curl.write_text(
            '#!/bin/sh\nfor each in "$@"; do shift; case $each in *per_page=100*)'
            ' each="${each%%per_page=100*}per_page=2${each##*per_page=100}";; esac; set -- "$@" "$each"; done\n'
            f'exec {shutil.which("curl")} "$@"\n'
        )
        await cron.check()
        for number in range(5):
            await life.forge.open_pull_request(PATH, "bob", f"New {number}", source=f"n{number}")
        told = await cron.check()
        assert (told.code, told.out.count("told of")) == (0, 5), told.err
        asked = [request.query for request in life.forge.requests if "per_page=2&" in request.query]
        assert [query.rpartition("&page=")[2] for query in asked] == ["1", "1", "2", "3", "4"]
        assert len(await stored(life)) == 5


@needs_tools
async def test_check_pr_tells_again_what_the_relay_did_not_take(tmp_path: Path) -> None:
    async with living(tmp_path, "github") as life:
        cron = await cron_of(tmp_path, life)
        await cron.check()
        await life.forge.open_pull_request(PATH, "bob", "New", source="new")
        cron.settings["CHECK_PR_ENV"] = "/dev/null"
        assert (await cron.check()).code == 2
        cron.settings |= {"GITHUB_TOKEN": TOKEN, "GITHUB_WEBHOOK_SECRET": "another", "RELAY_URL": life.url}
        cron.settings["GITHUB_API_URL"] = life.forge.url
        refused = await cron.check()
        assert refused.code != 0
        assert "401" in refused.err
        del cron.settings["CHECK_PR_ENV"]
        assert (await cron.check()).out.count("told of") == 1
