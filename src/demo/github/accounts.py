"""GitHub's REST API for accounts, repositories, teams, commits and workflow runs."""

from typing import Any

from src.demo.forge.server import Answer, Call, Handler
from src.demo.forge.state import Project, Run, Team, User
from src.demo.github.access import LEVELS, LIMIT, PERMITTED, Access, error, not_found

Json = dict[str, Any]
_SORTS = {"created": "created_at", "updated": "updated_at", "pushed": "updated_at", "full_name": "path"}


class Accounts(Access):
    """Everything but hooks, issues and pull requests."""

    def account_routes(self) -> list[tuple[str, str, Handler]]:
        """Beside the repositories."""
        team = "/orgs/{org}/teams/{slug}"
        team_by_id = r"/organizations/{org_id:\d+}/team/{team_id:\d+}"
        return [
            ("GET", "/meta", self._meta), ("GET", "/rate_limit", self._rate_limit), ("GET", "/user", self._me),
            ("GET", "/user/emails", self._emails), ("GET", "/user/repos", self._repos),
            ("GET", "/users/{login}", self._user), ("GET", "/orgs/{org}", self._org), ("GET", team, self._get_team),
            ("GET", f"{team}/members", self._team_members), ("GET", team_by_id, self._get_team),
            ("GET", f"{team_by_id}/members", self._team_members),
        ]  # fmt: skip

    def repo_routes(self) -> list[tuple[str, str, Handler]]:
        """Below a repository."""
        run = r"/actions/runs/{run:\d+}"
        return [
            ("GET", "", lambda call: Answer(self.shapes.repo(self.project(call), call.login))),
            ("GET", "/commits/{sha}", self._commit), ("GET", run, self._get_run), ("GET", f"{run}/jobs", self._jobs),
            ("GET", "/actions/runs", self._runs), ("GET", "/collaborators/{login}/permission", self._permission),
        ]  # fmt: skip

    def _meta(self, _: Call) -> Answer:
        body: Json = {"verifiable_password_authentication": True, "hooks": list(self.hook_networks)}
        return Answer(body | ({"installed_version": "3.20.0"} if self._base_path else {}))

    def _rate_limit(self, call: Call) -> Answer:
        """Asking costs nothing."""
        limit = LIMIT if call.token else 60
        core = {"limit": limit, "used": self.used[call.login or ""], "remaining": limit - self.used[call.login or ""]}
        core["reset"] = int(self.world.now().timestamp()) + 3600
        self.used[call.login or ""] -= 1
        return Answer({"resources": {"core": core}, "rate": core})

    def me(self, call: Call) -> User:
        """Whose token it is."""
        if call.user is None:
            raise error(401, "Requires authentication")
        return call.user

    def _me(self, call: Call) -> Answer:
        user = self.me(call)
        shape = self.shapes.profile(user) | {"email": user.emails[0] if user.emails else None}
        if self.has_scope(call.token, {"user", "read:user"}):
            shape |= {
                "private_gists": 0,
                "total_private_repos": 0,
                "owned_private_repos": 0,
                "two_factor_authentication": True,
            }
        return Answer(shape)

    def _emails(self, call: Call) -> Answer:
        user = self.me(call)
        if not self.has_scope(call.token, {"user", "user:email"}):
            raise not_found({"user", "user:email"})
        shapes = [
            {"email": email, "primary": email == user.emails[0], "verified": True, "visibility": "private"}
            for email in user.emails
        ]
        return self.page(call, shapes, lambda shape: shape)

    def _repos(self, call: Call) -> Answer:
        """Those that the person is a member of; private ones only with the scope for them."""
        user = self.me(call)
        wanted = set(call.query("affiliation", "owner,collaborator,organization_member").split(","))
        kind = call.query("visibility", call.query("type", "all"))
        projects = [
            project for project in self.world.projects.values()
            if (user.login in project.members or project.owner == user.login)
            and self.may_see(call, project) and self._affiliation(user, project) in wanted
            and (kind not in ("private", "public") or project.private == (kind == "private"))
        ]  # fmt: skip
        sort = call.query("sort", "full_name")
        descending = call.query("direction", "asc" if sort == "full_name" else "desc") == "desc"
        # Newest first means by id where two were changed at the same time.
        projects.sort(key=lambda project: (getattr(project, _SORTS.get(sort, "path")), project.id), reverse=descending)
        return self.page(call, projects, lambda project: self.shapes.repo(project, user.login))

    def _affiliation(self, user: User, project: Project) -> str:
        if project.owner == user.login:
            return "owner"
        return "organization_member" if self._in_organization(user.login, project.owner) else "collaborator"

    def _in_organization(self, login: str, org: str) -> bool:
        return any(t.path.startswith(f"{org}/") and login in t.members for t in self.world.teams.values())

    def _user(self, call: Call) -> Answer:
        user = self.world.users.get(call.part("login"))
        if user is None:
            raise not_found()
        return Answer(self.shapes.profile(user))

    def _org(self, call: Call) -> Answer:
        org = self.world.users.get(call.part("org"))
        if org is None or not org.is_organization:
            raise not_found()
        url = f"{self.api_url}/orgs/{org.login}"
        links = {
            "url": url,
            "repos_url": f"{url}/repos",
            "hooks_url": f"{url}/hooks",
            "members_url": f"{url}/members{{/member}}",
        }
        return Answer(self.shapes.profile(org) | links)

    def _team(self, call: Call) -> Team:
        """A team, for a token that may read organisations, of someone who belongs to this one."""
        parts = call.request.match_info
        if "team_id" in parts:
            team = next((t for t in self.world.teams.values() if t.id == int(parts["team_id"])), None)
        else:
            team = self.world.teams.get(f"{parts['org']}/{parts['slug']}")
        user = self.me(call)
        accepted = {"admin:org", "write:org", "read:org", "repo", "user"}
        if team is None or not self.has_scope(call.token, accepted):
            raise not_found(accepted)
        org = team.path.partition("/")[0]
        works_there = any(p.owner == org and user.login in p.members for p in self.world.projects.values())
        if not works_there and not self._in_organization(user.login, org):
            raise not_found(accepted)
        return team

    def _get_team(self, call: Call) -> Answer:
        return Answer(self.shapes.team(self._team(call)))

    def _team_members(self, call: Call) -> Answer:
        return self.page(call, self._team(call).members, self.shapes.user)

    def _permission(self, call: Call) -> Answer:
        project = self.project(call, "write")
        login = call.part("login")
        if login not in self.world.users:
            raise not_found()
        word = PERMITTED[LEVELS[self.level(login, project)]]
        return Answer({"permission": word, "role_name": word, "user": self.shapes.user(login)})

    def _commit(self, call: Call) -> Answer:
        project, ref = self.project(call), call.part("sha")
        sha = project.branches.get(ref, ref)
        commit = next((c for c in project.commits.values() if len(ref) >= 7 and c.sha.startswith(sha)), None)
        commit = commit or project.commits.get(sha)
        if commit is None:
            raise error(422, f"No commit found for SHA: {ref}")
        return Answer(self.shapes.commit(project, commit))

    def _run(self, call: Call) -> tuple[Project, Run]:
        project = self.project(call)
        run = project.runs.get(int(call.part("run")))
        if run is None:
            raise not_found()
        return project, run

    def _runs(self, call: Call) -> Answer:
        project = self.project(call)
        runs = list(project.runs.values())[::-1]
        return self.page(call, runs, lambda run: self.shapes.run(project, run), wrap="workflow_runs")

    def _get_run(self, call: Call) -> Answer:
        return Answer(self.shapes.run(*self._run(call)))

    def _jobs(self, call: Call) -> Answer:
        project, run = self._run(call)
        return self.page(call, run.jobs, lambda job: self.shapes.job(project, run, job), wrap="jobs")
