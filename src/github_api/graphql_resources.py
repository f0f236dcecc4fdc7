"""What we read of GitHub's GraphQL answers."""

from datetime import datetime
from typing import Any

from pydantic import Field

from src.events import Person
from src.forge import Remark, ReviewThread
from src.forge_http import Resource


class Problem(Resource):
    """An entry of ``errors``."""

    message: Any = None
    type: str | None = None


class Actor(Resource):
    """A person, a bot or an organisation; a deleted account is `None` where it stands."""

    kind: str = Field("", alias="__typename")
    login: str
    number: str | None = Field(None, alias="databaseId")
    name: str | None = None
    url: str | None = None

    def person(self) -> Person:
        """In neutral words. REST writes ``[bot]`` behind a bot's login, and so do webhooks."""
        is_bot = self.kind == "Bot"
        login = f"{self.login}[bot]" if is_bot and not self.login.endswith("[bot]") else self.login
        return Person(id=self.number, login=login, name=self.name, url=self.url, is_bot=is_bot)


class LineRemark(Resource):
    """A comment in a thread on lines."""

    id: str
    author: Actor | None = None
    body: str = ""
    url: str | None = None
    created_at: datetime | None = Field(None, alias="createdAt")

    def remark(self) -> Remark:
        """In neutral words."""
        author = self.author.person() if self.author else None
        return Remark(id=self.id, author=author, body=self.body, url=self.url, created_at=self.created_at)


class LineRemarks(Resource):
    """A page of them."""

    nodes: tuple[LineRemark | None, ...] = ()


class LineThread(Resource):
    """A thread on lines."""

    id: str
    path: str | None = None
    is_resolved: bool = Field(alias="isResolved")
    can_resolve: bool = Field(True, alias="viewerCanResolve")
    resolved_by: Actor | None = Field(None, alias="resolvedBy")
    comments: LineRemarks = Field(default_factory=LineRemarks)

    def thread(self) -> ReviewThread:
        """In neutral words."""
        return ReviewThread(
            id=self.id,
            path=self.path,
            remarks=tuple(remark.remark() for remark in self.comments.nodes if remark),
            resolved=self.is_resolved,
            resolved_by=self.resolved_by.person() if self.resolved_by else None,
            can_resolve=self.can_resolve,
        )


class PageInfo(Resource):
    """Where the next page begins."""

    has_next: bool = Field(alias="hasNextPage")
    end: str | None = Field(None, alias="endCursor")


class ThreadPage(Resource):
    """A page of threads."""

    nodes: tuple[LineThread | None, ...] = ()
    page: PageInfo = Field(alias="pageInfo")


class Blob(Resource):
    """A file's content. `text` is `None` for a binary one, cut where `is_truncated`, and in UTF-8 whatever it was."""

    oid: str
    size: int = Field(0, alias="byteSize")
    text: str | None = None
    is_binary: bool | None = Field(None, alias="isBinary")
    is_truncated: bool = Field(False, alias="isTruncated")


class TreeEntry(Resource):
    """What stands at a path; `mode` as git has it."""

    mode: int
    generated: bool = Field(False, alias="isGenerated")
    object: Blob | None = None
