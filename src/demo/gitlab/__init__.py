"""A stateful GitLab on loopback: REST API v4, some of GraphQL, and webhooks."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Self

from src.demo.forge.server import Handler, utc_now
from src.demo.gitlab.discussions import Discussions
from src.demo.gitlab.hooks import Hooks
from src.demo.gitlab.projects import Projects
from src.demo.gitlab.repository import Repository
from src.demo.gitlab.shapes import PayloadShapes
from src.demo.gitlab.threads import ThreadRoutes

__all__ = ["GitLabEmulator"]


class GitLabEmulator(Hooks, Projects, Repository, Discussions, ThreadRoutes):
    """GitLab; `base_path` puts it below a path, as self-managed ones often are. See `src.demo.forge.ForgeEmulator`."""

    kind = "gitlab"
    api_prefix = "/api/v4"

    def __init__(self, *, now: Callable[[], datetime] = utc_now, port: int = 0, base_path: str = "") -> None:
        super().__init__(now=now, port=port, base_path=base_path, shared_numbers=False)
        self.used = Counter()
        self._resends = {}
        self.shapes = PayloadShapes(self.world)

    async def __aenter__(self) -> Self:
        """Bind a port and listen."""
        await super().__aenter__()
        self.shapes.api, self.shapes.web = self.api_url, self.web_url
        return self

    def routes(self) -> list[tuple[str, str, Handler]]:
        """A project is there by its id and by its encoded path."""
        below = [
            *self.project_routes(), *self.hook_routes(), *self.looking_routes(), *self.thread_routes(),
            *self.diff_routes(), *self.discussion_routes(), *self.repository_routes(),
        ]  # fmt: skip
        of_groups = [(verb, "/groups/{group}" + path, handler) for verb, path, handler in self.hook_routes()]
        return (
            self.account_routes()
            + of_groups
            + [(verb, "/projects/{id}" + path, handler) for verb, path, handler in below]
        )
