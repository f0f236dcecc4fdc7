"""One review from the command line: with the token of the settings, and without a bot or a database."""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace

from aiohttp import ClientSession

from src.agent.asking import Ask, KnownForge, candidates, named
from src.agent.comments import status
from src.agent.opinion import SecondOpinion
from src.agent.posting import STATUS_CONTEXT, Posted, post, shown_summary
from src.agent.review import Draft, Place, Reason, Reviewer, Skipped
from src.agent.threads import Poster
from src.app import Site, forge_tokens, site_of
from src.config import ConfigError, Settings
from src.database.models import Forge
from src.forge import ForgeError, LineComment, Unavailable
from src.forge_http import open_session
from src.webhook.reviewing.finding import Door, Unseen, locate, variables

_SKIPPED = {
    Reason.CLOSED: "it is closed already",
    Reason.SWITCHED_OFF: "the repository has switched reviews off in .git-assistant.toml on its base branch",
}


async def review(settings: Settings, what: str, kind: str | None, *, dry_run: bool) -> int:
    """Review the pull request that the words name and print what is said. With `dry_run` nothing is posted.

    Raises `ConfigError` where no token is set, or the words name nothing.
    """
    site = site_of(settings)
    if kind is not None and kind not in site.types:
        raise ConfigError(f"--forge: must be {' or '.join(site.types)}")
    known = [KnownForge.of(site.types[one.kind], one.base_url) for one in site.instances]
    ask = named(what, known)
    if ask is None:
        homes = " or ".join(dict.fromkeys(one.web_url for one in known))
        raise ConfigError(f"{what[:200]!r} names no pull request on {homes}; write owner/repo 123, or its address")
    if kind is not None:
        ask = replace(ask, kind=kind)
    async with open_session() as http:
        doors = _doors(settings, site, http, ask, known)
        try:
            place = await _place(site, doors, ask)
            if isinstance(place, Unseen):
                print(_unseen(ask, place, doors, list(candidates(ask, known))), file=sys.stderr)
                return 1
            return await _say(place, ask.number, Reviewer(opinion=_opinion(settings, http)), dry_run=dry_run)
        except ForgeError as error:
            away = "does not answer" if isinstance(error, Unavailable) else "did not do it"
            print(f"The forge {away}: {str(error)[:300] or type(error).__name__}", file=sys.stderr)
            return 1


def _doors(settings: Settings, site: Site, http: ClientSession, ask: Ask, known: list[KnownForge]) -> list[Door]:
    tokens = forge_tokens(settings, site)
    meant = list(candidates(ask, known))
    doors = [
        Door(
            forge=Forge(kind=one.kind, base_url=one.base_url),
            known=one,
            client=site.types[one.kind].connector(http).client(one.base_url, tokens[one.kind, one.base_url]),
        )
        for one in meant
        if (one.kind, one.base_url) in tokens
    ]
    if not doors:
        raise ConfigError(_shut(meant, tokens))
    return doors


def _shut(meant: list[KnownForge], tokens: Mapping[tuple[str, str], str]) -> str:
    """Why there is no token for any of the forges that it may be on."""
    if not meant:
        return "--forge: the address is another forge's; leave --forge out"
    names = " or ".join(variables(one.kind for one in meant))
    for kind, base_url in tokens:
        if any(one.kind == kind for one in meant):
            return f"{names}: is for {base_url} alone; a review on {meant[0].web_url} can be asked for in Telegram"
    return f"{names}: is not set; a review is done with the token of the account that is to comment"


def _unseen(ask: Ask, unseen: Unseen, doors: list[Door], meant: list[KnownForge]) -> str:
    if unseen.refused:
        names = " and ".join(variables(door.known.kind for door in unseen.refused))
        homes = " and ".join(door.known.web_url for door in unseen.refused)
        return f"{names}: no longer accepted by {homes}; make a new token there and set it"
    names = " and ".join(variables(door.known.kind for door in doors))
    check = f"check how it is written, and that {names} may read the project"
    said = f"There is no pull request {ask.path} {ask.number} that the token sees: {check}."
    tried = {door.known.kind for door in doors}
    closed = {one.kind: one for one in reversed(meant) if one.kind not in tried}  # the default instance of each
    return said + "".join(
        f" On {one.web_url} nobody looked: {name} is not set."
        for one in closed.values()
        for name in variables([one.kind])
    )


async def _place(site: Site, doors: list[Door], ask: Ask) -> Place | Unseen:
    found = await locate(ask, doors)
    if isinstance(found, Unseen):
        return found
    door = next(door for door in doors if door.forge is found.forge)
    own = await door.client.whoami()
    return Place(
        client=door.client,
        project=found.project.ref,
        forge=site.types[door.known.kind],
        base_url=door.known.base_url,
        poster=Poster(ids=frozenset({own.id})),
        own_id=own.id,
    )


async def _say(place: Place, number: int, reviewer: Reviewer, *, dry_run: bool) -> int:
    try:
        draft = await reviewer.draft(place, number, by_hand=True)
    except Skipped as error:
        print(f"Nothing to review: {_SKIPPED.get(error.reason, error.reason.value)}.")
        return 0
    if dry_run:
        print("\n\n".join(_drafted(place, draft)))
    else:
        print(_posted(draft, await post(place, draft)))
    return 0


def _drafted(place: Place, draft: Draft) -> Iterator[str]:
    """What would be posted, to the letter."""
    yield f"{place.project.path} {draft.pull.number} at {draft.head_sha}: nothing of this is posted."
    for comment in draft.comments:
        yield f"=== comment on {comment.path}, {_lines(comment)}\n{comment.body}"
    for thread in draft.resolve:
        yield f"=== resolved: a thread on {thread.path}"
    yield "=== no summary, unless there is one already" if draft.is_clean else "=== summary"
    yield shown_summary(place, draft)
    state, description = status(draft.report, draft.settings.language)
    yield f"=== status {STATUS_CONTEXT}: {state.value}\n{description}"


def _lines(comment: LineComment) -> str:
    return f"line {comment.line}" if comment.start_line is None else f"lines {comment.start_line} to {comment.line}"


def _posted(draft: Draft, said: Posted) -> str:
    _, description = status(draft.report, draft.settings.language)
    lines = [
        description,
        f"{said.threads} comments posted, {said.resolved} threads resolved",
        *(f"refused: {each.comment.path}, {_lines(each.comment)}: {each.reason[:200]}" for each in said.refused),
        said.url or draft.pull.url or "",
    ]
    return "\n".join(line for line in lines if line)


def _opinion(settings: Settings, http: ClientSession) -> SecondOpinion | None:
    if settings.llm_base_url is None:
        return None
    key = settings.llm_api_key
    secret = None if key is None else key.get_secret_value()
    return SecondOpinion(http, settings.llm_base_url, secret, settings.llm_models)
