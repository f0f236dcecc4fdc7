"""Setting the stage: accounts, tokens, projects, teams."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime

from src.demo.forge.protocol import Role
from src.demo.forge.records import CommitSpec, CommitStatus, Files, Hook, LineNote
from src.demo.forge.state import Group, Project, Team, Token, User
from src.demo.forge.world import World


class Cast:
    """The part of `ForgeEmulator` that sets up who and what there is."""

    def __init__(self, now: Callable[[], datetime], *, shared_numbers: bool) -> None:
        self.world = World(now, shared_numbers=shared_numbers)

    def add_user(self, login: str, *, name: str | None = None, emails: Sequence[str] = (), is_bot: bool = False) -> str:
        """Make an account; the first e-mail is the primary one. Returns its id."""
        if login in self.world.users:
            raise ValueError(f"{login} is there already")
        user = User(
            id=self.world.new_id("user"), login=login, name=name or login.capitalize(), emails=tuple(emails),
            is_bot=is_bot, created_at=self.world.now(),
        )  # fmt: skip
        self.world.users[login] = user
        return str(user.id)

    def add_token(
        self, token: str, login: str, *, scopes: Collection[str] | None = None, expires_at: datetime | None = None
    ) -> None:
        """Give a person a token; `scopes` in the forge's words, `None` for all that there are."""
        self.world.tokens[token] = Token(
            id=self.world.new_id("token"), value=token, login=self.world.user(login).login,
            scopes=None if scopes is None else frozenset(scopes), expires_at=expires_at, created_at=self.world.now(),
        )  # fmt: skip

    def revoke_token(self, token: str) -> None:
        """From now on this token is answered 401."""
        self.world.tokens[token].revoked = True

    def add_project(self, path: str, *, private: bool = False, members: Mapping[str, Role] | None = None) -> str:
        """Make a project with two commits on its default branch ``main``. Returns its id."""
        if self.world.find(path) is not None:
            raise ValueError(f"{path} is there already")
        now = self.world.now()
        roles = {self.world.user(login).login: role for login, role in (members or {}).items()}
        project = Project(
            id=self.world.new_id("project"), path=path, private=private, members=roles, created_at=now, updated_at=now
        )
        self._owner(path)
        self.world.projects[project.id] = project
        self.world.moved.pop(path.lower(), None)
        self.world.commit(
            project,
            self._author(project),
            "main",
            [CommitSpec(title="Begin"), CommitSpec(title="Set up", added=("setup.cfg",))],
        )
        return str(project.id)

    def _author(self, project: Project) -> str:
        """Who begins a project: an admin of it, else the account that it is in."""
        admin = next((login for login, role in project.members.items() if role == "admin"), None)
        return admin or self._owner(project.path).login

    def _owner(self, path: str) -> User:
        """The account that the path begins with; an organisation is made where there is none."""
        login = path.split("/")[0]
        if login not in self.world.users:
            self.world.users[login] = User(
                id=self.world.new_id("user"), login=login, name=login.capitalize(), is_organization=True,
                created_at=self.world.now(),
            )  # fmt: skip
        return self.world.users[login]

    def set_member(self, path: str, login: str, role: Role | None) -> None:
        """Give, change or (`None`) take away someone's role."""
        members = self.world.project(path).members
        if role is None:
            members.pop(login, None)
        else:
            members[self.world.user(login).login] = role

    def rename_project(self, path: str, new_path: str) -> None:
        """Move a project; its id stays, and the old path redirects as on the forge."""
        if self.world.find(new_path) is not None:
            raise ValueError(f"{new_path} is there already")
        project = self.world.project(path)
        self.world.moved[path.lower()] = project.id
        self.world.moved.pop(new_path.lower(), None)
        project.path = new_path
        self._owner(new_path)
        self.world.touch(project)

    def delete_project(self, path: str) -> None:
        """Remove a project with its hooks."""
        del self.world.projects[self.world.project(path).id]

    def set_private(self, path: str, private: bool) -> None:
        """Change who may see a project."""
        self.world.project(path).private = private

    def add_files(self, path: str, files: Files, branch: str = "main") -> str:
        """Commit files to a branch without a webhook. Returns the commit's SHA."""
        project = self.world.project(path)
        spec = CommitSpec(title="Add files", files=files)
        return self.world.commit(project, self._author(project), branch, [spec])[-1].sha

    def comments_on_lines(self, path: str, number: int) -> tuple[LineNote, ...]:
        """All comments on lines of a pull request, oldest first."""
        project = self.world.project(path)
        return tuple(
            LineNote(
                id=str(one.id), author=one.author, body=one.body, path=thread.file, line=thread.line,
                start_line=thread.start_line, thread=str(thread.id), resolved_by=thread.resolved_by,
            )
            for one in project.comments_on("review", number)
            for thread in [project.line_threads[one.thread or 0]]
        )  # fmt: skip

    def statuses(self, path: str, sha: str) -> dict[str, CommitStatus]:
        """What counts of a commit's statuses: the last one of each context."""
        return {status.context: status for status in self.world.project(path).statuses if status.sha == sha}

    def set_archived(self, path: str, archived: bool) -> None:
        """Make a project read-only, or not."""
        self.world.project(path).archived = archived

    def add_team(self, path: str, members: Collection[str]) -> str:
        """Make a GitHub team ("acme/core") or a GitLab group ("acme"). Returns its id."""
        logins = [self.world.user(login).login for login in members]
        team = Team(id=self.world.new_id("team"), path=path, members=logins)
        self.world.teams[path] = team
        return str(team.id)

    def add_group(self, path: str, owners: Collection[str]) -> str:
        """Make a GitHub organisation or a GitLab group whose owners may give it hooks. Returns its id."""
        if path.lower() in self.world.groups:
            raise ValueError(f"{path} is there already")
        logins = {self.world.user(login).login for login in owners}
        account = self._owner(path)
        group_id = account.id if path == account.login else self.world.new_id("team")
        self.world.groups[path.lower()] = Group(id=group_id, path=path, owners=logins)
        return str(group_id)

    def rename_group(self, path: str, new_path: str) -> None:
        """Give an organisation or a group another name, with all projects in it and its hooks."""
        group = self.world.groups.pop(path.lower())
        for project in list(self.world.projects.values()):
            if project.path.lower().startswith(f"{path.lower()}/"):
                self.rename_project(project.path, new_path + project.path[len(path) :])
        group.path = new_path
        self.world.groups[new_path.lower()] = group

    def set_owner(self, path: str, login: str, is_owner: bool) -> None:
        """Make someone an owner of a group, or no longer."""
        owners = self.world.groups[path.lower()].owners
        if is_owner:
            owners.add(self.world.user(login).login)
        else:
            owners.discard(login)

    def hooks(self, path: str) -> tuple[Hook, ...]:
        """The hooks of a project or a group, secrets included."""
        return tuple(self.world.hook_home(path).hooks.values())

    def remove_hook(self, path: str, hook_id: int) -> None:
        """Delete a hook of a project or a group by hand."""
        del self.world.hook_home(path).hooks[hook_id]

    def point_hook(self, path: str, hook_id: int, url: str) -> None:
        """Change the address of a hook by hand, and nothing else."""
        self.world.hook_home(path).hooks[hook_id].url = url
