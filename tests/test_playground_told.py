"""Who was told, in words: pure."""

import itertools
from datetime import UTC, datetime

from src.database.repositories.outcomes import Arrived, Told
from src.demo.forge import DeliveryRecord
from src.demo.playground.told import Case, Verdict, verdict
from src.i18n import translator

ANN, RELEASES = (7, 0), (-100, 5)
PLACES = {ANN: "Ann", RELEASES: "Releases"}


def record(status: int | None) -> DeliveryRecord:
    return DeliveryRecord(
        number=1, hook_id=1, url="http://127.0.0.1:1/webhook/github/x", event="issue_comment", action="created",
        delivery_id="1", headers={}, body=b"{}", status=status, at=datetime(2026, 5, 4, tzinfo=UTC),
    )  # fmt: skip


MESSAGES = itertools.count(1)


def told(place: tuple[int, int] = ANN, level: str = "on", state: str = "sent", message: int | None = None) -> Told:
    number = next(MESSAGES) if message is None else message
    return Told(chat_id=place[0], topic_id=place[1], level=level, state=state, message=number)


def said(
    *messages: Told, status: int | None = 202, state: str = "done", chosen: str = "comment.pull_request",
    deliveries: int = 1, followers: int = 1, hook_is_on: bool = True, final: bool = False, language: str = "en",
) -> Verdict:  # fmt: skip
    case = Case(
        forge_kind="gitlab", project="acme/lander", names=("comment.pull_request",),
        choices=[frozenset({chosen})] * followers, hook_is_on=hook_is_on, records=[record(status)] * deliveries,
        arrived=[Arrived("1", state, None)] if status == 202 and deliveries else [], told=messages,
    )  # fmt: skip
    return verdict(case, PLACES, translator(language), final=final)


def test_everybody_who_was_told_is_named_once_with_how_loudly() -> None:
    found = said(told(), told(), told(RELEASES, "silent"))
    assert found == Verdict(tone="told", counts=None, sentence="Told: Ann (2 messages, loud), Releases (silent).")


def test_a_digest_is_one_message() -> None:
    found = said(told(), *[told(message=900)] * 29, deliveries=30)
    assert (found.counts, found.sentence) == ("Sent: 30. Accepted: 30. Messages: 2.", "Told: Ann (2 messages, loud).")


def test_a_chat_that_nobody_knows_the_name_of_is_another_chat() -> None:
    assert said(told((9, 9))).sentence == "Told: another chat (loud)."


def test_what_is_still_to_be_sent_is_counted() -> None:
    found = said(told(), told(state="new"), told(state="sending"), deliveries=3)
    assert found.tone == "waiting"
    assert found.counts == "Sent: 3. Accepted: 3. Messages: 1."
    assert found.sentence == "Told: Ann (loud). 2 messages wait for Telegram."
    assert said(told(state="new")).sentence == "1 message waits for Telegram."


def test_a_delivery_that_the_relay_has_not_worked_off_is_waited_for() -> None:
    assert said(state="taken").tone == "waiting"
    assert said(state="taken", final=True).tone == "nobody"


def test_nobody_has_a_reason() -> None:
    assert said(status=None).sentence == "Told: nobody. The relay did not answer."
    assert said(status=503).sentence == "Told: nobody. The relay refused it with 503."
    assert said(status=401).tone == "refused"
    assert said(told(state="dead")).sentence == "Told: nobody. Telegram took no message there."
    assert said(followers=0).sentence == "Told: nobody. Nobody follows acme/lander."
    assert "Comments" in said(chosen="wiki.created").sentence
    assert "switched off" in said(deliveries=0, hook_is_on=False).sentence
    assert said().sentence == (
        "Told: nobody. It concerns nobody who follows acme/lander, or they muted or paused it, or blocked the bot."
    )


def test_what_the_relay_did_not_finish_is_not_said_to_concern_nobody() -> None:
    assert said(state="new", final=True).sentence == "Told: nobody yet. The relay will try again: its log says why."
    for state in ("quarantined", "failed", "unknown"):
        assert said(state=state).sentence == "Told: nobody. The relay could not work on it: its log says why."


def test_what_to_write_to_the_bot_next_goes_with_the_reason() -> None:
    assert said(followers=0).suggests == "/subscribe"
    assert said(chosen="wiki.created").suggests == "/subscribe"
    assert said(deliveries=0, hook_is_on=False).suggests == "/status"
    assert said(status=401).suggests is None


def test_russian_counts_as_russians_do() -> None:
    assert said(*[told(state="new")] * 22, language="ru").sentence == "22 сообщения ждут очереди в Telegram."
