"""Accounts, organisations, teams and repositories as GitHub shows them."""

from typing import Any

from src.demo.forge.state import Project, User
from src.demo.forge.world import World
from src.demo.github.shapes.words import HELD, PERMISSIONS, node_id, stamp

Json = dict[str, Any]


class AccountShapes:
    """Builds GitHub's JSON objects; pure. `api` and `web` are base addresses."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.api = ""
        self.web = ""

    def user(self, login: str) -> Json:
        """The short form of an account (``simple-user``)."""
        user = self.world.user(login)
        url = f"{self.api}/users/{login}"
        kind = "Organization" if user.is_organization else "Bot" if user.is_bot else "User"
        return {
            "login": login, "id": user.id, "node_id": node_id("User", user.id),
            "avatar_url": f"{self.web}/avatars/u/{user.id}?v=4", "gravatar_id": "", "url": url,
            "html_url": f"{self.web}/{login}", "followers_url": f"{url}/followers",
            "following_url": f"{url}/following{{/other_user}}", "gists_url": f"{url}/gists{{/gist_id}}",
            "starred_url": f"{url}/starred{{/owner}}{{/repo}}", "subscriptions_url": f"{url}/subscriptions",
            "organizations_url": f"{url}/orgs", "repos_url": f"{url}/repos", "events_url": f"{url}/events{{/privacy}}",
            "received_events_url": f"{url}/received_events", "type": kind, "user_view_type": "public",
            "site_admin": False,
        }  # fmt: skip

    def profile(self, user: User) -> Json:
        """The long form of an account (``public-user``)."""
        return self.user(user.login) | {
            "name": user.name, "company": None, "blog": "", "location": None, "email": None, "hireable": None,
            "bio": None, "twitter_username": None, "public_repos": 0, "public_gists": 0, "followers": 0, "following": 0,
            "created_at": stamp(user.created_at), "updated_at": stamp(user.created_at),
        }  # fmt: skip

    def organization(self, project: Project) -> Json | None:
        """The organisation that a project belongs to."""
        return self.organization_of(project.owner)

    def organization_of(self, path: str) -> Json | None:
        """The organisation of this name; `None` where it is a person."""
        owner = self.world.user(path)
        if not owner.is_organization:
            return None
        url = f"{self.api}/orgs/{owner.login}"
        return {
            "login": owner.login, "id": owner.id, "node_id": node_id("Organization", owner.id), "url": url,
            "repos_url": f"{url}/repos", "events_url": f"{url}/events", "hooks_url": f"{url}/hooks",
            "issues_url": f"{url}/issues", "members_url": f"{url}/members{{/member}}",
            "public_members_url": f"{url}/public_members{{/member}}",
            "avatar_url": f"{self.web}/avatars/u/{owner.id}?v=4", "description": "",
        }  # fmt: skip

    def repo_url(self, project: Project) -> str:
        """Where the API has a project."""
        return f"{self.api}/repos/{project.path}"

    def repo_page(self, project: Project) -> str:
        """Where the website has a project."""
        return f"{self.web}/{project.path}"

    def repo(self, project: Project, viewer: str | None = None) -> Json:
        """A repository; with a viewer also what they may do with it."""
        url, page = self.repo_url(project), self.repo_page(project)
        opened = sum(1 for t in [*project.issues.values(), *project.pulls.values()] if t.state == "open")
        shape = {
            "id": project.id, "node_id": node_id("Repository", project.id), "name": project.name,
            "full_name": project.path, "private": project.private, "owner": self.user(project.owner), "html_url": page,
            "description": None, "fork": False, "url": url, "created_at": stamp(project.created_at),
            "updated_at": stamp(project.updated_at), "pushed_at": stamp(project.updated_at),
            "git_url": page.replace("http:", "git:", 1) + ".git", "ssh_url": f"git@127.0.0.1:{project.path}.git",
            "clone_url": f"{page}.git", "svn_url": page, "homepage": None, "size": 1, "stargazers_count": 0,
            "watchers_count": 0, "language": "Python", "has_issues": True, "has_projects": True, "has_downloads": True,
            "has_wiki": True, "has_pages": False, "has_discussions": False, "forks_count": 0, "mirror_url": None,
            "archived": project.archived, "disabled": False, "open_issues_count": opened, "license": None,
            "allow_forking": True, "is_template": False, "web_commit_signoff_required": False, "topics": [],
            "visibility": "private" if project.private else "public", "forks": 0, "open_issues": opened, "watchers": 0,
            "default_branch": project.default_branch,
        } | self._repo_addresses(url)  # fmt: skip
        if viewer is not None:
            role = "admin" if viewer == project.owner else project.members.get(viewer, "")
            held = HELD.get(role, 0 if project.private else 1)
            shape["permissions"] = {name: PERMISSIONS.index(name) < held for name in PERMISSIONS}
        return shape

    def minimal_repo(self, project: Project) -> Json:
        """A repository as a workflow run shows it."""
        keys = ("id", "node_id", "name", "full_name", "private", "owner", "html_url", "description", "fork", "url")
        whole = self.repo(project)
        return {key: whole[key] for key in keys} | self._repo_addresses(whole["url"])

    def pushed_repo(self, project: Project) -> Json:
        """A repository as a push shows it: some times are seconds, the owner has a name, and old keys live on."""
        owner = {"name": project.owner, "email": None}
        return self.repo(project) | {
            "url": self.repo_page(project), "owner": self.user(project.owner) | owner, "stargazers": 0,
            "created_at": int(project.created_at.timestamp()), "pushed_at": int(project.updated_at.timestamp()),
            "master_branch": project.default_branch,
        }  # fmt: skip

    def _repo_addresses(self, url: str) -> Json:
        plain = ("forks", "teams", "hooks", "events", "tags", "languages", "stargazers", "contributors", "subscribers",
                 "subscription", "merges", "downloads", "deployments")  # fmt: skip
        templates = {
            "keys": "keys{/key_id}", "collaborators": "collaborators{/collaborator}",
            "issue_events": "issues/events{/number}", "assignees": "assignees{/user}", "branches": "branches{/branch}",
            "blobs": "git/blobs{/sha}", "git_tags": "git/tags{/sha}", "git_refs": "git/refs{/sha}",
            "trees": "git/trees{/sha}", "statuses": "statuses/{sha}", "commits": "commits{/sha}",
            "git_commits": "git/commits{/sha}", "comments": "comments{/number}",
            "issue_comment": "issues/comments{/number}", "contents": "contents/{+path}",
            "compare": "compare/{base}...{head}", "archive": "{archive_format}{/ref}", "issues": "issues{/number}",
            "pulls": "pulls{/number}", "milestones": "milestones{/number}",
            "notifications": "notifications{?since,all,participating}", "labels": "labels{/name}",
            "releases": "releases{/id}",
        }  # fmt: skip
        return {f"{word}_url": f"{url}/{word}" for word in plain} | {
            f"{k}_url": f"{url}/{t}" for k, t in templates.items()
        }
