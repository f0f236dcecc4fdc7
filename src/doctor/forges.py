"""The forges: are they reached, and may the stored tokens do what they have to."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import aiohttp

from src.database.crypto import SecretBox, UndecryptableError
from src.database.models import Account, Forge
from src.doctor.answers import date_of
from src.doctor.findings import Finding, Heard, Inputs
from src.forge import Connector, ForgeError, Identity, MissingPermission, RateLimited, Unauthorized

_AT_ONCE = 8


async def check(
    session: aiohttp.ClientSession, inputs: Inputs, connectors: Mapping[str, Connector]
) -> tuple[list[Finding], Sequence[Heard]]:
    """A finding for each configured instance, and the clocks of those that answered."""
    heard: list[Heard] = []
    findings = []
    for kind, base_url in inputs.forges:
        title = inputs.types[kind].title
        findings.append(await _reached(connectors[kind], title, base_url))
        theirs = await _date(session, base_url)
        if theirs is not None:
            heard.append(Heard(title, theirs, datetime.now(UTC)))
    return findings, heard


async def _reached(connector: Connector, title: str, base_url: str) -> Finding:
    """Asks who we are, without a token: the refusal is what an API that is well answers."""
    try:
        await connector.client(base_url, None).whoami()
    except (Unauthorized, MissingPermission):
        return Finding("forge", "ok", f"{title} answers at {base_url}.")
    except RateLimited:
        return Finding("forge", "warn", f"{title} at {base_url} limits this machine's requests.", "wait an hour")
    except ForgeError as error:
        mend = "look at its address in the settings and at this machine's way there"
        return Finding("forge", "fail", f"{title} at {base_url}: {error}", mend)
    return Finding("forge", "ok", f"{title} answers at {base_url}.")


async def _date(session: aiohttp.ClientSession, base_url: str) -> datetime | None:
    try:
        async with session.head(base_url, allow_redirects=False) as response:
            return date_of(response.headers)
    except (aiohttp.ClientError, TimeoutError):
        return None  # that it is not reached was said already


async def accounts(
    inputs: Inputs, connectors: Mapping[str, Connector], box: SecretBox, stored: Sequence[tuple[Account, Forge]]
) -> list[Finding]:
    """Who lacks a scope, or whose token is refused; one line where everybody's is fine."""
    if not stored:
        return [Finding("scopes", "ok", "No token is stored yet.")]
    turns = asyncio.Semaphore(_AT_ONCE)

    async def one(account: Account, forge: Forge) -> Finding | None:
        async with turns:
            return await _account(inputs, connectors, box, account, forge)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(account, forge)) for account, forge in stored]
    found = [finding for task in tasks if (finding := task.result()) is not None]
    return found or [Finding("scopes", "ok", f"Every stored token ({len(stored)}) may do what it has to.")]


async def _account(
    inputs: Inputs, connectors: Mapping[str, Connector], box: SecretBox, account: Account, forge: Forge
) -> Finding | None:
    whose = f"{account.login} on {forge.base_url}"
    if forge.kind not in connectors:
        return Finding("scopes", "warn", f"{whose}: this program knows no forge {forge.kind!r}.", "update it")
    title = inputs.types[forge.kind].title
    try:
        identity = await connectors[forge.kind].client(forge.base_url, box.open(account.token)).whoami()
    except UndecryptableError:
        return None  # said under "keys"
    except Unauthorized:
        return Finding("scopes", "warn", f"{title} refuses the token of {whose}.", f"{whose} sets a new one in the bot")
    except ForgeError as error:
        return Finding("scopes", "warn", f"The token of {whose} could not be checked: {error}", "try again later")
    return _judged(identity, whose)


def _judged(identity: Identity, whose: str) -> Finding | None:
    if not identity.missing:
        return None
    lacks = ", ".join(identity.missing)
    return Finding("scopes", "warn", f"The token of {whose} lacks {lacks}.", f"{whose} makes a token with {lacks}")
