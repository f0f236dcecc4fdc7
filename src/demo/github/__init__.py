"""A stateful GitHub on loopback: REST API v3, some GraphQL and signed webhooks."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Self

from src.demo.forge.server import Handler, utc_now
from src.demo.github.accounts import Accounts
from src.demo.github.graphql import GraphRoutes
from src.demo.github.hooks import Hooks
from src.demo.github.looking import LookingRoutes
from src.demo.github.shapes import WorkShapes

__all__ = ["GitHubEmulator"]


class GitHubEmulator(Hooks, Accounts, LookingRoutes, GraphRoutes):
    """GitHub; with `base_path` ``/api/v3`` a GitHub Enterprise Server. See `src.demo.forge.ForgeEmulator`."""

    kind = "github"

    def __init__(self, *, now: Callable[[], datetime] = utc_now, port: int = 0, base_path: str = "") -> None:
        super().__init__(now=now, port=port, base_path=base_path, shared_numbers=True)
        self.used = Counter()
        self.shapes = WorkShapes(self.world)

    @property
    def web_url(self) -> str:
        """The pages of an Enterprise Server are above its API."""
        return self.url.removesuffix("/api/v3")

    async def __aenter__(self) -> Self:
        """Bind a port and listen."""
        await super().__aenter__()
        self.shapes.api, self.shapes.web = self.api_url, self.web_url
        return self

    def routes(self) -> list[tuple[str, str, Handler]]:
        """Every repository is there by its name and by its id."""
        looking = self.looking_routes()
        below = [*self.repo_routes(), *self.hook_routes(), *self.hook_test_routes(), *looking, *self.thread_routes()]
        below += self.review_routes()
        homes = ("/repos/{owner}/{repo}", r"/repositories/{id:\d+}")
        of_organisations = [(verb, "/orgs/{org}" + path, handler) for verb, path, handler in self.hook_routes()]
        return (
            self.account_routes()
            + self.notification_routes()
            + of_organisations
            + [(verb, home + path, handler) for home in homes for verb, path, handler in below]
        )
