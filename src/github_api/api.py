"""gidgethub on the shared transport: addresses, headers, paging and JSON are its own, the rest is `forge_http`'s."""

import re
from collections.abc import AsyncIterator, Mapping
from typing import Any

from gidgethub import sansio
from gidgethub.abc import GitHubAPI

from src.forge import NotFound, Unavailable
from src.forge_http import Channel

PER_PAGE = 100  # the most that GitHub gives
_LAST = re.compile(r'[?&]page=(\d{1,9})[^>]*>;\s*rel="last"')  # "Using pagination in the REST API"
_JSON = "application/json; charset=utf-8"
Variable = str | int | None


class GitHubApi(GitHubAPI):
    """One instance through one token. Raises the errors of `src.forge`, never gidgethub's."""

    def __init__(self, channel: Channel, token: str | None, *, repeatable: bool = False) -> None:
        super().__init__("git-assistant", oauth_token=token, base_url=str(channel.instance.base).rstrip("/"))
        self._channel = channel
        self._repeatable = repeatable
        self._headers: Mapping[str, str] = {}

    async def _request(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes = b""
    ) -> tuple[int, Mapping[str, str], bytes]:
        answer = await self._channel.request(method, url, headers, body, repeatable=self._repeatable)
        self._headers = answer.headers
        # Only what gidgethub needs: rate limits are the transport's, and an odd 2xx is as good as a 200.
        kept = {"content-type": _JSON, "link": answer.headers.get("link", "")}
        return (204 if not answer.body.strip() else 200), kept, answer.body.strip()

    async def sleep(self, seconds: float) -> None:
        """Wait; gidgethub asks for it."""
        await self._channel.sleep(seconds)

    async def call(
        self, method: str, url: str, variables: Mapping[str, Variable] | None = None, data: Any = b""
    ) -> tuple[Any, str | None]:
        """Send a request. `url` is a URI template. Returns the JSON and the next page's address."""
        given = {name: value for name, value in (variables or {}).items() if value is not None}
        if any(value in ("", ".", "..") for value in given.values()):
            raise NotFound("An empty or relative name addresses nothing on a forge.")
        try:
            found, more, _ = await self._make_request(method, url, given, data, sansio.accept_format())
        except (ValueError, RecursionError):
            name = self._channel.instance.name
        else:
            return found, more
        raise Unavailable(f"{name} promises JSON and sends something else.")

    async def item(self, url: str, **variables: Variable) -> Any:
        """GET one object."""
        found, _ = await self.call("GET", url, variables)
        return found

    async def item_with_headers(self, url: str) -> tuple[Any, Mapping[str, str]]:
        """GET one object, and the headers of the answer (names in lower case)."""
        witness = GitHubApi(self._channel, self.oauth_token)  # its own, for `self` may have other calls in flight
        return await witness.item(url), witness._headers

    async def posted(self, url: str, data: Any) -> tuple[Any, Mapping[str, str]]:
        """POST something, and the headers of the answer."""
        witness = GitHubApi(self._channel, self.oauth_token, repeatable=self._repeatable)  # as above
        found, _ = await witness.call("POST", url, data=data)
        return found, witness._headers

    async def page_with_headers(self, url: str, **variables: Variable) -> tuple[Any, str | None, Mapping[str, str]]:
        """GET one page of a list: its JSON, the next page's address, and the answer's headers."""
        witness = GitHubApi(self._channel, self.oauth_token)  # as above
        found, more = await witness.call("GET", url, variables)
        return found, more, witness._headers

    async def page(self, url: str, **variables: Variable) -> tuple[Any, str | None, int | None]:
        """GET one page of a list: its JSON, the next page's address, and the number of the last where it is said."""
        witness = GitHubApi(self._channel, self.oauth_token)  # as above
        found, more = await witness.call("GET", url, variables)
        last = _LAST.search(witness._headers.get("link", ""))
        return found, more, int(last.group(1)) if last else None

    async def pages(self, url: str, *, limit: int, **variables: Variable) -> AsyncIterator[Any]:
        """GET page after page, at most `limit` of them. `url` has the parameter ``per_page``."""
        following = url
        given: Mapping[str, Variable] = {"per_page": PER_PAGE, **variables}
        for _ in range(limit):
            found, more = await self.call("GET", following, given)
            yield found
            if more is None:
                return
            following, given = more, {}
