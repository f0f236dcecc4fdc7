"""`python main.py review`: what would be posted, to the letter; then posted; without a bot or a database."""

from pathlib import Path

import pytest

from tests.command import run
from tests.hook_stage import PATH
from tests.review_stage import BAD, GOOD, Reviews, reviewing

BOTH = pytest.mark.parametrize("kind", ["github", "gitlab"])


def settings(stage: Reviews) -> dict[str, str]:
    """Of the forge and its token, and nothing else."""
    if stage.life.kind == "github":
        return {"GITHUB_API_URL": stage.life.forge.url, "GITHUB_TOKEN": "tok_robot"}
    return {"GITLAB_URL": stage.life.forge.url, "GITLAB_TOKEN": "tok_robot"}


@BOTH
async def test_a_dry_run_prints_exactly_what_is_posted_then(tmp_path: Path, kind: str) -> None:
    async with reviewing(tmp_path, kind, own_token=True) as stage:
        number = await stage.open({"src/wait.py": BAD})
        folder = tmp_path / "empty"
        folder.mkdir()
        dry = await run(folder, "review", PATH, str(number), "--dry-run", **settings(stage))
        assert (dry.code, dry.err) == (0, ""), dry.err
        assert stage.threads(number) == []
        assert await stage.summaries(number) == []
        assert await stage.status(number) is None
        real = await run(folder, "review", PATH, str(number), **settings(stage))
        assert (real.code, real.err) == (0, "")
        assert not list(folder.iterdir())  # no database, no key
        threads, (summary,) = stage.threads(number), await stage.summaries(number)
        assert threads
        for _, line, body in threads:
            assert f"line {line}\n{body}" in dry.out or f"to {line}\n{body}" in dry.out
        assert summary.body in dry.out
        status = await stage.status(number)
        assert status is not None
        assert status[1] in dry.out
        assert status[1] in real.out


@BOTH
async def test_a_second_run_repeats_nothing(tmp_path: Path, kind: str) -> None:
    async with reviewing(tmp_path, kind, own_token=True) as stage:
        number = await stage.open({"src/wait.py": BAD})
        first = await run(tmp_path, "review", PATH, str(number), **settings(stage))
        said = stage.threads(number)
        second = await run(tmp_path, "review", PATH, str(number), **settings(stage))
        assert (first.code, second.code) == (0, 0)
        assert stage.threads(number) == said
        assert len(await stage.summaries(number)) == 1
        assert "0 comments posted" in second.out


async def test_a_clean_one_says_so(tmp_path: Path) -> None:
    async with reviewing(tmp_path, "github", own_token=True) as stage:
        number = await stage.open({"src/fine.py": GOOD})
        ran = await run(tmp_path, "review", f"{PATH}#{number}", "--dry-run", **settings(stage))
        assert ran.code == 0
        assert "no summary" in ran.out
        assert "success" in ran.out


async def test_the_address_of_the_page_will_do(tmp_path: Path) -> None:
    async with reviewing(tmp_path, "gitlab", own_token=True) as stage:
        number = await stage.open({"src/wait.py": BAD})
        page = f"{stage.life.forge.url}/{PATH}/-/merge_requests/{number}"
        ran = await run(tmp_path, "review", page, "--dry-run", **settings(stage))
        assert ran.code == 0
        assert "bare-except" in ran.out


async def test_what_is_wrong_is_one_line(tmp_path: Path) -> None:
    async with reviewing(tmp_path, "github", own_token=True) as stage:
        known = settings(stage)
        nothing = await run(tmp_path, "review", "rocket", **known)
        nowhere = await run(tmp_path, "review", PATH, "99", **known)
        without = await run(tmp_path, "review", PATH, "1", GITHUB_API_URL=stage.life.forge.url)
        other = await run(tmp_path, "review", PATH, "1", "--forge", "gitlab", **known)
        stage.life.forge.revoke_token("tok_robot")
        withdrawn = await run(tmp_path, "review", PATH, "1", **known)
        strange = await run(tmp_path, "review", PATH, "1", "--forge", "sourceforge", **known)
    assert [ran.code for ran in (nothing, nowhere, without, other, strange)] == [2, 1, 2, 2, 2]
    assert strange.err == "--forge: must be github or gitlab\n"
    assert "names no pull request" in nothing.err
    assert f"no pull request {PATH} 99" in nowhere.err
    assert nowhere.err.endswith(" On https://gitlab.com nobody looked: GITLAB_TOKEN is not set.\n")
    home = stage.life.forge.url
    assert withdrawn.code == 1
    assert withdrawn.err == f"GITHUB_TOKEN: no longer accepted by {home}; make a new token there and set it\n"
    assert "GITHUB_TOKEN" in without.err
    assert other.err.startswith("GITLAB_TOKEN: is not set")
    for ran in (nothing, nowhere, without, other):
        assert ran.err.count("\n") == 1
