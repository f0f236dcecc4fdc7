"""What a happening came to, in words: who was told, or why nobody was. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from src.database.repositories.outcomes import Arrived, Told
from src.demo.forge import DeliveryRecord
from src.forges import FORGE_TYPES
from src.i18n import Translator
from src.webhook.render import describe_kind

Json = dict[str, Any]
Tone = Literal["waiting", "told", "nobody", "refused"]
Place = tuple[int, int]  # Telegram's numbers of a chat and a topic, 0 for none

_UNFINISHED_DELIVERIES = ("new", "taken")
_FAILED_DELIVERIES = ("quarantined", "failed", "unknown")
_UNFINISHED_MESSAGES = ("new", "sending")


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What was sent, and what matters for the question why nobody was told."""

    forge_kind: str
    project: str
    names: tuple[str, ...]  # of the events that the card is about
    choices: Sequence[frozenset[str]]  # of those who follow the project
    hook_is_on: bool
    records: Sequence[DeliveryRecord]
    arrived: Sequence[Arrived]
    told: Sequence[Told]
    is_reviewed: bool = False  # a review of the project's pull requests waits or runs

    @property
    def accepted(self) -> int:
        """How many deliveries the relay took."""
        return sum(_is_good(record) for record in self.records)

    @property
    def waiting(self) -> int:
        """How many messages are still to be sent."""
        return sum(item.state in _UNFINISHED_MESSAGES for item in self.told)

    @property
    def sent(self) -> list[Told]:
        """The messages that stand in a chat."""
        return [item for item in self.told if item.state == "sent"]

    @property
    def messages(self) -> int:
        """How many messages stand in chats: a digest is one."""
        return len({item.message for item in self.sent})

    @property
    def is_done(self) -> bool:
        """Whether nothing is on its way any more. What was accepted and is not stored was stored before."""
        if self.waiting or self.is_reviewed:
            return False
        return all(item.state not in _UNFINISHED_DELIVERIES for item in self.arrived)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A case for the page. `suggests`: what to write to the bot next."""

    tone: Tone
    counts: str | None  # where there was more than one delivery
    sentence: str
    suggests: str | None = None


def verdict(case: Case, places: Mapping[Place, str], t: Translator, *, final: bool) -> Verdict:
    """Say what came of it so far. `final`: nobody waits for more, done or not."""
    numbers = {"sent": len(case.records), "accepted": case.accepted, "told": case.messages}
    counts = t("Sent: {sent}. Accepted: {accepted}. Messages: {told}.").format(**numbers)
    shown = counts if len(case.records) > 1 else None
    if case.sent or case.waiting:
        return Verdict(
            tone="told" if case.is_done or final else "waiting", counts=shown, sentence=_told(case, places, t)
        )
    if not case.is_done and not final:
        working = t("The code is being reviewed…") if case.is_reviewed else t("The relay is working on it…")
        return Verdict(tone="waiting", counts=shown, sentence=working)
    sentence, suggests = _nobody(case, t)
    refused = bool(case.records) and not case.accepted
    tone: Tone = "refused" if refused else "nobody"
    return Verdict(tone=tone, counts=shown, sentence=sentence, suggests=suggests)


def _told(case: Case, places: Mapping[Place, str], t: Translator) -> str:
    rows = [_row(place, case.sent, places, t) for place in dict.fromkeys(_place(item) for item in case.sent)]
    parts = [t("Told: {who}.").format(who=", ".join(rows))] if rows else []
    if case.is_reviewed:
        parts.append(t("The code is being reviewed…"))
    if case.waiting:
        parts.append(t.n("{n} message waits for Telegram.", "{n} messages wait for Telegram.", case.waiting).format(
            n=case.waiting
        ))  # fmt: skip
    return " ".join(parts)


def _row(place: Place, sent: Sequence[Told], places: Mapping[Place, str], t: Translator) -> str:
    """A chat with how loudly it was told: "Ann (loud)", "Releases (30 messages, silent)"."""
    here = [item for item in sent if _place(item) == place]
    loud = any(item.level == "on" for item in here)
    words = [t("loud") if loud else t("silent")]
    count = len({item.message for item in here})
    if count > 1:
        words.insert(0, t.n("{n} message", "{n} messages", count).format(n=count))
    name = places.get(place) or t("another chat")
    return f"{name} ({', '.join(words)})"


def _nobody(case: Case, t: Translator) -> tuple[str, str | None]:
    """Why nobody was told, and what to write to the bot about it."""
    refused = next((record.status for record in case.records if not _is_good(record)), None)
    if case.records and not case.accepted:
        if refused is None:
            return t("Told: nobody. The relay did not answer."), None
        if refused == 401:
            return t("Told: nobody. Refused with 401: the signature does not fit the webhook's secret."), None
        return t("Told: nobody. The relay refused it with {status}.").format(status=refused), None
    if case.told:
        return t("Told: nobody. Telegram took no message there."), None
    if not case.is_done:
        return t("Told: nobody yet. The relay will try again: its log says why."), None
    if any(item.state in _FAILED_DELIVERIES for item in case.arrived):
        return t("Told: nobody. The relay could not work on it: its log says why."), None
    if not case.choices:
        return t("Told: nobody. Nobody follows {project}.").format(project=case.project), "/subscribe"
    if case.names and not any(choice.intersection(case.names) for choice in case.choices):
        kinds = dict.fromkeys(name.partition(".")[0] for name in case.names)
        forge = FORGE_TYPES[case.forge_kind]
        events = ", ".join(describe_kind(kind, t.language, forge) for kind in kinds)
        text = t("Told: nobody. Nobody here chose it: {events}. Switch it on in /subscribe.")
        return text.format(events=events), "/subscribe"
    if not case.hook_is_on:
        return t("Told: nobody. The webhook is switched off, so nothing was delivered."), "/status"
    text = t("Told: nobody. It concerns nobody who follows {project}, or they muted or paused it, or blocked the bot.")
    return text.format(project=case.project), None


def _place(item: Told) -> Place:
    return item.chat_id, item.topic_id


def _is_good(record: DeliveryRecord) -> bool:
    return record.status is not None and 200 <= record.status < 300
