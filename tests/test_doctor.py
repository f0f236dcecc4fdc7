"""The doctor: what is wrong, said in one line, with its mend."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import ClientTimeout, web
from aiohttp.test_utils import TestServer
from cryptography.fernet import Fernet
from sqlalchemy import text

from src import doctor
from src.database.crypto import SecretBox
from src.database.database import Database
from src.database.migrate import upgrade
from src.database.models import Hook, Lease, utc_now
from src.database.repositories import accounts, forges, people, users
from src.demo.github import GitHubEmulator
from src.demo.gitlab import GitLabEmulator
from src.demo.ports import free_port
from src.demo.telegram import TelegramEmulator
from src.doctor import Finding, Inputs, examine, human, machine, scrub
from src.doctor.answers import clock, patiently
from src.doctor.findings import Heard
from src.forge import Identity
from src.forges import FORGE_TYPES
from tests.databases import is_sqlite, url_in
from tests.emulated_bot import post

KEY = Fernet.generate_key().decode()
NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)


@dataclass(kw_only=True)
class Ward:
    """Everything that there is to examine, well."""

    telegram: TelegramEmulator
    github: GitHubEmulator
    gitlab: GitLabEmulator
    database: Database
    inputs: Inputs

    async def findings(self, **changed: object) -> dict[str, Finding]:
        """By the check's name; of several the worst."""
        order = ("ok", "warn", "fail")
        found: dict[str, Finding] = {}
        for each in await examine(replace(self.inputs, **changed)):  # type: ignore[arg-type]  # fields by name
            known = found.get(each.check)
            if known is None or order.index(each.level) > order.index(known.level):
                found[each.check] = each
        return found

    async def store(self, login: str, token: str, key: str = KEY) -> None:
        """An account of the person's on the GitHub emulator."""
        async with self.database.write() as session:
            forge = await forges.ensure(session, "github", self.github.url)
            user = await users.ensure_user(session, 7, name=login, language=None, now=utc_now())
            await accounts.put(
                session,
                user_id=user.id,
                forge_id=forge.id,
                identity=Identity(id=login, login=login),
                token=SecretBox([key]).seal(token),
                last4=token[-4:],
                now=utc_now(),
            )


@asynccontextmanager
async def relay(answer: object, *, status: int = 200) -> AsyncIterator[str]:
    """Something that answers ``/healthz``."""

    async def health(_request: web.Request) -> web.Response:
        return web.json_response(answer, status=status, headers={"Location": "/elsewhere"} if status == 301 else None)

    app = web.Application()
    app.router.add_get("/healthz", health)
    async with TestServer(app) as server:
        yield str(server.make_url("")).rstrip("/")


@pytest.fixture
async def ward(tmp_path: Path) -> AsyncIterator[Ward]:
    url = url_in(tmp_path, "assistant.db")
    database = Database(url)
    await upgrade(database)
    async with TelegramEmulator() as telegram, GitHubEmulator() as github, GitLabEmulator() as gitlab:
        github.add_user("ann")
        port = free_port()
        inputs = Inputs(
            token=telegram.token,
            telegram_api_url=telegram.url,
            database_url=url,
            secret_keys=(KEY,),
            forges=(("github", github.url), ("gitlab", gitlab.url)),
            types=FORGE_TYPES,
            public_url=f"http://127.0.0.1:{port}",
            host="127.0.0.1",
            port=port,
            has_admin_ids=True,
            poll_seconds=0,
        )
        yield Ward(telegram=telegram, github=github, gitlab=gitlab, database=database, inputs=inputs)
    await database.close()


async def test_all_is_well_but_for_the_missing_https(ward: Ward) -> None:
    ward.github.add_token("tok_ann", "ann", scopes=["repo", "notifications"])
    await ward.store("ann", "tok_ann")
    found = await examine(ward.inputs)
    server = [] if is_sqlite() else [("server", "warn")]  # that of the tests forgets in a crash
    assert [(f.check, f.level) for f in found] == [
        ("database", "ok"), *server, ("migrations", "ok"), ("keys", "ok"), ("access", "ok"), ("token", "ok"),
        ("poller", "ok"), ("forge", "ok"), ("forge", "ok"), ("scopes", "ok"), ("clock", "ok"),
        ("public address", "warn"),
    ]  # fmt: skip
    assert "@git_assistant_bot" in next(f.says for f in found if f.check == "token")
    assert "unencrypted" in found[-1].says


# --- access


@pytest.mark.parametrize(
    ("access", "level", "says"),
    [
        ("pairing", "warn", "the next start prints a code"), ("list", "ok", "ADMIN_IDS and ALLOWED_IDS"),
        ("open", "warn", "everybody on Telegram"),
    ],
)  # fmt: skip
async def test_who_may_use_the_bot_is_said(ward: Ward, access: str, level: str, says: str) -> None:
    found = (await ward.findings(access=access, has_admin_ids=False))["access"]
    assert (found.level, says in found.says) == (level, True), found


async def test_an_admin_by_a_code_is_one(ward: Ward) -> None:
    async with ward.database.write() as session:
        user = await users.ensure_user(session, 7, name="ann", language=None, now=utc_now())
        await people.admit(session, user, as_admin=True, now=utc_now())
    found = (await ward.findings(has_admin_ids=False))["access"]
    assert (found.level, "has an admin" in found.says) == ("ok", True), found


# --- token, second poller


async def test_no_token(ward: Ward) -> None:
    found = (await ward.findings(token=None))["token"]
    assert found.level == "fail"
    assert "@BotFather" in (found.mend or "")


async def test_a_wrong_token_is_told_and_never_shown(ward: Ward) -> None:
    findings = await examine(replace(ward.inputs, token="77:WRONG-token-that-nobody-may-see"))
    found = next(f for f in findings if f.check == "token")
    assert (found.level, found.says) == ("fail", "Telegram does not know this token.")
    assert "WRONG" not in human(findings) + str(machine(findings)) + repr(replace(ward.inputs, token="77:WRONG"))


async def test_telegram_out_of_reach_does_not_show_the_token(ward: Ward) -> None:
    found = await ward.findings(telegram_api_url=f"http://127.0.0.1:{free_port()}")
    assert found["token"].level == "fail"
    assert "is not reached" in found["token"].says
    assert "DEMO" not in str(found)


async def test_an_address_that_says_nothing_is_asked_twice(ward: Ward, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        await asyncio.Event().wait()
        return web.Response()

    monkeypatch.setattr(doctor, "_TIMEOUT", ClientTimeout(total=1))
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", answer)
    async with TestServer(app) as server:
        url = str(server.make_url("")).rstrip("/")
        found = await ward.findings(telegram_api_url=url, public_url=url)
    for name in ("token", "public address"):
        assert (found[name].level, found[name].says) == ("fail", f"{url} does not answer in time.")
    assert sorted(asked) == sorted([f"/bot{ward.telegram.token}/getMe"] * 2 + ["/healthz"] * 2)


async def test_one_hiccup_is_no_finding() -> None:
    answers = iter((TimeoutError, "here", TimeoutError, TimeoutError, "never asked"))

    async def ask() -> object:
        answer = next(answers)
        if answer is TimeoutError:
            raise TimeoutError
        return answer

    assert await patiently(ask) == "here"
    with pytest.raises(TimeoutError):
        await patiently(ask)
    assert next(answers) == "never asked"


async def test_telegram_api_url_that_is_no_bot_api(ward: Ward) -> None:
    async with relay([]) as url:
        found = (await ward.findings(telegram_api_url=url))["token"]
    assert found.level == "fail"
    assert "not the Bot API" in found.says


def test_scrub_takes_the_token_out_of_addresses() -> None:
    assert scrub("POST https://t.example/bot1:abc/getMe by 1:abc", "1:abc") == (
        "POST https://t.example/bot<token>/getMe by <token>"
    )
    assert scrub("GET /bot2:other/getMe", None) == "GET /bot<token>/getMe"


async def test_a_webhook_is_a_second_reader(ward: Ward) -> None:
    await post(ward.telegram, f"/bot{ward.telegram.token}/setWebhook", data={"url": "https://other.example/hook"})
    found = (await ward.findings())["poller"]
    assert found.level == "fail"
    assert "deleteWebhook" in (found.mend or "")


async def test_a_second_poller_is_told_by_409(ward: Ward) -> None:
    async def busy(_request: web.Request) -> web.Response:
        return web.json_response({"ok": False, "description": "Conflict"}, status=409)

    async def fine(request: web.Request) -> web.Response:
        me = {"is_bot": True, "username": "t_bot", "url": ""}
        return web.json_response({"ok": True, "result": me})

    app = web.Application()
    app.router.add_post("/bot{token}/getUpdates", busy)
    app.router.add_post("/bot{token}/{method}", fine)
    async with TestServer(app) as server:
        found = (await ward.findings(telegram_api_url=str(server.make_url("")).rstrip("/")))["poller"]
    assert (found.level, found.says) == ("fail", "Another program polls with this token.")


async def test_a_real_second_poller_is_found(ward: Ward) -> None:
    polled = asyncio.Event()

    async def rival() -> None:
        """Polls, is sent away by the doctor, and comes back, as every bot does."""
        while True:
            polled.set()
            status, _ = await post(ward.telegram, f"/bot{ward.telegram.token}/getUpdates", data={"timeout": "20"})
            await asyncio.sleep(0.2 if status == 409 else 0)

    async with asyncio.TaskGroup() as group:
        task = group.create_task(rival())
        await polled.wait()
        found = (await ward.findings(poll_seconds=9))["poller"]
        task.cancel()
    assert (found.level, found.says) == ("fail", "Another program polls with this token.")


async def test_our_own_running_bot_is_not_interrupted(ward: Ward) -> None:
    async with ward.database.write() as session:
        session.add(Lease(name="telegram:42", owner="us", until=utc_now() + timedelta(minutes=1), fence=1))
    found = (await ward.findings())["poller"]
    assert (found.level, found.says) == ("ok", "The bot is running and holds its lease.")
    assert "getUpdates" not in [call.method for call in ward.telegram.server.calls]


async def test_waiting_updates_are_not_lost_by_looking(ward: Ward) -> None:
    ann = ward.telegram.person("ann")
    await ann.send("/start")
    assert (await ward.findings())["poller"].level == "ok"
    _, body = await post(ward.telegram, f"/bot{ward.telegram.token}/getUpdates")
    assert len(body["result"]) == 1  # type: ignore[arg-type]  # a list of updates


# --- database, migrations, keys


async def test_a_database_that_is_not_there_yet_is_not_made(ward: Ward, tmp_path: Path) -> None:
    found = await ward.findings(database_url=f"sqlite+aiosqlite:///{tmp_path}/new/deep/assistant.db")
    assert found["database"].level == "ok"
    assert "first start" in found["database"].says
    assert not (tmp_path / "new").exists()


async def test_a_database_where_no_file_can_be(ward: Ward, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    found = (await ward.findings(database_url=f"sqlite+aiosqlite:///{tmp_path}/file/assistant.db"))["database"]
    assert found.level == "fail"
    assert "DATABASE_URL" in (found.mend or "")


async def test_a_file_that_is_no_database(ward: Ward, tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("no database, but long enough to be looked at " * 20)
    found = (await ward.findings(database_url=f"sqlite+aiosqlite:///{tmp_path}/text.db"))["database"]
    assert (found.level, found.says) == ("fail", "The database cannot be used: file is not a database.")


async def test_a_database_without_the_newest_schema(ward: Ward, tmp_path: Path) -> None:
    empty = Database(f"sqlite+aiosqlite:///{tmp_path}/empty.db")
    async with empty.write() as session:
        await session.connection()
    await empty.close()
    found = (await ward.findings(database_url=empty.url))["migrations"]
    assert found.level == "warn"
    assert "migrate" in (found.mend or "")


async def test_a_database_of_a_newer_version(ward: Ward) -> None:
    async with ward.database.write() as session:
        await session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    found = (await ward.findings())["migrations"]
    assert found.level == "fail"
    assert "newer version" in found.says


async def test_a_lost_key_names_whose_token_it_was(ward: Ward) -> None:
    await ward.store("ann", "tok_ann", key=Fernet.generate_key().decode())
    found = await ward.findings()
    assert (found["keys"].level, found["keys"].says) == ("fail", "No key opens the token of ann.")
    assert (await ward.findings(secret_keys=()))["keys"].level == "fail"
    assert (await ward.findings(secret_keys=("no key",)))["keys"].level == "fail"


async def test_no_key_and_nothing_stored_is_fine(ward: Ward) -> None:
    assert (await ward.findings(secret_keys=()))["keys"].level == "ok"


# --- forges, scopes


async def test_a_forge_that_is_down(ward: Ward) -> None:
    ward.gitlab.outage("html")
    found = (await ward.findings())["forge"]
    assert found.level == "fail"
    assert ward.gitlab.url in found.says


async def test_a_forge_that_is_not_there(ward: Ward) -> None:
    gone = f"http://127.0.0.1:{free_port()}"
    assert (await ward.findings(forges=(("github", gone),)))["forge"].level == "fail"


async def test_a_forge_that_limits_us(ward: Ward) -> None:
    ward.github.outage("rate_limited", seconds=3000)
    found = (await ward.findings(forges=(("github", ward.github.url),)))["forge"]
    assert (found.level, found.mend) == ("warn", "wait an hour")


async def test_missing_scopes_name_who_lacks_what(ward: Ward) -> None:
    ward.github.add_token("tok_poor", "ann", scopes=["repo"])
    await ward.store("ann", "tok_poor")
    found = (await ward.findings())["scopes"]
    assert (found.level, found.says) == ("warn", f"The token of ann on {ward.github.url} lacks notifications.")
    assert "notifications" in (found.mend or "")


async def test_a_revoked_token_names_its_owner(ward: Ward) -> None:
    await ward.store("ann", "tok_unknown_to_all")
    found = (await ward.findings())["scopes"]
    assert found.level == "warn"
    assert found.says == f"GitHub refuses the token of ann on {ward.github.url}."


# --- clock


@pytest.mark.parametrize(("seconds", "level"), [(0, "ok"), (59, "ok"), (-59, "ok"), (61, "fail"), (-3600, "fail")])
def test_a_clock_more_than_a_minute_off_fails(seconds: float, level: str) -> None:
    assert clock([Heard("Telegram", NOW, NOW + timedelta(seconds=seconds))]).level == level


def test_one_odd_clock_among_three_misleads_nobody() -> None:
    odd = Heard("GitLab", NOW - timedelta(days=1), NOW)
    assert clock([Heard("Telegram", NOW, NOW), odd, Heard("GitHub", NOW, NOW)]).level == "ok"


async def test_a_clock_that_nobody_tells_is_a_warning(ward: Ward) -> None:
    found = await ward.findings(token=None, forges=())
    assert found["clock"].level == "warn"


async def test_the_clock_is_compared_with_date_headers(ward: Ward) -> None:
    async def yesterday(_request: web.Request) -> web.Response:
        return web.json_response({}, headers={"Date": "Mon, 04 May 2026 12:00:00 GMT"})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", yesterday)
    async with TestServer(app) as server:
        url = str(server.make_url("")).rstrip("/")
        found = (await ward.findings(token=None, forges=(("github", url),)))["clock"]
    assert found.level == "fail"
    assert "GitHub" in found.says


# --- PUBLIC_URL


async def test_no_public_url_means_that_projects_are_polled(ward: Ward) -> None:
    found = (await ward.findings(public_url=None))["public address"]
    assert found.level == "warn"
    assert "projects are polled" in found.says


async def test_the_running_relay_is_recognised_from_outside(ward: Ward) -> None:
    async with relay({"status": "ok", "instance": "one"}) as url:
        port = int(url.rpartition(":")[2])
        found = (await ward.findings(public_url=url, port=port))["public address"]
        elsewhere = (await ward.findings(public_url=url))["public address"]
    assert found.level == "warn"  # http, but it leads here
    assert "leads here" in found.says
    assert elsewhere.level == "fail"
    assert "another relay" in elsewhere.says


@pytest.mark.parametrize(
    ("answer", "status", "says"),
    [({}, 404, "HTTP 404"), ({}, 301, "HTTP 301"), ({"status": "ok"}, 200, "no relay"), ("words", 200, "no relay")],
)
async def test_public_url_that_leads_elsewhere(ward: Ward, answer: object, status: int, says: str) -> None:
    async with relay(answer, status=status) as url:
        found = (await ward.findings(public_url=url))["public address"]
    assert found.level == "fail"
    assert says in found.says
    assert f"127.0.0.1:{ward.inputs.port}" in (found.mend or "")


async def test_public_url_that_nobody_answers(ward: Ward) -> None:
    found = (await ward.findings(public_url=f"http://127.0.0.1:{free_port()}"))["public address"]
    assert found.level == "fail"
    assert "not reached" in found.says


async def test_a_stranger_on_our_port(ward: Ward) -> None:
    async with relay({"hello": "world"}) as url:
        found = (await ward.findings(port=int(url.rpartition(":")[2])))["public address"]
    assert found.level == "fail"
    assert "no relay listens" in found.says


async def test_a_host_that_is_not_this_machine(ward: Ward) -> None:
    found = (await ward.findings(host="192.0.2.1", port=1))["public address"]
    assert found.level == "fail"


async def test_a_changing_port_is_told(ward: Ward) -> None:
    assert "PORT is 0" in (await ward.findings(port=0))["public address"].says


# --- how it is shown


def test_human_output_is_one_aligned_line_each() -> None:
    findings = [Finding("token", "ok", "Fine."), Finding("public address", "fail", "Not reached.", "open the tunnel")]
    assert human(findings).splitlines() == [
        "✓ token           Fine.",
        "✗ public address  Not reached. → open the tunnel",
    ]


def test_machine_output_says_whether_all_is_well() -> None:
    bad = Finding("token", "fail", "Bad.", "mend it")
    assert machine([Finding("token", "warn", "So so.")])["ok"] is True
    assert machine([bad]) == {
        "ok": False,
        "findings": [{"check": "token", "level": "fail", "says": "Bad.", "mend": "mend it"}],
    }


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


async def test_examining_changes_no_file(ward: Ward, tmp_path: Path) -> None:
    before = names(tmp_path)
    await examine(ward.inputs)
    assert names(tmp_path) - before <= {"assistant.db-wal", "assistant.db-shm"}


# --- catching up


async def test_hooks_whose_failures_cannot_be_mended_are_counted(ward: Ward) -> None:
    assert "catching up" not in await ward.findings()
    async with ward.database.write() as session:
        forge = await forges.ensure(session, "github", ward.github.url)
        sealed = SecretBox([KEY]).seal("a secret")
        for number in range(7):
            session.add(
                Hook(
                    public_id=f"hook{number}", forge_id=forge.id, origin="managed", secret=sealed, events=[],
                    created_at=utc_now(), uncaught="unsupported" if number else None,
                )
            )  # fmt: skip
    found = (await ward.findings())["catching up"]
    assert (found.level, "hooks 2, 3, 4, 5, 6 and 1 more is" in found.says) == ("warn", True), found
    assert "--kind hook" in (found.mend or "")
