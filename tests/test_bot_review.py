"""Reviews in Telegram: asked for in a chat, followed in one message, told to who chose them and to the author."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from src.agent.review import Reason as ReviewReason
from src.agent.review import Reviewer
from src.agent.review import Stage as ReviewStage
from src.bot.bot import create_bot
from src.bot.review_news import review_news_job
from src.bot.review_texts import message_of
from src.bot.selection import ACTING_NAMES
from src.database.jobs import Handler, JobRunner
from src.database.models import Job, Project, Review, Sent, utc_now
from src.database.repositories import jobs, mutes, reviews
from src.demo.telegram import Message, Person
from src.events import CATALOGUE, CodeReviewEvent, CodeReviewOutcome, People, ReviewedLine
from src.forges import FORGE_TYPES
from src.i18n import languages, translator
from src.webhook.categories import Category, categories
from src.webhook.enrich import Enricher
from src.webhook.notices import REVIEW_NEWS_JOB
from src.webhook.personalized_handlers import Facts, Reader, recipients
from src.webhook.planning import Planner
from src.webhook.reasons import Reason
from src.webhook.render.code_review import _REASONS
from src.webhook.reviewing.accounts import Voices
from src.webhook.reviewing.outcome import Told
from src.webhook.reviewing.work import Reviewing
from tests.bot_stage import Stage, Unpaced, labels, staged
from tests.notified import follow, notify
from tests.outbox import until
from tests.rendering import ANN, BOB, GITHUB, GITLAB, because, reviewed, shown

BAD = b'''"""A module."""

import os


def wait(delay):
    try:
        os.nice(delay)
    except:
        return 86401
'''
PUMP = "https://git.example.com/acme/rocket/blob/abc/pump.py#L15"
WORST = ReviewedLine(path="src/pump.py", line=15, level="critical", message="`{name}()` in the code", url=PUMP)
DONE = CodeReviewEvent(**reviewed(), outcome=CodeReviewOutcome.DONE, critical=2, style=5, resolved=3, worst=(WORST,))
CLEAN = CodeReviewEvent(**reviewed(), outcome=CodeReviewOutcome.DONE)


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with staged(tmp_path) as found:
        yield found


@pytest.fixture
async def ann(stage: Stage) -> Person:
    person = stage.tg.person("ann")
    await stage.give_token(person)
    return person


@pytest.fixture
async def number(stage: Stage) -> int:
    return await stage.github.open_pull_request("acme/rocket", "bob", "Fix the pump")


@asynccontextmanager
async def telling(stage: Stage, more: Mapping[str, Handler] | None = None) -> AsyncIterator[None]:
    """The sender at work on the messages of reviews, with the handlers of other jobs beside."""
    bot, stop = create_bot(stage.tg.token, stage.tg.url, Unpaced()), asyncio.Event()
    handler = review_news_job(bot, stage.database, FORGE_TYPES, utc_now)
    runner = JobRunner(
        stage.database, {REVIEW_NEWS_JOB: handler, **(more or {})}, owner="tests", lease=timedelta(seconds=30)
    )
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(runner.run(stop))
            try:
                yield
            finally:
                stop.set()
    finally:
        await bot.session.close()


def jobs_of_reviews(stage: Stage) -> dict[str, Handler]:
    """What reads, analyses and posts; of the settings there is no token."""
    deps = stage.deps
    planner = Planner(
        deps.database, Enricher(deps.database, deps.credentials, clock=utc_now), patience=timedelta(seconds=5)
    )
    told = Told(deps.database, planner, queued=lambda: None, clock=utc_now)
    voices = Voices(deps.database, deps.credentials, {})
    return Reviewing(deps.database, voices, Reviewer(), told, clock=utc_now).jobs()


async def asked(stage: Stage) -> list[Review]:
    async with stage.database.read() as session:
        return list(await session.scalars(select(Review).order_by(Review.id)))


async def begin(stage: Stage, /, **values: Any) -> Review:
    """The review that waits is begun, as the run does it."""
    (row,) = await asked(stage)
    async with stage.database.write() as session:
        await reviews.begin(session, row.project_id, row.number, utc_now())
        if values:
            await reviews.report(session, [row.id], **values)
    return row


async def end(stage: Stage, state: str, **values: Any) -> None:
    (row,) = await asked(stage)
    async with stage.database.write() as session:
        await reviews.end(session, [row.id], state, utc_now(), **values)


def says(words: str) -> Callable[[Message], bool]:
    return lambda message: words in message.text


# ------------------------------------------------------------------------------------ asking


@pytest.mark.parametrize(
    "words",
    [
        "/review acme/rocket {n}",
        "/REVIEW acme/rocket#{n}",
        "/review {url}/acme/rocket/pull/{n}",
        "{url}/acme/rocket/pull/{n}",
        "{url}/acme/rocket/pull/{n}/files#diff-1",
        "acme/rocket#{n}",
        "review acme/rocket {n}",
        "анализ кода acme/rocket {n}",
        "Анализ кода acme/rocket {n}",
    ],
)
async def test_by_hand_in_telegram_a_command_a_sentence_or_a_pasted_link(
    stage: Stage, ann: Person, number: int, words: str
) -> None:
    web = FORGE_TYPES["github"].web_url(stage.github.url)
    answer = await stage.say(ann, words.format(n=number, url=web))
    assert answer.text == "Looking for acme/rocket…"
    await until_asked(stage)
    (row,) = await asked(stage)
    (account,) = await stage.accounts()
    assert (row.number, row.state, row.trigger, row.user_id) == (number, "waiting", "chat", account.user_id)
    assert row.chat_id is not None


async def until_asked(stage: Stage, count: int = 1) -> None:
    async def is_asked() -> bool:
        return len(await asked(stage)) == count

    await until(is_asked)


async def test_a_merge_request_is_asked_for_by_its_own_mark_and_link(stage: Stage) -> None:
    ann = stage.tg.person("ann")
    await stage.give_token(ann, "gitlab")
    number = await stage.gitlab.open_pull_request("acme/rocket", "bob", "Fix the pump")
    await stage.say(ann, f"acme/rocket!{number}")
    await until_asked(stage)
    await stage.say(ann, f"{stage.gitlab.url}/acme/rocket/-/merge_requests/{number}")
    (row,) = await asked(stage)  # what waits already is not doubled
    assert row.number == number


async def test_without_a_mark_it_is_found_on_the_forge_that_has_it(stage: Stage, ann: Person) -> None:
    await stage.give_token(ann, "gitlab")
    number = await stage.gitlab.open_pull_request("acme/rocket", "bob", "Fix the pump")
    await stage.say(ann, f"/review acme/rocket {number}")
    await until_asked(stage)
    (row,) = await asked(stage)
    async with stage.database.read() as session:
        project = await session.get_one(Project, row.project_id)
    assert stage.deps.forge(project.forge_id) == stage.deps.instances("gitlab")[0]


async def test_other_words_ask_for_nothing(stage: Stage, ann: Person, number: int) -> None:
    for words in ("acme/rocket", f"see acme/rocket#{number}", "https://example.org/acme/rocket/pull/1", "review this"):
        assert "I did not understand that" in (await stage.say(ann, words)).text
    assert await asked(stage) == []


async def test_the_command_alone_says_how_to_ask(stage: Stage, ann: Person) -> None:
    assert "/review owner/repo 123" in (await stage.say(ann, "/review")).text
    assert "/review owner/repo 123" in (await stage.say(ann, "/review acme")).text


REFUSED = "{} refuses your token: it is wrong, expired or revoked. Set a new one with /set_{}_token."
IF_ON_GITLAB = "If it is on GitLab, I need your token for that, in a private chat with me: /set_gitlab_token"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("acme/rocket#1", "First I need your GitHub token, in a private chat with me: /set_github_token"),
        ("acme/rocket!1", "First I need your GitLab token, in a private chat with me: /set_gitlab_token"),
        (
            "acme/rocket 1",
            "First I need a token of yours, in a private chat with me: /set_github_token or /set_gitlab_token",
        ),
    ],
)
async def test_nothing_goes_without_a_token_of_ones_own(stage: Stage, number: int, words: str, said: str) -> None:
    carl = stage.tg.person("carl")
    assert (await stage.say(carl, f"/review {words}")).text == said
    assert await asked(stage) == []


async def test_who_has_a_token_for_the_other_forge_alone_is_told_which_one_is_missing(
    stage: Stage, ann: Person
) -> None:
    stage.gitlab.add_project("acme/lander", private=True, members={"ann": "admin"})
    number = await stage.gitlab.open_pull_request("acme/lander", "ann", "Land it")
    said = await stage.say(ann, f"/review acme/lander!{number}")
    assert said.text == "First I need your GitLab token, in a private chat with me: /set_gitlab_token"
    await stage.say(ann, f"/review acme/lander {number}")
    unseen = await ann.private.wait_for(says("If it is on"), timeout=20)
    assert unseen.text.splitlines() == [
        f"I find no acme/lander {number} on GitHub: check how it is written, and whether your token sees it.",
        IF_ON_GITLAB,
    ]
    assert labels(unseen) == []
    group = stage.tg.group("Rocketeers", admins=[ann])
    await stage.say(ann, f"/review acme/lander {number}", group)
    there = await group.wait_for(says("If it is on"), timeout=20)
    assert labels(there) == ["Open our private chat"]
    assert await asked(stage) == []


@pytest.mark.parametrize("words", ["/review acme/rocket 99", "/review acme/nothing 1"])
async def test_what_is_not_there_is_not_asked_for(stage: Stage, ann: Person, number: int, words: str) -> None:
    await stage.give_token(ann, "gitlab")
    await stage.say(ann, words)
    said = await ann.private.wait_for(says("I find no acme/"), timeout=20)
    assert said.text.endswith(" on GitHub or GitLab: check how it is written, and whether your token sees it.")
    assert await asked(stage) == []


async def test_an_instance_that_refuses_a_token_is_named_with_its_address(tmp_path: Path) -> None:
    async with staged(tmp_path, second_gitlab="https://git.example.com") as stage:
        ann = stage.tg.person("ann")
        await stage.give_token(ann, "gitlab")
        stage.gitlab.revoke_token("tok_ann")
        host = stage.gitlab.url.partition("://")[2]
        group = stage.tg.group("Rocketeers", admins=[ann])
        await stage.say(ann, "/review acme/rocket!1", group)
        refused = await group.wait_for(says("refuses your token"), timeout=20)
        assert refused.text.splitlines()[0] == REFUSED.format(f"GitLab ({host})", "gitlab")
        assert labels(refused) == ["Open our private chat"]


async def test_a_token_that_is_refused_is_named(stage: Stage, ann: Person, number: int) -> None:
    stage.github.revoke_token("tok_ann")
    await stage.say(ann, f"/review acme/rocket {number}")
    refused = await ann.private.wait_for(says("refuses your token"), timeout=20)
    assert refused.text.splitlines() == [REFUSED.format("GitHub", "github"), IF_ON_GITLAB]
    assert (await stage.accounts())[0].dead_at is not None
    # From now on that is known without asking.
    assert (await stage.say(ann, f"/review acme/rocket#{number}")).text == REFUSED.format("GitHub", "github")
    both = await stage.say(ann, f"/review acme/rocket {number}")
    assert both.text.splitlines() == [REFUSED.format("GitHub", "github"), IF_ON_GITLAB]
    await stage.give_token(ann, "gitlab")
    await stage.say(ann, "/review acme/lander 1")
    one = await ann.private.wait_for(says("I find no acme/lander"), timeout=20)
    assert one.text.splitlines()[1:] == [REFUSED.format("GitHub", "github")]
    assert await asked(stage) == []


async def test_of_several_instances_of_a_kind_the_one_without_a_token_is_named(tmp_path: Path) -> None:
    async with staged(tmp_path, second_gitlab="https://git.example.com") as stage:
        ann = stage.tg.person("ann")
        await stage.give_token(ann, "gitlab")
        host = stage.gitlab.url.partition("://")[2]
        await stage.say(ann, "/review acme/lander!1")
        said = await ann.private.wait_for(says("I find no acme/lander"), timeout=20)
        assert said.text.splitlines() == [
            f"I find no acme/lander 1 on GitLab ({host}): check how it is written, and whether your token sees it.",
            IF_ON_GITLAB.replace("GitLab,", "GitLab (git.example.com),") + " https://git.example.com",
        ]


async def test_a_group_asks_behind_our_name_or_in_answer_to_us(stage: Stage, ann: Person, number: int) -> None:
    group = stage.tg.group("Rocketeers", admins=[ann], bot_admin=True)
    await stage.subscribe(ann, in_=group)
    said = await stage.say(ann, f"/review acme/rocket {number}", group)
    await until_asked(stage)
    (row,) = await asked(stage)
    await ann.send(f"acme/rocket#{number}", group)  # to the others
    await stage.say(ann, f"@{stage.tg.bot.username} анализ кода acme/rocket {number}", group)
    await stage.say(ann, f"review acme/rocket {number}", group, reply_to=said)
    assert [found.id for found in await asked(stage)] == [row.id]
    async with stage.database.read() as session:
        waiting = await jobs.waiting(session, REVIEW_NEWS_JOB)
    assert len(waiting) >= 2


async def test_a_private_project_is_not_shown_to_a_group_that_does_not_follow_it(
    stage: Stage, ann: Person, number: int
) -> None:
    group = stage.tg.group("Strangers", admins=[ann])
    await stage.say(ann, f"/review acme/rocket {number}", group)
    said = await group.wait_for(says("private"), timeout=20)
    assert said.text == "acme/rocket is private and not followed here: ask me in our private chat."
    assert await asked(stage) == []
    stage.github.add_project("acme/open", private=False, members={"ann": "admin"})
    other = await stage.github.open_pull_request("acme/open", "ann", "Open it")
    await stage.say(ann, f"/review acme/open {other}", group)
    await until_asked(stage)


async def test_a_link_is_no_search_and_no_token(stage: Stage, ann: Person, number: int) -> None:
    await stage.to_projects(ann)
    await stage.say(ann, f"acme/rocket#{number}")
    await until_asked(stage)
    await stage.say(ann, "/cancel")
    await stage.say(ann, "/set_gitlab_token")
    await stage.say(ann, f"acme/rocket#{number}")
    assert len(await asked(stage)) == 1


# ------------------------------------------------------------------------- the one message


async def test_a_long_review_shows_its_progress_in_one_edited_message(stage: Stage, ann: Person, number: int) -> None:
    first = await stage.say(ann, f"/review acme/rocket {number}")
    await until_asked(stage)
    count = len(ann.private.messages())
    async with telling(stage):
        waiting = await ann.private.wait_for(says("Waiting for its turn"), timeout=20)
        await begin(stage, title="Fix the pump")
        await ann.private.wait_for(says("Reading the changes"), timeout=20)
        await begin(stage, stage=ReviewStage.ANALYSING, done=3, total=20)
        analysing = await ann.private.wait_for(says("Analysing: 3 of 20"), timeout=20)
        await begin(stage, stage=ReviewStage.POSTING)
        await ann.private.wait_for(says("Posting what was found"), timeout=20)
        row = {
            "path": "src/pump.py",
            "line": 15,
            "level": "critical",
            "message": "A {name}",
            "params": {"name": "leak"},
        }
        await end(stage, "done", counts={"critical": 1, "style": 2}, worst=[row], resolved=1, unread=2, url=PUMP)
        over = await ann.private.wait_for(says("Code reviewed"), timeout=20)
    assert {first.id, waiting.id, analysing.id, over.id} == {first.id}
    assert len(ann.private.messages()) == count
    assert over.text.splitlines() == [
        f"🤖 acme/rocket · PR #{number} Fix the pump",
        "Code reviewed · 1 critical, 2 of style · 1 fixed",
        "• src/pump.py:15 A leak",
        "⚠ 2 files were not analysed, or not whole: the summary says why.",
    ]
    assert labels(over) == ["Open review", "🔁 Review again"]
    assert labels(analysing) == []
    async with stage.database.read() as session:
        assert (await session.scalars(select(Job).where(Job.kind == REVIEW_NEWS_JOB))).all() == []


@pytest.mark.parametrize("kind", ["github", "gitlab"])
async def test_who_asks_in_telegram_reviews_under_their_own_name_and_is_told_there(stage: Stage, kind: str) -> None:
    ann = stage.tg.person("ann")
    await stage.give_token(ann, kind)
    await stage.subscribe(ann, kind)
    forge = stage.forge(kind)
    number = await forge.open_pull_request("acme/rocket", "bob", "Wait for it", files={"src/wait.py": BAD})
    await stage.say(ann, f"анализ кода acme/rocket {number}")
    async with telling(stage, jobs_of_reviews(stage)):
        over = await ann.private.wait_for(says("Code reviewed"), timeout=90)
    assert over.text.startswith("🤖 acme/rocket · ")
    assert "1 critical" in over.text
    assert "src/wait.py:9" in over.text
    assert labels(over) == ["Open review", "🔁 Review again", "🔕 Mute…"]
    assert {note.author for note in forge.comments_on_lines("acme/rocket", number)} == {"ann"}
    (row,) = await asked(stage)
    assert (row.state, row.counts["critical"]) == ("done", 1)


async def test_the_progress_survives_a_restart(stage: Stage, ann: Person, number: int) -> None:
    await stage.say(ann, f"/review acme/rocket {number}")
    await until_asked(stage)
    async with telling(stage):
        await begin(stage)
        await ann.private.wait_for(says("Reading the changes"), timeout=20)
    await end(stage, "done", url=PUMP)
    async with telling(stage):
        said = await ann.private.wait_for(says("nothing found"), timeout=20)
    assert [message.id for message in ann.private.messages() if "Code reviewed" in message.text] == [said.id]


async def test_a_deleted_message_is_sent_anew_once_it_is_over(stage: Stage, ann: Person, number: int) -> None:
    first = await stage.say(ann, f"/review acme/rocket {number}")
    await until_asked(stage)
    await ann.delete(first)
    async with telling(stage):
        await begin(stage)
        await end(stage, "failed", error=ReviewReason.FORBIDDEN)
        said = await ann.private.wait_for(says("could not be reviewed"), timeout=20)
    assert said.id != first.id
    assert "may not comment" in said.text


async def test_who_blocks_the_bot_is_not_told_how_it_goes(stage: Stage, ann: Person, number: int) -> None:
    await stage.say(ann, f"/review acme/rocket {number}")
    await until_asked(stage)
    ann.block()
    async with telling(stage):

        async def is_over() -> bool:
            async with stage.database.read() as session:
                return not await jobs.waiting(session, REVIEW_NEWS_JOB)

        await until(is_over)


async def test_telegrams_wish_for_quiet_is_heeded_and_the_outcome_comes_after_it(
    stage: Stage, ann: Person, number: int
) -> None:
    await stage.say(ann, f"/review acme/rocket {number}")
    await until_asked(stage)
    await begin(stage)
    await end(stage, "done", url=PUMP)
    stage.tg.server.fail_next("editMessageText", kind="429", retry_after=1)
    async with telling(stage):
        await ann.private.wait_for(says("Code reviewed"), timeout=20)
    assert len(stage.tg.server.requests_for("editMessageText")) == 2
    async with stage.database.read() as session:
        assert (await session.scalars(select(Sent))).one().subject_key == f"pull_request:{number}"


async def test_a_group_that_moved_gets_the_outcome_under_its_new_number(stage: Stage, ann: Person, number: int) -> None:
    group = stage.tg.group("Rocketeers", admins=[ann])
    await stage.subscribe(ann, in_=group)
    await stage.say(ann, f"/review acme/rocket {number}", group)
    await until_asked(stage)
    await begin(stage)
    await end(stage, "done", url=PUMP)
    new = group.migrate()
    async with telling(stage):
        said = await new.wait_for(says("Code reviewed"), timeout=20)
    assert labels(said) == ["Open review", "🔁 Review again", "🔕 Mute…"]


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("reason", list(ReviewReason))
def test_every_reason_is_said_in_words_of_its_own(language: str, reason: ReviewReason) -> None:
    said = {translator(language)(_REASONS[word]) for word in _REASONS}
    assert len(said) == len(_REASONS) == len(ReviewReason)
    event = CodeReviewEvent(**reviewed(), outcome=CodeReviewOutcome.FAILED, reason=reason.value)
    assert translator(language)(_REASONS[reason.value]) in shown(event, language=language)


@pytest.mark.parametrize("stage_", [None, *ReviewStage])
@pytest.mark.parametrize("state", ["waiting", "running", "done", "failed", "skipped", "overtaken"])
def test_every_state_of_a_review_has_its_words(state: str, stage_: ReviewStage | None) -> None:
    row = Review(
        id=1, project_id=1, number=5, state=state, trigger="chat", stage=stage_, done=1, total=2, counts={}, worst=[],
        posted=0, resolved=0, unread=0, error="draft", title=None, url=None, created_at=utc_now(), topic_id=0,
    )  # fmt: skip
    project = Project(id=1, forge_id=1, external_id="1", path="acme/rocket", url=None, private=False)
    for words in (FORGE_TYPES["github"], FORGE_TYPES["gitlab"]):
        said = message_of(row, project, words, translator("en"), mutes=True)
        head, body, *_ = said.content.render()[0].splitlines()
        assert "acme/rocket" in head
        assert body
    skipped = "It is a draft" in said.content.render()[0]
    assert skipped is (state in ("skipped", "failed"))


# ------------------------------------------------------------------------------ the buttons


async def reviewed_by_hand(stage: Stage, ann: Person, number: int) -> Message:
    await stage.say(ann, f"/review acme/rocket {number}")
    await until_asked(stage)
    async with telling(stage):
        await begin(stage, title="Fix the pump")
        await end(stage, "done", url=PUMP)
        return await ann.private.wait_for(says("Code reviewed"), timeout=20)


async def test_buttons_open_review_again_and_mute_this_pr(stage: Stage, ann: Person, number: int) -> None:
    await stage.subscribe(ann)
    over = await reviewed_by_hand(stage, ann, number)
    assert labels(over) == ["Open review", "🔁 Review again", "🔕 Mute…"]
    opened = await stage.step(ann, "Mute…")
    assert labels(opened)[:3] == ["Open review", "🔁 Review again", "🔕 Mute this PR"]
    back = await stage.step(ann, "Back")
    assert labels(back) == labels(over)
    again = await stage.step(ann, "Review again")
    assert again.text == "Looking for acme/rocket…"
    await until_asked(stage, 2)
    assert [row.number for row in await asked(stage)] == [number, number]


async def test_what_is_muted_already_can_be_unmuted(stage: Stage, ann: Person, number: int) -> None:
    await stage.subscribe(ann)
    await reviewed_by_hand(stage, ann, number)
    await stage.step(ann, "Mute…")
    await stage.step(ann, "Mute this PR")
    (row,) = await asked(stage)
    await stage.say(ann, f"/review acme/rocket {number}")
    await until_asked(stage, 2)
    async with telling(stage):
        async with stage.database.write() as session:
            begun = await reviews.begin(session, row.project_id, number, utc_now())
        running = await ann.private.wait_for(says("Reading the changes"), timeout=20)
        assert labels(running) == []
        async with stage.database.write() as session:
            await reviews.end(session, [one.id for one in begun], "done", utc_now(), url=PUMP)
        over = await ann.private.wait_for(lambda message: message.id == running.id and "nothing found" in message.text)
    assert labels(over) == ["Open review", "🔁 Review again", "🔔 Unmute"]
    assert labels(await stage.step(ann, "Unmute")) == ["Open review", "🔁 Review again", "🔕 Mute…"]
    async with stage.database.read() as session:
        key = f"pull_request:{number}"
        assert await mutes.places(session, project_id=row.project_id, subject_keys=(key,)) == frozenset()


async def test_review_again_stands_under_a_notification_too(stage: Stage, ann: Person, number: int) -> None:
    await stage.subscribe(ann)
    (row,) = await stage.subscriptions()
    told = await notify(stage, row, ann.private, about(DONE, number))
    assert labels(told) == ["Open review", "🔁 Review again", "🔕 Mute…"]
    await stage.step(ann, "Review again")
    await until_asked(stage)


def about(event: CodeReviewEvent, number: int) -> CodeReviewEvent:
    return replace(event, subject=replace(event.subject, id=str(number), number=number))


async def test_review_again_takes_an_account_of_ones_own(stage: Stage, ann: Person, number: int) -> None:
    bob = stage.tg.person("bob")
    group = stage.tg.group("Rocketeers", admins=[ann], members=[bob])
    row = await follow(stage, ann, "acme/rocket", group)
    await notify(stage, row, group, about(DONE, number))
    answer = await bob.press("Review again", in_=group)
    assert answer.show_alert
    assert answer.text == "First I need your GitHub token, in a private chat with me: /set_github_token"
    assert await asked(stage) == []


async def test_an_old_message_says_how_to_ask_instead(stage: Stage, ann: Person, number: int) -> None:
    await reviewed_by_hand(stage, ann, number)
    async with stage.database.write() as session:
        for sent in await session.scalars(select(Sent)):
            await session.delete(sent)
    answer = await ann.press("Review again")
    assert "/review owner/repo 123" in (answer.text or "")


# ------------------------------------------------------------------------- the subscription


async def test_choosing_reviews_says_that_comments_come_under_ones_name(stage: Stage, ann: Person) -> None:
    sentence = (
        "I read every PR that is opened or gets new commits, and comment on it under your name (ann), "
        "unless my operator gave me an account of my own."
    )
    events = await stage.to_events(ann)
    assert "– Automatic reviews" in labels(events)
    kind = await stage.step(ann, "Automatic reviews")
    assert sentence in kind.text
    await stage.step(ann, "All")
    await stage.step(ann, "Back")
    summary = await stage.step(ann, "Continue")
    assert sentence in summary.text
    await stage.step(ann, "Confirm")
    (subscription,) = await stage.subscriptions()
    assert set(subscription.events) >= ACTING_NAMES
    (hook,) = stage.github.hooks("acme/rocket")
    assert "pull_request" in hook.events


async def test_reviews_are_not_chosen_together_with_everything_else(stage: Stage, ann: Person) -> None:
    await stage.to_events(ann)
    everything = await stage.step(ann, "All")
    assert [label for label in labels(everything) if label.startswith("–")] == ["– Automatic reviews"]
    summary = await stage.step(ann, "Continue")
    assert "under your name" not in summary.text


async def test_what_was_chosen_stays_when_everything_is_chosen(stage: Stage, ann: Person) -> None:
    await stage.to_events(ann)
    await stage.step(ann, "Automatic reviews")
    await stage.step(ann, "Automatic review failed")
    await stage.step(ann, "Back")
    everything = await stage.step(ann, "All")
    assert "◐ Automatic reviews · 1/2" in labels(everything)


@pytest.mark.parametrize("kind", ["github", "gitlab"])
def test_a_chosen_review_needs_the_hook_of_pull_requests(kind: str) -> None:
    codec = FORGE_TYPES[kind].codec
    assert codec.names >= ACTING_NAMES
    for name in ACTING_NAMES:
        assert codec.hook_events([name]) == codec.hook_events(["pull_request.opened"])
    assert {f"code_review.{state}" for state in CATALOGUE["code_review"]} == ACTING_NAMES
    assert FORGE_TYPES[kind].polled_names >= ACTING_NAMES


# ---------------------------------------------------------------------------- who is told


def reader(**values: Any) -> Reader:
    given: dict[str, Any] = {
        "subscription_id": 1, "chat_id": 1, "topic_id": 0, "is_private_chat": True, "scope": "mine",
        "names": frozenset(), "levels": {}, "account_id": 1, "person": BOB,
    }  # fmt: skip
    return Reader(**{**given, **values})


CHOSE = frozenset({"code_review.done", "code_review.failed"})
FAILED = CodeReviewEvent(**reviewed(), outcome=CodeReviewOutcome.FAILED)


@pytest.mark.parametrize(
    ("event", "who", "told"),
    [
        (DONE, reader(names=CHOSE), [Reason.CHOSEN]),
        (FAILED, reader(names=CHOSE), [Reason.CHOSEN]),
        (DONE, reader(names=CHOSE, person=ANN), [Reason.AUTHOR]),
        (DONE, reader(person=ANN), [Reason.AUTHOR]),
        (DONE, reader(names=CHOSE, is_private_chat=False), [Reason.CHOSEN]),
        (DONE, reader(person=ANN, is_private_chat=False), None),
        (FAILED, reader(person=ANN), None),
        (DONE, reader(), None),
        (DONE, reader(names=frozenset({"pull_request.opened"}), scope="all"), None),
        (DONE, reader(names=CHOSE, levels={"code_reviews": "off"}), None),
        (DONE, reader(person=ANN, levels={"code_reviews": "off"}), None),
    ],
)
def test_who_chose_reviews_and_the_author_in_private_get_one_message(
    event: CodeReviewEvent, who: Reader, told: list[Reason] | None
) -> None:
    found = recipients(event, [who, who], Facts())
    assert [[given.reason for given in one.reasons] for one in found] == ([] if told is None else [told])


def test_the_message_has_counts_the_worst_three_and_what_was_left_out() -> None:
    event = CodeReviewEvent(
        **reviewed(), outcome=CodeReviewOutcome.DONE, critical=2, security=1, style=5, opinion=1, resolved=3, unread=1,
        worst=(WORST, WORST, WORST, WORST),
    )  # fmt: skip
    assert shown(event, *because(Reason.AUTHOR)).splitlines() == [
        "🤖 acme/rocket · PR #5 Fix the pump",
        "Code reviewed · 2 critical, 1 of security, 5 of style, 1 remark of a model · 3 fixed · author: ann",
        *["• src/pump.py:15 {name}() in the code"] * 3,
        "⚠ 1 file was not analysed, or not whole: the summary says why.",
        "You: author",
    ]
    assert shown(event, language="ru", words=GITLAB).splitlines()[1] == (
        "Код проанализирован · 2 критические, 1 по безопасности, 5 по стилю, 1 замечание модели · 3 исправлено"
        " · автор: ann"
    )


def test_a_clean_review_says_so_and_one_that_left_something_out_is_not_clean() -> None:
    assert "nothing found · author: ann" in shown(CLEAN, words=GITHUB)
    partly = CodeReviewEvent(**reviewed(), outcome=CodeReviewOutcome.DONE, unread=1)
    assert "nothing found in what was analysed" in shown(partly)


def test_a_finding_is_told_in_the_readers_language_with_its_own_values() -> None:
    line = ReviewedLine(
        path="a.py", line=1, level="style", message="`{name}` is not in snake_case", params=(("name", "fooBar"),)
    )
    event = CodeReviewEvent(**reviewed(), outcome=CodeReviewOutcome.DONE, style=1, worst=(line,))
    assert "• a.py:1 fooBar is not in snake_case" in shown(event)
    assert "fooBar" in shown(event, language="ru")
    assert "snake_case" in shown(event, language="ru")


def test_the_engines_own_words_may_hold_braces() -> None:
    line = ReviewedLine(path="a.py", line=1, level="style", message="Use `{}` instead of `dict()` {x")
    event = CodeReviewEvent(**reviewed(), outcome=CodeReviewOutcome.DONE, style=1, worst=(line,))
    assert "Use {} instead of dict() {x" in shown(event)


def test_reviews_are_a_category_of_their_own() -> None:
    assert categories(DONE, because(Reason.AUTHOR)) == (Category.CODE_REVIEWS,)
    assert People(author=ANN) == DONE.people
