"""The bot's token, and whether somebody else polls with it. Over plain HTTP: aiogram is not loaded here.

Telegram's documentation: "Bot API", sections "Making requests" and "Getting updates".
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import aiohttp

from src.doctor.answers import date_of, patiently
from src.doctor.findings import Finding, Heard, Inputs, scrub


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    body: dict[str, Any]

    @property
    def result(self) -> dict[str, Any]:
        found = self.body.get("result")
        return found if isinstance(found, dict) else {}

    @property
    def description(self) -> str:
        return str(self.body.get("description") or f"HTTP {self.status}")


class _SilentError(Exception):
    """No answer that could come from the Bot API; the text never holds the token."""


async def check(
    session: aiohttp.ClientSession, inputs: Inputs, *, leases: Sequence[str]
) -> tuple[list[Finding], Sequence[Heard]]:
    """The findings about the token and a second poller, and Telegram's clock. `leases` are those that are held."""
    if inputs.token is None:
        mend = "get one from @BotFather and set TELEGRAM_BOT_TOKEN"
        return [Finding("token", "fail", "TELEGRAM_BOT_TOKEN is not set.", mend)], ()
    heard: list[Heard] = []
    ours_polls = f"telegram:{inputs.token.partition(':')[0]}" in leases
    try:
        me = await _call(session, inputs, "getMe", heard)
        token = _token(me)
        if token.level != "ok":
            return [token], heard
        return [token, await _poller(session, inputs, heard, ours_polls=ours_polls)], heard
    except _SilentError as error:
        mend = "look at TELEGRAM_API_URL and at this machine's way to the internet"
        return [Finding("token", "fail", str(error), mend)], heard


def _token(me: _Answer) -> Finding:
    if me.status == 200 and me.result.get("is_bot") is True:
        return Finding("token", "ok", f"Telegram knows the bot as @{me.result.get('username')}.")
    if me.status in (401, 404):
        mend = "copy it again from @BotFather, whole, into TELEGRAM_BOT_TOKEN"
        return Finding("token", "fail", "Telegram does not know this token.", mend)
    return Finding("token", "fail", f"Telegram answers: {me.description}.", "try again; is TELEGRAM_API_URL right?")


async def _poller(session: aiohttp.ClientSession, inputs: Inputs, heard: list[Heard], *, ours_polls: bool) -> Finding:
    hook = await _call(session, inputs, "getWebhookInfo", heard)
    if hook.result.get("url"):
        says = "A webhook is set for this bot: another program gets its messages."
        return Finding(
            "poller", "fail", says, "remove it with the Bot API's deleteWebhook, or take a token of your own"
        )
    if ours_polls:  # to ask would interrupt it: Telegram lets one poll at a time
        return Finding("poller", "ok", "The bot is running and holds its lease.")
    updates = await _call(session, inputs, "getUpdates", heard)
    if updates.status == 409:
        mend = "stop the other program, or take a token of your own"
        return Finding("poller", "fail", "Another program polls with this token.", mend)
    if updates.status != 200:
        return Finding("poller", "warn", f"Telegram answers: {updates.description}.", "try again later")
    return Finding("poller", "ok", "Nobody else polls with this token.")


async def _call(session: aiohttp.ClientSession, inputs: Inputs, method: str, heard: list[Heard]) -> _Answer:
    """One call. ``getUpdates`` asks without an offset, so that nothing is confirmed and nothing is lost.

    Of two pollers Telegram sends the earlier one away with 409. So a rival is noticed when it comes back and sends
    us away, which takes a poll of some seconds.
    """
    url = f"{inputs.telegram_api_url}/bot{inputs.token}/{method}"
    form = {"limit": "1", "timeout": str(inputs.poll_seconds)} if method == "getUpdates" else {}
    where = inputs.telegram_api_url

    async def ask() -> tuple[int, Any]:
        async with session.post(url, data=form, allow_redirects=False) as response:
            if (theirs := date_of(response.headers)) is not None:
                heard.append(Heard("Telegram", theirs, datetime.now(UTC)))
            return response.status, await response.json(content_type=None)

    try:
        status, body = await patiently(ask)
    except TimeoutError:
        raise _SilentError(f"{where} does not answer in time.") from None
    except aiohttp.ClientError as error:
        raise _SilentError(f"{where} is not reached: {scrub(str(error), inputs.token)}.") from None
    except ValueError:
        raise _SilentError(f"{where} answers something that is not the Bot API.") from None
    if not isinstance(body, dict):
        raise _SilentError(f"{where} answers something that is not the Bot API.")
    return _Answer(status, body)
