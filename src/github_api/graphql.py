"""GitHub's GraphQL API: for threads, which REST cannot resolve, and for a hundred files at once.

GitHub's documentation: "Forming calls with GraphQL", "Rate limits and query limits for the GraphQL API".
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from src.forge import ForgeError, MissingPermission, NotFound, RateLimited, Rejected, Unavailable
from src.forge_http import Channel, Refusal, flat_message, read_list, scrub
from src.github_api.api import GitHubApi
from src.github_api.dialect import GitHubDialect
from src.github_api.graphql_resources import Problem

_LIMITS = ("RATE_LIMITED", "RATE_LIMIT")
_FORBIDDEN = ("FORBIDDEN", "INSUFFICIENT_SCOPES")
_LATER = ("SERVICE_UNAVAILABLE", "INTERNAL", "TIMEOUT")


class GraphQL:
    """The GraphQL API of one instance through one token. Raises the errors of `src.forge`."""

    def __init__(self, channel: Channel, token: str | None) -> None:
        # github.com has it at /graphql; an Enterprise Server at /api/graphql, beside /api/v3.
        base = channel.instance.base
        beside = channel.at(base.parent if base.name == "v3" else base)
        self._name = beside.instance.name
        self._secrets = [token] if token else []
        self._reading = GitHubApi(beside, token, repeatable=True)
        self._writing = GitHubApi(beside, token)

    async def query(self, text: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        """Ask; the ``data`` of the answer."""
        return await self._answer(self._reading, text, variables)

    async def mutate(self, text: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        """Change something; the ``data`` of the answer."""
        return await self._answer(self._writing, text, variables)

    async def _answer(self, api: GitHubApi, text: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        found, headers = await api.posted("/graphql", {"query": text, "variables": dict(variables)})
        answer = found if isinstance(found, dict) else {}
        if problems := answer.get("errors"):
            raise _error(self._name, read_list(Problem, problems)[0], headers, self._secrets)
        data = answer.get("data")
        if not isinstance(data, dict):
            raise Unavailable(f"{self._name} answers a GraphQL question with neither data nor errors.")
        return data


def _error(name: str, problem: Problem, headers: Mapping[str, str], secrets: list[str]) -> ForgeError:
    """The first entry of ``errors``; the status is 200 whatever went wrong."""
    said = scrub(flat_message(problem.message) or "", secrets)
    words, kind = f": {said}" if said else ".", problem.type or ""
    if kind in _LIMITS or "rate limit" in said.lower():
        now = datetime.now(UTC)
        until = GitHubDialect().limited_until(Refusal(429, headers, {"message": said}), now)
        return RateLimited(f"{name} wants no GraphQL questions for a while{words}", until or now)
    if kind == "NOT_FOUND":
        return NotFound(f"{name} does not have this, or does not show it to this token{words}")
    if kind in _FORBIDDEN:
        return MissingPermission(f"{name} does not allow this{words}")
    if kind in _LATER or said.startswith("Something went wrong"):
        return Unavailable(f"{name} could not answer a GraphQL question{words}")
    return Rejected(f"{name} refused a GraphQL question{words}")
