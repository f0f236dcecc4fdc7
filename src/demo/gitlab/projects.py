"""GitLab's REST API for accounts, projects, groups, commits and pipelines."""

from typing import Any
from urllib.parse import unquote

from src.demo.forge.server import Answer, Call, Handler
from src.demo.forge.state import Project, Run, Team
from src.demo.gitlab.access import ALL_SCOPES, GUEST, Access, not_found, refusal
from src.demo.gitlab.hooks import truth
from src.demo.gitlab.shapes import ACCESS_LEVELS, iso

Json = dict[str, Any]
_ORDERS = {"id": "id", "name": "name", "path": "path", "created_at": "created_at", "updated_at": "updated_at",
           "last_activity_at": "updated_at"}  # fmt: skip


class Projects(Access):
    """Everything but hooks, issues and merge requests."""

    def account_routes(self) -> list[tuple[str, str, Handler]]:
        """Beside the projects."""
        return [
            ("GET", "/user", lambda call: Answer(self.shapes.account(self.me(call)))), ("GET", "/user/emails",
            self._emails),
            ("GET", "/users", self._users), ("GET", r"/users/{user:\d+}", self._get_user),
            ("GET", "/personal_access_tokens/self", self._own_token), ("GET", "/version", self._version),
            ("GET", "/metadata", self._version), ("GET", "/projects", self._list_projects),
            ("GET", "/groups/{id}", self._get_group), ("GET", "/groups/{id}/members", self._group_members),
            ("GET", "/groups/{id}/members/all", self._group_members),
        ]  # fmt: skip

    def project_routes(self) -> list[tuple[str, str, Handler]]:
        """Below a project."""
        pipeline = r"/pipelines/{pipeline:\d+}"
        return [
            ("GET", "", lambda call: Answer(self.shapes.project(self.project(call), call.login))),
            ("GET", "/members/all", self._members), ("GET", "/repository/commits/{sha}", self._commit),
            ("GET", "/pipelines", self._list_pipelines), ("GET", pipeline, self._get_pipeline),
            ("GET", f"{pipeline}/jobs", self._jobs),
        ]  # fmt: skip

    def _version(self, call: Call) -> Answer:
        self.me(call)
        return Answer({"version": "18.6.0", "revision": "a1b2c3d4e5f", "enterprise": False})

    def _emails(self, call: Call) -> Answer:
        """The addresses beside the primary one."""
        user = self.me(call)
        shapes = [
            {"id": number, "email": email, "confirmed_at": iso(user.created_at)}
            for number, email in enumerate(user.emails[1:], start=1)
        ]
        return self.page(call, shapes, lambda shape: shape)

    def _users(self, call: Call) -> Answer:
        name = call.query("username")
        users = [u for u in self.world.users.values() if not u.is_organization and name in ("", u.login)]
        return self.page(call, users, lambda user: self.shapes.person(user.login))

    def _get_user(self, call: Call) -> Answer:
        user = next((u for u in self.world.users.values() if u.id == int(call.part("user"))), None)
        if user is None or user.is_organization:
            raise not_found("User Not Found")
        return Answer(self.shapes.profile(user))

    def _own_token(self, call: Call) -> Answer:
        user, token = self.me(call), call.token
        if token is None:
            raise refusal(401, "Unauthorized")
        return Answer({
            "id": token.id, "name": f"Token of {user.login}", "revoked": False, "created_at": iso(token.created_at),
            "description": None, "scopes": sorted(ALL_SCOPES if token.scopes is None else token.scopes),
            "user_id": user.id, "last_used_at": iso(self.world.now()), "active": True,
            "expires_at": token.expires_at.date().isoformat() if token.expires_at else None,
        })  # fmt: skip

    def _list_projects(self, call: Call) -> Answer:
        """Filters: membership, owned, search, visibility, archived, min_access_level. Newest first unless told else."""
        wanted = call.query("search").lower()
        lowest = int(call.query("min_access_level", "0"))
        if truth(call.query("membership")):
            lowest = max(lowest, GUEST)
        projects = [
            project for project in self.world.projects.values()
            if self.may_see(call, project) and self.shapes.level(call.login, project) >= lowest
            and wanted in (project.path if truth(call.query("search_namespaces")) else project.name).lower()
            and call.query("visibility") in ("", "private" if project.private else "public")
            and (not call.query("archived") or truth(call.query("archived")) == project.archived)
            and (not truth(call.query("owned")) or project.owner == call.login)
        ]  # fmt: skip
        order = _ORDERS.get(call.query("order_by", "created_at"), "created_at")
        projects.sort(key=lambda p: (getattr(p, order), p.id), reverse=call.query("sort", "desc") != "asc")
        if truth(call.query("simple")):
            return self.page(call, projects, self.shapes.project_basics)
        return self.page(call, projects, lambda project: self.shapes.project(project, call.login))

    def _members(self, call: Call) -> Answer:
        project = self.project(call)
        since = iso(project.created_at)
        members = [(login, ACCESS_LEVELS[role]) for login, role in project.members.items()]
        return self.page(call, members, lambda member: self.shapes.member(*member, since))

    def _group(self, call: Call) -> Team:
        self.me(call)
        name = unquote(call.part("id"))
        team = next((t for t in self.world.teams.values() if name in (t.path, str(t.id))), None)
        if team is None:
            raise not_found("Group Not Found")
        return team

    def _get_group(self, call: Call) -> Answer:
        return Answer(self.shapes.group(self._group(call)))

    def _group_members(self, call: Call) -> Answer:
        """With ``all`` those of the groups above too."""
        team = self._group(call)
        logins = list(team.members)
        if call.request.path.endswith("/all"):
            above = [t for t in self.world.teams.values() if team.path.startswith(f"{t.path}/")]
            logins += [login for t in above for login in t.members]
        distinct = list(dict.fromkeys(logins))
        return self.page(call, distinct, lambda login: self.shapes.member(login, ACCESS_LEVELS["write"], None))

    def _commit(self, call: Call) -> Answer:
        project, ref = self.project(call), unquote(call.part("sha"))
        sha = project.branches.get(ref) or project.tags.get(ref) or ref
        commit = next((c for c in project.commits.values() if len(sha) >= 7 and c.sha.startswith(sha)), None)
        if commit is None:
            raise not_found("Commit Not Found")
        return Answer(self.shapes.commit(project, commit))

    def _pipeline(self, call: Call) -> tuple[Project, Run]:
        project = self.project(call)
        run = project.runs.get(int(call.part("pipeline")))
        if run is None:
            raise not_found()
        return project, run

    def _list_pipelines(self, call: Call) -> Answer:
        project = self.project(call)
        runs = list(project.runs.values())[::-1]
        if call.query("order_by") == "updated_at":
            runs.sort(key=lambda run: run.updated_at, reverse=call.query("sort", "desc") == "desc")
        return self.page(call, runs, lambda run: self.shapes.pipeline(project, run))

    def _get_pipeline(self, call: Call) -> Answer:
        return Answer(self.shapes.pipeline(*self._pipeline(call)))

    def _jobs(self, call: Call) -> Answer:
        """All jobs, or those of the statuses in ``scope[]``."""
        project, run = self._pipeline(call)
        scope = set(call.request.query.getall("scope[]", call.request.query.getall("scope", [])))
        jobs = [job for job in run.jobs if not scope or job.status in scope]
        return self.page(call, jobs[::-1], lambda job: self.shapes.job(project, run, job))
