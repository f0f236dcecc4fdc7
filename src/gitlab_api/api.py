"""gidgetlab on the shared transport: addresses, headers, paging and JSON are its own, the rest is `forge_http`'s."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

from gidgetlab.abc import GitLabAPI
from yarl import URL

from src.forge import Rejected, Unavailable
from src.forge_http import Channel, flat_message

PER_PAGE = "100"  # the most that GitLab gives
_JSON = "application/json; charset=utf-8"


class GitLabApi(GitLabAPI):
    """One instance through one token. Raises the errors of `src.forge`, never gidgetlab's."""

    def __init__(self, channel: Channel, token: str | None, web_url: str, graphql: Channel | None = None) -> None:
        """`graphql` is the way to GraphQL, which is beside the REST API and not below it."""
        super().__init__("git-assistant", access_token=token, url=web_url)
        self._channel = channel
        self._graphql = graphql or channel
        self.web_url = web_url
        self._headers: Mapping[str, str] = {}

    async def _request(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes = b""
    ) -> tuple[int, Mapping[str, str], bytes]:
        answer = await self._channel.request(method, url, headers, body)
        self._headers = answer.headers
        # Only what gidgetlab needs: rate limits are the transport's, and an odd 2xx is as good as a 200.
        kept = {"content-type": _JSON, "link": _next_page(url, answer.headers)}
        return (204 if not answer.body.strip() else 200), kept, answer.body.strip()

    async def sleep(self, seconds: float) -> None:
        """Wait; gidgetlab asks for it."""
        await self._channel.sleep(seconds)

    async def call(
        self, method: str, url: str, params: Mapping[str, str | list[str]] | None = None, data: Any = b""
    ) -> tuple[Any, str | None]:
        """Send a request; `url` is relative to the API. Returns the JSON and the next page's address."""
        given: dict[str, Any] = dict(params or {})
        try:
            found, more = await self._make_request(method, url, given, data)
        except (ValueError, RecursionError):
            name = self._channel.instance.name
        else:
            return found, more
        raise Unavailable(f"{name} promises JSON and sends something else.")

    async def query(self, text: str, variables: Mapping[str, Any]) -> Any:
        """Ask GraphQL; gives the ``data``. Its errors come with status 200: `Rejected`, with GitLab's words."""
        beside = GitLabApi(self._graphql, self.access_token, self.web_url)
        answer, _ = await beside.call(
            "POST", self.graphql_endpoint, None, {"query": text, "variables": dict(variables)}
        )
        if not isinstance(answer, Mapping):
            raise Unavailable(f"{self._channel.instance.name} promises an object and sends something else.")
        if answer.get("errors"):
            said = flat_message(answer["errors"]) or "it does not say why"
            raise Rejected(f"{self._channel.instance.name} refused a GraphQL query: {' '.join(said.split())[:300]}")
        return answer.get("data")

    async def item(self, url: str) -> Any:
        """GET one object."""
        found, _ = await self.call("GET", url)
        return found

    async def page(self, url: str, params: Mapping[str, str]) -> tuple[Any, str | None, int | None]:
        """GET one page of a list: its JSON, the next page's address, and the number of the last.

        ``x-total-pages`` is missing above 10,000 results: then the last is `None`.
        """
        witness = GitLabApi(self._channel, self.access_token, self.web_url)  # `self` may have other calls in flight
        found, more = await witness.call("GET", url, params)
        last = witness._headers.get("x-total-pages", "").strip()
        return found, more, int(last) if last.isdecimal() else None

    async def page_with_headers(
        self, url: str, params: Mapping[str, str] | None = None
    ) -> tuple[Any, str | None, Mapping[str, str]]:
        """GET one page of a list, or one object: its JSON, the next page's address, and the answer's headers."""
        witness = GitLabApi(self._channel, self.access_token, self.web_url)  # as above
        found, more = await witness.call("GET", url, params)
        return found, more, witness._headers

    async def pages(self, url: str, *, limit: int, **params: str) -> AsyncIterator[Any]:
        """GET page after page, at most `limit` of them."""
        following, given = url, {"per_page": PER_PAGE, **params}
        for _ in range(limit):
            found, more = await self.call("GET", following, given)
            yield found
            if more is None:
                return
            following, given = more, {}


def _next_page(url: str, headers: Mapping[str, str]) -> str:
    """The ``Link`` header that gidgetlab follows.

    GitLab builds its own from the external address in its settings, which behind a proxy is often not the one that
    we use. ``x-next-page`` has only the number, so the next address is ours with that number.
    """
    page = headers.get("x-next-page")
    if page is None:
        return headers.get("link", "")
    return f'<{URL(url).update_query(page=page)}>; rel="next"' if page.strip().isdigit() else ""
