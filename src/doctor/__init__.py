"""What is wrong and how to mend it. Gets plain values, loads no aiogram, changes nothing."""

import aiohttp

from src.doctor import access, answers, database, forges, outside, telegram, tunnel
from src.doctor.findings import Finding, Inputs, human, machine, scrub
from src.forge_http import open_session

__all__ = ["Finding", "Inputs", "examine", "human", "machine", "scrub"]

_TIMEOUT = aiohttp.ClientTimeout(total=10, connect=5)


async def examine(inputs: Inputs) -> list[Finding]:
    """All findings, in the order in which one would mend them."""
    findings, stored = await database.check(inputs)
    keys, box = database.keys(inputs, stored)
    findings += [keys, access.check(inputs, has_admin=stored.has_admin)]
    async with (
        open_session() as shared,
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), timeout=_TIMEOUT) as session,
    ):
        connectors = {kind: forge_type.connector(shared) for kind, forge_type in inputs.types.items()}
        told, heard = await telegram.check(session, inputs, leases=stored.leases)
        reached, also_heard = await forges.check(session, inputs, connectors)
        scopes = [] if box is None else await forges.accounts(inputs, connectors, box, stored.accounts)
        dug, inputs = await tunnel.check(inputs)
        public = [] if any(finding.level == "fail" for finding in dug) else [await outside.check(session, inputs)]
    missed = database.catching_up(stored)
    return [*findings, *told, *reached, *scopes, *missed, answers.clock([*heard, *also_heard]), *dug, *public]
