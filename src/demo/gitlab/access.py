"""Who may do what on GitLab, and how it says no: tokens, scopes, roles, limits, pages."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, TypeVar
from urllib.parse import unquote

from aiohttp import web
from yarl import URL

from src.demo.forge.server import Answer, ApiError, Call
from src.demo.forge.state import Comment, Group, HookHome, Issue, Project, Token, User
from src.demo.gitlab.happenings import Website

Json = dict[str, Any]
_Item = TypeVar("_Item")

LIMIT = 2000
GUEST, DEVELOPER, MAINTAINER = 10, 30, 40
ALL_SCOPES = ("api", "read_user", "read_api", "read_repository", "write_repository")


def refusal(status: int, what: str, **headers: str) -> ApiError:
    """An error as GitLab words it: the status stands in the message."""
    return ApiError(status, {"message": f"{status} {what}"}, headers)


def not_found(what: str = "Not found") -> ApiError:
    """The answer to what is not there and to what the token may not see."""
    return refusal(404, what)


class Access(Website):
    """Authentication and permissions."""

    used: Counter[str]  # requests of each person

    def authenticate(self, request: web.Request) -> Token | None:
        """The token of ``PRIVATE-TOKEN``, ``Authorization: Bearer`` or ``private_token``, its scopes checked."""
        word, _, bearer = request.headers.get("Authorization", "").partition(" ")
        value = request.headers.get("PRIVATE-TOKEN") or (bearer if word.lower() == "bearer" else "")
        value = value.strip() or request.query.get("private_token", "")
        if not value:
            return None
        token = self.world.tokens.get(value)
        if token is None:
            raise refusal(401, "Unauthorized")
        if token.revoked:
            raise self._invalid("Token was revoked. You have to re-authorize from the user.")
        if token.expires_at and token.expires_at <= self.world.now():
            raise self._invalid("Token is expired. You can either do re-authorization or token refresh.")
        self._check_scopes(request, token)
        return token

    def _invalid(self, description: str) -> ApiError:
        return ApiError(401, {"error": "invalid_token", "error_description": description})

    def _check_scopes(self, request: web.Request, token: Token) -> None:
        path = request.path.removeprefix(self._base_path + self.api_prefix)
        if token.scopes is None or path == "/personal_access_tokens/self":
            return
        is_query = request.method in ("GET", "HEAD") or path.endswith("/api/graphql")  # its mutations are not emulated
        enough = ["api", "read_api"] if is_query else ["api"]
        if path.split("/")[1] in ("user", "users", "version", "metadata"):
            enough.append("read_user")
        if token.scopes.isdisjoint(enough):
            text = "The request requires higher privileges than provided by the access token."
            body = {"error": "insufficient_scope", "error_description": text, "scope": " ".join(enough)}
            raise ApiError(403, body)

    def headers(self, token: Token | None, *, counted: bool) -> dict[str, str]:
        """Request id and limits. GitLab counts every request."""
        who = token.login if token else ""
        self.used[who] += counted
        reset = self.world.now() + timedelta(minutes=1)
        return {
            "X-Request-Id": self.new_uuid("request").replace("-", ""), "Vary": "Origin",
            "X-Frame-Options": "SAMEORIGIN",
            "X-Gitlab-Meta": '{"version":"1"}', "Cache-Control": "max-age=0, private, must-revalidate",
            "RateLimit-Limit": str(LIMIT), "RateLimit-Observed": str(self.used[who]), "RateLimit-Name": "throttle_api",
            "RateLimit-Remaining": str(max(0, LIMIT - self.used[who])), "RateLimit-Reset": str(int(reset.timestamp())),
        }  # fmt: skip

    def unknown_path(self) -> ApiError:
        """GitLab says it in another key here."""
        return ApiError(404, {"error": "404 Not Found"})

    def rate_limited(self, seconds: float) -> ApiError:
        """429 as plain text, with the seconds to wait and the time when the limit ends."""
        wait = int(seconds) + 1
        reset = int(self.world.now().timestamp()) + wait
        headers = {"Retry-After": str(wait), "RateLimit-Remaining": "0", "RateLimit-Reset": str(reset)}
        return ApiError(429, "Retry later\n", headers)

    def hooks_refused(self) -> ApiError:
        """403 as for someone below maintainer."""
        return refusal(403, "Forbidden")

    # Projects

    def me(self, call: Call) -> User:
        """Whose token it is."""
        if call.user is None:
            raise refusal(401, "Unauthorized")
        return call.user

    def may_see(self, call: Call, project: Project) -> bool:
        """Whether the project exists for this token."""
        return not project.private or self.shapes.level(call.login, project) >= GUEST

    def project(self, call: Call, need: int = 0) -> Project:
        """The project of the path (id or encoded path); an old path redirects reads to the id."""
        name = unquote(call.part("id"))
        moved = self.world.projects.get(self.world.moved.get(name.lower(), 0))
        found = self.world.projects.get(int(name)) if name.isdecimal() else self.world.find(name) or moved
        if found is None or not self.may_see(call, found):
            raise not_found("Project Not Found")
        if found is moved and not name.isdecimal() and found.path.lower() != name.lower():
            raise self._elsewhere(call, found)
        if need and self.shapes.level(self.me(call).login, found) < need:
            raise refusal(403, "Forbidden")
        if found.archived and call.request.method != "GET" and need:
            raise refusal(403, "Forbidden")
        return found

    def _elsewhere(self, call: Call, project: Project) -> ApiError:
        if call.request.method != "GET":
            return refusal(405, "Non GET methods are not allowed for moved projects")
        before = f"/projects/{call.request.rel_url.raw_path.split('/projects/')[1].split('/')[0]}"
        url = str(call.request.rel_url).replace(before, f"/projects/{project.id}", 1)
        return ApiError(301, {"message": "301 Moved Permanently"}, {"Location": f"{URL(self.url).origin()}{url}"})

    def hooked_group(self, call: Call) -> Group:
        """The group of the path (id or encoded path), for its owners; GitLab does not redirect from an old path."""
        name = unquote(call.part("group"))
        login = self.me(call).login
        found = next((g for g in self.world.groups.values() if name.lower() in (g.path.lower(), str(g.id))), None)
        if found is None:
            raise not_found("Group Not Found")
        if login not in found.owners:
            raise refusal(403, "Forbidden")
        return found

    def hook_home(self, call: Call) -> HookHome:
        """The project or group of the path, if the token may manage its hooks."""
        return self.hooked_group(call) if "group" in call.request.match_info else self.project(call, MAINTAINER)

    def may_see_issue(self, call: Call, project: Project, issue: Issue) -> bool:
        """A confidential one: its author, its assignees, and members who may write."""
        if not issue.confidential:
            return True
        return call.login in (issue.author, *issue.assignees) or self.shapes.level(call.login, project) >= DEVELOPER

    def may_see_note(self, call: Call, project: Project, comment: Comment) -> bool:
        """Internal ones: members who may write."""
        return not comment.internal or self.shapes.level(call.login, project) >= DEVELOPER

    # Pages

    def page(self, call: Call, items: Sequence[_Item], shape: Callable[[_Item], Any]) -> Answer:
        """One page of a list with GitLab's headers: "REST API", section "Pagination"."""
        size, number = positive(call.query("per_page"), 20, most=100), positive(call.query("page"), 1)
        last = max(1, -(-len(items) // size))
        near = {"prev": number - 1, "next": number + 1, "first": 1, "last": last}
        links = [f'<{self._page_url(call, n, size)}>; rel="{rel}"' for rel, n in near.items() if 1 <= n <= last]
        headers = {
            "X-Page": str(number), "X-Per-Page": str(size), "X-Total": str(len(items)), "X-Total-Pages": str(last),
            "X-Next-Page": str(number + 1) if number < last else "", "Link": ", ".join(links),
            "X-Prev-Page": str(number - 1) if 1 < number <= last + 1 else "",
        }  # fmt: skip
        return Answer([shape(item) for item in items[(number - 1) * size : number * size]], headers=headers)

    def _page_url(self, call: Call, number: int, size: int) -> str:
        query = {**call.request.query, "page": str(number), "per_page": str(size)}
        query.pop("private_token", None)
        return str(URL(f"{URL(self.url).origin()}{call.request.rel_url.raw_path}", encoded=True).with_query(query))


def positive(text: str, default: int, *, most: int = 10**9) -> int:
    """A number of a query; nonsense counts as the default."""
    return min(int(text), most) if text.isdecimal() and int(text) > 0 else default
