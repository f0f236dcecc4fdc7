"""Who may do what on GitHub, and how it says no: tokens, scopes, permissions, limits, pages."""

import base64
import binascii
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from datetime import timedelta
from typing import Any, TypeVar

from aiohttp import web
from yarl import URL

from src.demo.forge.server import Answer, ApiError, Call
from src.demo.forge.state import Group, Project, Token
from src.demo.github.happenings import Website

Json = dict[str, Any]
_Item = TypeVar("_Item")

LIMIT = 5000
LEVELS = ("none", "read", "write", "admin")
PERMITTED = dict(zip(LEVELS, LEVELS, strict=True))  # the words of "collaborators/{username}/permission"
# What each scope of a classic token includes: "Scopes for OAuth apps" in GitHub's documentation.
INCLUDED = {
    "repo": {"public_repo", "repo:status", "repo_deployment", "repo:invite", "security_events"},
    "admin:repo_hook": {"write:repo_hook", "read:repo_hook"}, "write:repo_hook": {"read:repo_hook"},
    "admin:org": {"write:org", "read:org"}, "write:org": {"read:org"},
    "user": {"read:user", "user:email", "user:follow"},
}  # fmt: skip
ALL_SCOPES = frozenset({
    "repo", "admin:repo_hook", "admin:org", "admin:org_hook", "user", "notifications", "workflow", "gist",
})  # fmt: skip
DOCUMENTATION = "https://docs.github.com/rest"


def error(status: int, message: str, *, headers: dict[str, str] | None = None, **more: object) -> ApiError:
    """An error as GitHub words it."""
    body = {"message": message, **more, "documentation_url": DOCUMENTATION, "status": str(status)}
    return ApiError(status, body, headers or {})


def not_found(accepted: Collection[str] = ()) -> ApiError:
    """The answer to what is not there and to what the token may not see; GitHub does not tell these apart."""
    return error(404, "Not Found", headers={"X-Accepted-OAuth-Scopes": ", ".join(sorted(accepted))})


def invalid(resource: str, message: str, field: str | None = None) -> ApiError:
    """The answer to a request that GitHub understood and refused."""
    problem = {"resource": resource, "code": "custom", "message": message} | ({"field": field} if field else {})
    return error(422, "Validation Failed", errors=[problem])


class Access(Website):
    """Authentication and permissions."""

    used: Counter[str]  # requests of each person that counted
    hook_networks: tuple[str, ...] = ("127.0.0.0/8", "::1/128")  # where its webhooks come from

    def authenticate(self, request: web.Request) -> Token | None:
        """The token of ``Authorization: token|Bearer|Basic``; a bad one is answered 401 wherever it is used."""
        word, _, value = request.headers.get("Authorization", "").partition(" ")
        if not value:
            return None
        if word.lower() == "basic":
            try:
                value = base64.b64decode(value).decode().partition(":")[2]
            except (binascii.Error, UnicodeDecodeError):
                value = ""
        token = self.world.tokens.get(value.strip())
        if token is None or token.revoked or (token.expires_at and token.expires_at <= self.world.now()):
            raise error(401, "Bad credentials")
        return token

    def headers(self, token: Token | None, *, counted: bool) -> dict[str, str]:
        """Request id, limits, and the scopes of a classic token."""
        limit, who = (LIMIT, token.login) if token else (60, "")
        self.used[who] += counted
        headers = {
            "X-GitHub-Media-Type": "github.v3; format=json", "X-GitHub-Request-Id": self.new_uuid("request").upper(),
            "X-RateLimit-Limit": str(limit), "X-RateLimit-Remaining": str(max(0, limit - self.used[who])),
            "X-RateLimit-Used": str(self.used[who]), "X-RateLimit-Resource": "core",
            "X-RateLimit-Reset": str(int((self.world.now() + timedelta(hours=1)).timestamp())),
            "X-GitHub-Api-Version-Selected": "2022-11-28", "Vary": "Accept, Authorization, Cookie",
        }  # fmt: skip
        if token and not self.is_fine_grained(token):
            headers["X-OAuth-Scopes"] = ", ".join(sorted(ALL_SCOPES if token.scopes is None else token.scopes))
        if token and token.expires_at:
            expiry = token.expires_at.strftime("%Y-%m-%d %H:%M:%S UTC")
            headers["GitHub-Authentication-Token-Expiration"] = expiry
        return headers

    def is_fine_grained(self, token: Token) -> bool:
        """Whether this is one of the newer tokens, which have permissions and show no scopes."""
        return token.value.startswith("github_pat_")

    def has_scope(self, token: Token | None, accepted: Collection[str]) -> bool:
        """Whether the token has one of these scopes, itself or within a larger one."""
        if token is None:
            return False
        if token.scopes is None:
            return True
        held = set(token.scopes)
        for scope in token.scopes:
            held |= INCLUDED.get(scope, set())
        return not held.isdisjoint(accepted)

    def unknown_path(self) -> ApiError:
        """``Not Found``."""
        return not_found()

    def rate_limited(self, seconds: float) -> ApiError:
        """403 with nothing remaining and the time when the limit ends."""
        reset = int((self.world.now() + timedelta(seconds=seconds)).timestamp()) + 1
        headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(reset)}
        return error(403, "API rate limit exceeded for user ID 1.", headers=headers)

    def hooks_refused(self) -> ApiError:
        """What a fine-grained token without the permission for webhooks is told."""
        headers = {"X-Accepted-GitHub-Permissions": "repository_hooks=write"}
        return error(403, "Resource not accessible by personal access token", headers=headers)

    # Projects

    def level(self, login: str | None, project: Project) -> int:
        """0 for nothing, 1 read, 2 write, 3 admin."""
        role = project.members.get(login or "", "none" if project.private else "read")
        return 3 if login == project.owner else LEVELS.index(role)

    def may_see(self, call: Call, project: Project) -> bool:
        """Whether the repository exists for this token."""
        if not project.private:
            return True
        return self.has_scope(call.token, {"repo"}) and self.level(call.login, project) > 0

    def project(self, call: Call, need: str = "read") -> Project:
        """The repository of the path, if the token may do this with it; an old name redirects."""
        parts = call.request.match_info
        if "id" in parts:
            found = self.world.projects.get(int(parts["id"]))
        else:
            path = f"{parts['owner']}/{parts['repo']}"
            found = self.world.find(path) or self._moved(call, path)
        if found is None or not self.may_see(call, found):
            raise not_found()
        if need != "read":
            self._may_write(call, found, need)
        return found

    def _moved(self, call: Call, path: str) -> Project | None:
        project = self.world.projects.get(self.world.moved.get(path.lower(), 0))
        if project is None or not self.may_see(call, project):
            return None
        rest = call.request.rel_url.raw_path.partition(path)[2]
        query = call.request.query_string
        url = f"{self.api_url}/repositories/{project.id}{rest}" + (f"?{query}" if query else "")
        status, message = (301, "Moved Permanently") if call.request.method == "GET" else (307, "Temporary Redirect")
        raise error(status, message, headers={"Location": url}, url=url)

    def _may_write(self, call: Call, project: Project, need: str) -> None:
        if call.token is None:
            raise error(401, "Requires authentication")
        accepted = {"repo"} if project.private else {"repo", "public_repo"}
        if not self.has_scope(call.token, accepted):
            raise not_found(accepted)
        if project.archived:
            raise error(403, "Repository was archived so is read-only.")
        if need in LEVELS and self.level(call.login, project) < LEVELS.index(need):
            raise error(403, "Must have admin rights to Repository.")

    def hooked_project(self, call: Call) -> Project:
        """The repository of the path, if the token may manage its hooks. Whoever may not sees 404."""
        project = self.project(call)
        reading = call.request.method == "GET"
        accepted = {"admin:repo_hook", "write:repo_hook", "repo"} | ({"read:repo_hook"} if reading else set())
        if not project.private:
            accepted.add("public_repo")
        if call.token and self.is_fine_grained(call.token):
            if not self.has_scope(call.token, {"repository_hooks"}):
                raise self.hooks_refused()
        elif not self.has_scope(call.token, accepted):
            raise not_found(accepted)
        if self.level(call.login, project) < LEVELS.index("admin"):
            raise not_found(accepted)
        return project

    def hooked_organization(self, call: Call) -> Group:
        """The organisation of the path, if the token may manage its hooks: an owner's, with the scope for it."""
        group = self.world.groups.get(call.part("org").lower())
        if call.token and self.is_fine_grained(call.token):
            if not self.has_scope(call.token, {"organization_hooks"}):
                raise self.hooks_refused()
        elif not self.has_scope(call.token, {"admin:org_hook"}):
            raise not_found({"admin:org_hook"})
        if group is None or call.login not in group.owners:
            raise not_found({"admin:org_hook"})
        return group

    # Pages

    def page(
        self, call: Call, items: Sequence[_Item], shape: Callable[[_Item], Any], *, wrap: str | None = None
    ) -> Answer:
        """One page of a list, with the ``Link`` header: "Using pagination in the REST API"."""
        size, number = positive(call.query("per_page"), 30, most=100), positive(call.query("page"), 1)
        last = max(1, -(-len(items) // size))
        near = {"prev": number - 1, "next": number + 1, "last": last, "first": 1}
        shown = {rel: n for rel, n in near.items() if (n < number if rel in ("prev", "first") else n > number)}
        links = [f'<{self._page_url(call, n)}>; rel="{rel}"' for rel, n in shown.items() if 1 <= n <= last]
        listed = [shape(item) for item in items[(number - 1) * size : number * size]]
        body = {"total_count": len(items), wrap: listed} if wrap else listed
        return Answer(body, headers={"Link": ", ".join(links)} if links else {})

    def _page_url(self, call: Call, number: int) -> str:
        path = call.request.rel_url.raw_path.removeprefix(self._base_path)
        return str(URL(self.api_url + path, encoded=True).with_query({**call.request.query, "page": str(number)}))


def positive(text: str, default: int, *, most: int = 10**9) -> int:
    """A number of a query; nonsense counts as the default, as on GitHub."""
    return min(int(text), most) if text.isdecimal() and int(text) > 0 else default
