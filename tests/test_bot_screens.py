"""No message of the bot is longer than a phone's screen, however much there is to say."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select, update

from src.bot.farewell import Farewell
from src.bot.notice_texts import Facts, word
from src.bot.privacy import account_of
from src.database.models import Account, Forge, Hook, Project, User, utc_now
from src.database.repositories import accounts
from src.database.repositories.erasure import Forgotten, LeftGroup
from src.demo.telegram import Group, Message, Person
from src.forge import Identity
from src.forges import FORGE_TYPES
from src.i18n import languages, translator
from src.webhook.manager import Unreleased
from src.webhook.notices import Notice
from tests.bot_stage import Stage, staged
from tests.notified import follow
from tests.phone import LINES, lines_of, seen

SCOPES = ("admin:org_hook", "admin:repo_hook", "notifications", "read:user", "repo", "workflow")
TROUBLE = "The forge answered with 502 Bad Gateway, " * 5


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(tmp_path) as found:
        yield found


@pytest.fixture(params=["en", "ru"])
def ann(stage: Stage, request: pytest.FixtureRequest) -> Person:
    return stage.tg.person("Ann", language=request.param)


def fits(message: Message) -> bool:
    lines = lines_of(message)
    print(lines, message.text)
    return lines <= LINES


def button(person: Person, text: str) -> str:
    return translator(person.language or "")(text)


async def many_accounts(stage: Stage, person: Person) -> None:
    async with stage.database.write() as session:
        user = (await session.scalars(select(User).where(User.telegram_id == person.id))).one()
        for number in range(8):
            identity = Identity(
                id=f"number {number}", login=f"a-long-login-{number}", scopes=frozenset(SCOPES), missing=SCOPES[:3]
            )
            await accounts.put(
                session, user_id=user.id, forge_id=stage.deps.forges[0].id, identity=identity, token=b"sealed",
                last4="1234", now=utc_now(),
            )  # fmt: skip


async def many_subscriptions(stage: Stage, person: Person, in_: Group | None = None) -> None:
    for number in range(30):
        await follow(stage, person, f"an-organisation-of-many/with-a-project-of-a-long-name-{number}", in_)
    async with stage.database.write() as session:
        for project in await session.scalars(select(Project)):
            session.add(Hook(
                public_id=f"hook {project.id}", project_id=project.id, forge_id=project.forge_id, origin="managed",
                remote_id=str(project.id), secret=b"sealed", events=[], created_at=utc_now(), last_error=TROUBLE,
                last_event_at=utc_now(),
            ))  # fmt: skip


async def test_help_of_an_admin(stage: Stage, ann: Person) -> None:
    await stage.say(ann, "/start")
    async with stage.database.write() as session:
        await session.execute(update(User).values(is_admin=True))
    assert fits(await stage.say(ann, "/help"))


async def test_privacy_shows_the_gist_and_folds_the_details(stage: Stage, ann: Person) -> None:
    said = await stage.say(ann, "/privacy")
    assert fits(said)
    assert "/delete_me" in said.text


async def test_status_of_many_accounts_subscriptions_and_troubles(stage: Stage, ann: Person) -> None:
    await stage.say(ann, "/start")
    await many_accounts(stage, ann)
    await many_subscriptions(stage, ann)
    said = await stage.say(ann, "/status")
    assert fits(said)
    assert said.text.count("a-long-login") > 3
    assert fits(await stage.step(ann, button(ann, "Webhooks…")))


async def test_status_of_one_account_and_project_folds_nothing(stage: Stage, ann: Person) -> None:
    await stage.give_token(ann)
    await follow(stage, ann, "acme/rocket")
    said = await stage.say(ann, "/status")
    assert not [entity for entity in said.entities if entity.type == "expandable_blockquote"]


async def test_what_a_group_follows_for_those_who_may_only_look(stage: Stage, ann: Person) -> None:
    bob = stage.tg.person("Bob", language=ann.language)
    team = stage.tg.group("Team", admins=[ann], members=[bob])
    await stage.give_token(ann)
    await many_subscriptions(stage, ann, team)
    assert fits(await stage.say(bob, "/list_subscriptions", team))
    assert fits(await stage.say(bob, "/status", team))


@pytest.mark.parametrize("kind", ["github", "gitlab"])
async def test_the_summary_of_a_subscription_in_a_group_that_changes_all(stage: Stage, ann: Person, kind: str) -> None:
    team = stage.tg.group("Team", admins=[ann])
    await stage.give_token(ann, kind)
    await stage.subscribe(ann, kind, team) if ann.language == "en" else None
    await stage.to_events(ann, kind, team)
    await stage.step(ann, button(ann, "All"), team)
    assert fits(await stage.step(ann, button(ann, "Continue ›"), team))
    assert fits(await stage.step(ann, button(ann, "Confirm"), team))


async def test_a_webhook_to_be_made_by_hand_for_all_events(stage: Stage, ann: Person) -> None:
    await stage.give_token(ann, token="tok_carl")
    await stage.to_events(ann)
    await stage.step(ann, button(ann, "All"))
    await stage.step(ann, button(ann, "Continue ›"))
    assert fits(await stage.step(ann, button(ann, "Confirm")))


@pytest.mark.parametrize("language", languages())
def test_what_went_with_delete_me_and_what_has_to_be_done_by_hand(language: str) -> None:
    path = "an-organisation-of-many/with-a-project-of-a-long-name"
    left = tuple(Unreleased(path=f"{path}-{number}", page=None, reason="") for number in range(30))
    group = LeftGroup(chat_id=1, topic_id=0, paths=(path,))
    gone = Forgotten(name="Ann", tokens=2, subscriptions=30, messages=30, left=(group,))
    said = account_of(Farewell(gone, left), translator(language), may_return=False)
    assert lines_of(seen(said)) <= LINES


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("notice", Notice)
def test_every_notice_at_its_longest(notice: Notice, language: str) -> None:
    path = "an-organisation-of-many/with-a-project-of-a-long-name"
    project = Project(path=path, url=f"https://github.com/{path}")
    account = Account(login="a-long-login", token_last4="1234", missing=SCOPES, dead_at=None)
    if notice is Notice.TOKEN_DEAD:
        account.dead_at = utc_now()
    forge = Forge(kind="github", base_url="https://github.example.org/api/v3")
    facts = Facts(account=account, project=project, forge=forge, type=FORGE_TYPES["github"], shows_host=True)
    params = {"name": "N" * 200, "telegram_id": 10**9, "paths": [path] * 30, "reason": "rejected", "message": TROUBLE}
    for state in ("recovered", "lost", "gap"):
        params |= {state: 10_000, f"{state}_in": [path] * 30, f"{state}_more": 70}
    said = word(notice, params, facts, translator(language))
    assert said is not None
    assert lines_of(seen(said)) <= LINES
