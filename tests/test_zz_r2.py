import asyncio, random
from datetime import timedelta
from pathlib import Path
import pytest
from sqlalchemy import select, func
from src.database.models import LogEntry, Job, Hook
from src.database.repositories import hooks
from src.webhook.manager import HookManager, HookOutcome
from src.forge import ForgeError
from tests.hook_stage import *

@pytest.fixture(params=["github", "gitlab"])
async def life(request, tmp_path):
    async with living(tmp_path, request.param) as l:
        yield l

@pytest.mark.parametrize("seed", range(8))
async def test_race(life, seed):
    r = random.Random(seed)
    other = HookManager(life.database, life.credentials, public_url=life.url, clock=life.clock)
    ms = [life.manager, other]
    pid, aid = await life.subscribe("ann", OPENED)
    async def act(n):
        m = ms[n % 2]
        for _ in range(8):
            c = r.random()
            if c < .3:
                await life.leave("ann"); await m.settle(pid)
            elif c < .7:
                await life.subscribe("ann", r.choice([OPENED, WIKI, ISSUE])); await m.ensure(pid, aid)
            elif c < .85:
                for h in await life.rows():
                    await m.check(h.id)
            else:
                for h in await life.rows():
                    await m.rotate(h.id)
    await asyncio.gather(*(act(n) for n in range(4)))
    await life.later(minutes=10)
    await life.later(minutes=10)
    async with life.database.read() as s:
        followed = await hooks.is_followed(s, [pid])
    assert len(life.forge.hooks(PATH)) == int(followed)
    if followed:
        await life.forge.open_issue(PATH, "ann", "x")
        assert {d.status for d in life.forge.deliveries} <= {202}

async def test_down_day(life):
    await life.follow("ann", OPENED)
    life.forge.outage("down", seconds=10**6)
    await life.leave("ann")
    for _ in range(8):
        await life.later(hours=4)
    print(await life.outcomes(), life.told)
    life.forge.clear_outages()
    await life.later(minutes=10)
    assert life.forge.hooks(PATH) == ()

async def test_growth(life):
    await life.follow("ann", OPENED)
    await life.follow("bob", OPENED)
    for _ in range(20):
        await life.later(minutes=4)
    print(await life.outcomes())
    async with life.database.read() as s:
        assert (await s.scalar(select(func.count()).select_from(LogEntry))) < 5
        print((await s.execute(select(Job.kind, Job.key, Job.state))).all())

async def test_public_url_unset_then_back(life):
    await life.follow("ann", OPENED)
    keep = life.manager
    life.manager = HookManager(life.database, life.credentials, public_url=None, clock=life.clock)
    await life.follow("bob", WIKI)
    await life.later(minutes=4)
    life.manager = keep
    await life.later(minutes=4)
    assert life.there().events >= life.words(OPENED, WIKI)
    rows = await life.rows()
    print([(x.origin, x.remote_id, x.removed_at) for x in rows])
    assert len([x for x in rows if x.removed_at is None]) == 1

async def test_dead_token_only(life):
    await life.follow("ann", OPENED)
    life.forge.revoke_token("tok_ann")
    for _ in range(5):
        await life.later(minutes=4)
    print(life.told, await life.outcomes(), (await life.row()).last_error)
