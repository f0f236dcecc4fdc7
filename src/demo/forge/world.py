"""Everything that one forge knows, and how it changes: no I/O, no forge's own words."""

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime

from src.demo.forge.history import keep_tree, merged_files, refresh, with_paths
from src.demo.forge.protocol import CommentTarget
from src.demo.forge.records import Change, CommitSpec, CommitStatus, Files
from src.demo.forge.state import (
    NO_COMMIT,
    Comment,
    Commit,
    Deployment,
    Group,
    HookHome,
    Issue,
    Job,
    LineThread,
    Project,
    PullRequest,
    Release,
    Review,
    Run,
    Snippet,
    Team,
    Thread,
    Token,
    User,
)

# Where each kind of id begins: far apart, so that a mix-up of two kinds fails at once.
_FIRST_ID = {"user": 100, "project": 500, "team": 900, "hook": 1_000, "issue": 20_000, "pull": 30_000,
             "comment": 40_000, "run": 50_000, "job": 60_000, "review": 70_000,
             "deployment": 80_000, "release": 90_000, "line thread": 100_000, "status": 110_000,
             "version": 120_000}  # fmt: skip


class World:
    """The state of a forge. `shared_numbers`: issues and pull requests are counted together, as on GitHub."""

    def __init__(self, now: Callable[[], datetime], *, shared_numbers: bool) -> None:
        self.now = now
        self.users: dict[str, User] = {}
        self.tokens: dict[str, Token] = {}
        self.projects: dict[int, Project] = {}
        self.teams: dict[str, Team] = {}
        self.groups: dict[str, Group] = {}  # by their paths in lower case
        self.moved: dict[str, int] = {}  # old path -> project
        self.label_ids: dict[str, int] = {}
        self._shared_numbers = shared_numbers
        self._counters: Counter[str] = Counter()

    def new_id(self, kind: str) -> int:
        """The next id of this kind."""
        self._counters[kind] += 1
        return _FIRST_ID.get(kind, 0) + self._counters[kind]

    def new_sha(self) -> str:
        """A SHA that no other commit has."""
        return hashlib.sha1(f"commit {self.new_id('commit')}".encode(), usedforsecurity=False).hexdigest()

    def label_id(self, name: str) -> int:
        """The id of a label, made at its first use."""
        if name not in self.label_ids:
            self.label_ids[name] = 600 + len(self.label_ids) + 1
        return self.label_ids[name]

    # Looking things up: KeyError names what is not there

    def user(self, login: str) -> User:
        """An account by its login."""
        if login not in self.users:
            raise KeyError(f"no user {login}")
        return self.users[login]

    def find(self, path: str) -> Project | None:
        """The project that has this path now."""
        return next((p for p in self.projects.values() if p.path.lower() == path.lower()), None)

    def project(self, path: str) -> Project:
        """The project that has this path now."""
        project = self.find(path)
        if project is None:
            raise KeyError(f"no project {path}")
        return project

    def groups_of(self, project: Project) -> list[Group]:
        """The groups that a project is in, the nearest first."""
        parts = project.path.lower().split("/")[:-1]
        above = ["/".join(parts[:length]) for length in range(len(parts), 0, -1)]
        return [self.groups[path] for path in above if path in self.groups]

    def projects_in(self, group: Group) -> list[Project]:
        """The projects of a group and of its subgroups, the oldest first."""
        return [project for project in self.projects.values() if group in self.groups_of(project)]

    def hook_home(self, path: str) -> HookHome:
        """The project or the group that has this path now."""
        return self.groups.get(path.lower()) or self.project(path)

    def issue(self, path: str, number: int) -> tuple[Project, Issue]:
        """An issue with its project."""
        project = self.project(path)
        return project, project.issues[number]

    def pull(self, path: str, number: int) -> tuple[Project, PullRequest]:
        """A pull request with its project."""
        project = self.project(path)
        return project, project.pulls[number]

    def thread(self, project: Project, on: CommentTarget, number: int) -> Thread:
        """The issue or pull request that a comment is on."""
        return project.issues[number] if on == "issue" else project.pulls[number]

    # Changing them

    def touch(self, project: Project, thread: Thread | None = None) -> None:
        """Note that something happened just now."""
        project.updated_at = self.now()
        if thread is not None:
            thread.updated_at = self.now()

    def _new_number(self, project: Project, kind: str) -> int:
        if self._shared_numbers:
            return 1 + len(project.issues) + len(project.pulls)
        return 1 + len(project.issues if kind == "issue" else project.pulls)

    def open_issue(
        self, project: Project, by: str, title: str, body: str, assignees: Sequence[str], labels: Sequence[str]
    ) -> Issue:
        """Add an issue."""
        now = self.now()
        issue = Issue(
            id=self.new_id("issue"), number=self._new_number(project, "issue"), title=title, body=body,
            author=self.user(by).login, assignees=[self.user(a).login for a in assignees], labels=list(labels),
            created_at=now, updated_at=now,
        )  # fmt: skip
        project.issues[issue.number] = issue
        self.touch(project)
        return issue

    def open_pull(
        self, project: Project, by: str, title: str, *, body: str, source: str, target: str, draft: bool,
        reviewers: Sequence[str], teams: Sequence[str], assignees: Sequence[str], labels: Sequence[str],
        changes: Sequence[Change], files: Files | None = None, fork: str | None = None,
    ) -> PullRequest:  # fmt: skip
        """Add a pull request; the source branch is made when there is none. With `files` it changes these."""
        now = self.now()
        if fork is not None:
            source = f"{self.project(fork).owner}:{source}"
        if source not in project.branches or files:
            added = tuple(c.path for c in changes if c.status == "added")
            modified = tuple(c.path for c in changes if c.status != "added")
            spec = CommitSpec(title=title, added=added, modified=modified, files=files or {})
            self.commit(project, by, source, [spec])
        pull = PullRequest(
            id=self.new_id("pull"), number=self._new_number(project, "pull"), title=title, body=body,
            author=self.user(by).login, assignees=[self.user(a).login for a in assignees], labels=list(labels),
            source=source, target=target, head_sha=project.branches[source], base_sha=project.branches[target],
            draft=draft, reviewers=[self.user(r).login for r in reviewers], teams=[self.teams[t].path for t in teams],
            changes=list(changes), created_at=now, updated_at=now, from_files=files is not None, fork=fork,
        )  # fmt: skip
        refresh(project, pull)
        project.pulls[pull.number] = pull
        self.touch(project)
        return pull

    def set_state(self, project: Project, thread: Thread, state: str) -> None:
        """Open, close or merge a thread."""
        thread.state = state
        thread.closed_at = None if state == "open" else self.now()
        self.touch(project, thread)

    def merge(self, project: Project, pull: PullRequest, by: str) -> tuple[str, str]:
        """Merge a pull request with a merge commit. Returns the target branch's SHAs before and after."""
        before = project.branches[pull.target]
        title = f"Merge {pull.source} into {pull.target}"
        spec = CommitSpec(title=title, files=merged_files(project, pull))
        after = self.commit(project, by, pull.target, [spec])[-1]
        pull.merge_sha, pull.merged_by, pull.merged_at = after.sha, self.user(by).login, self.now()
        self.set_state(project, pull, "merged")
        return before, after.sha

    def comment(
        self, project: Project, by: str, on: CommentTarget, target: int | str, body: str, *,
        internal: bool = False, file: str | None = None, line: int | None = None, review_id: int | None = None,
        thread: LineThread | None = None,
    ) -> Comment:  # fmt: skip
        """Add a comment to a thread, a line of a diff, a commit or a snippet that exists.

        One on a line begins a thread there, unless it answers in `thread`.
        """
        if on == "commit":
            known = target in project.commits
        elif on == "snippet":
            known = target in project.snippets
        else:
            known = target in (project.issues if on == "issue" else project.pulls)
        if not known:
            raise KeyError(f"no {on} {target} in {project.path}")
        now = self.now()
        if on == "review" and thread is None:
            thread = self.line_thread(project, int(target), file or "", line or 1)
        comment = Comment(
            id=self.new_id("comment"), author=self.user(by).login, body=body, on=on, target=target, created_at=now,
            updated_at=now, internal=internal, file=file, line=line, review_id=review_id,
            thread=thread.id if thread else None,
        )  # fmt: skip
        project.comments[comment.id] = comment
        on_thread = on in ("issue", "pull_request", "review")
        self.touch(project, self.thread(project, on, int(target)) if on_thread else None)
        return comment

    def line_thread(
        self, project: Project, number: int, file: str, line: int, start_line: int | None = None,
    ) -> LineThread:  # fmt: skip
        """Begin a thread on lines of a pull request."""
        sha = project.pulls[number].head_sha
        thread = LineThread(
            id=self.new_id("line thread"), pull=number, file=file, line=line, start_line=start_line, sha=sha
        )
        project.line_threads[thread.id] = thread
        return thread

    def set_status(
        self, project: Project, by: str, sha: str, *, state: str, context: str, description: str, url: str | None
    ) -> CommitStatus:
        """Say how a commit stands; the newest of a context counts."""
        status = CommitStatus(
            id=self.new_id("status"), sha=sha, state=state, context=context, description=description, url=url,
            author=self.user(by).login, at=self.now(),
        )  # fmt: skip
        project.statuses.append(status)
        return status

    def review(self, project: Project, by: str, pull: PullRequest, state: str, body: str) -> Review:
        """Add a review; whoever reviewed is no longer asked to."""
        review = Review(
            id=self.new_id("review"),
            author=self.user(by).login,
            state=state,
            body=body,
            sha=pull.head_sha,
            at=self.now(),
        )
        pull.reviews.append(review)
        self.touch(project, pull)
        return review

    def commit(
        self, project: Project, by: str, branch: str, specs: Sequence[CommitSpec], *, anew: bool = False
    ) -> list[Commit]:
        """Add commits to a branch; a new one, and one written anew, begins at the default branch."""
        trunk = project.branches.get(project.default_branch)
        head = trunk if anew else project.branches.get(branch, trunk)
        made: list[Commit] = []
        for given in specs:
            spec = with_paths(project, given, head)
            commit = Commit(
                sha=self.new_sha(), title=spec.title, author=self.user(spec.author or by).login, at=self.now(),
                parents=(head,) if head else (), added=spec.added, modified=spec.modified, removed=spec.removed,
            )  # fmt: skip
            project.commits[commit.sha] = commit
            keep_tree(project, commit.sha, head, spec.files)
            made.append(commit)
            head = commit.sha
        project.branches[branch] = head or NO_COMMIT
        self.touch(project)
        return made

    def run(
        self, project: Project, by: str, branch: str, status: str, *,
        failed_jobs: Sequence[str], pull_request: int | None, name: str, child: bool,
    ) -> Run:  # fmt: skip
        """Add a run on a branch's head with one job that stands as the run does, and the failed ones."""
        now, bad = self.now(), status in ("failed", "timed_out")
        jobs = [Job(id=self.new_id("job"), name="build", status="success" if bad and failed_jobs else status)]
        jobs += [Job(id=self.new_id("job"), name=job, status="failed") for job in failed_jobs]
        run = Run(
            id=self.new_id("run"), number=len(project.runs) + 1, name=name, branch=branch, sha=project.branches[branch],
            status=status, starter=self.user(by).login, jobs=jobs, pull_request=pull_request, child=child,
            created_at=now, updated_at=now,
        )  # fmt: skip
        project.runs[run.id] = run
        self.touch(project)
        return run

    def release(self, project: Project, by: str, tag: str, title: str, body: str, prerelease: bool) -> Release:
        """Add a release; its tag is made on the default branch's head when there is none."""
        sha = project.tags.setdefault(tag, project.head)
        release = Release(
            id=self.new_id("release"), tag=tag, title=title, body=body, prerelease=prerelease,
            author=self.user(by).login, sha=sha, at=self.now(),
        )  # fmt: skip
        project.releases[tag] = release
        self.touch(project)
        return release

    def deploy(self, project: Project, by: str, environment: str, status: str) -> Deployment:
        """Add a deployment of the default branch's head."""
        deployment = Deployment(
            id=self.new_id("deployment"), environment=environment, status=status, creator=self.user(by).login,
            sha=project.head, branch=project.default_branch, at=self.now(),
        )  # fmt: skip
        project.deployments[deployment.id] = deployment
        self.touch(project)
        return deployment

    def snippet(self, project: Project, by: str, snippet_id: int) -> None:
        """Add a snippet."""
        project.snippets[snippet_id] = Snippet(
            id=snippet_id, title=f"Snippet {snippet_id}", author=self.user(by).login, created_at=self.now()
        )
