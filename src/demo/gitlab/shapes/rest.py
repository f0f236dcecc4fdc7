"""What GitLab's REST API says of the things it keeps."""

from typing import Any

from src.demo.forge.history import tree_at
from src.demo.forge.records import Change
from src.demo.forge.state import Comment, Commit, Issue, Job, Project, PullRequest, Run, Team, Thread, User
from src.demo.gitlab.shapes.pages import Pages
from src.demo.gitlab.shapes.words import ACCESS_LEVELS, NOTEABLES, OWNER, iso, state

Json = dict[str, Any]
MOST_FILES = 1000  # of a merge request
GENERATED = ("package-lock.json", "go.sum", "Cargo.lock", "yarn.lock")  # some of what GitLab takes for generated


class PeopleShapes(Pages):
    """Accounts, groups and projects."""

    def person(self, login: str) -> Json:
        """The short form of an account."""
        user = self.world.user(login)
        return {
            "id": user.id, "username": login, "public_email": "", "name": user.name, "state": "active", "locked": False,
            "avatar_url": self.avatar(login), "web_url": f"{self.web}/{login}",
        }  # fmt: skip

    def account(self, user: User) -> Json:
        """The account of the token's owner."""
        return self.profile(user) | {
            "email": user.email, "commit_email": user.email, "two_factor_enabled": True, "external": False,
            "confirmed_at": iso(user.created_at), "can_create_group": True, "can_create_project": True,
            "projects_limit": 100_000, "identities": [], "color_scheme_id": 1, "theme_id": 1, "private_profile": False,
        }  # fmt: skip

    def profile(self, user: User) -> Json:
        """What everyone may know of an account."""
        return self.person(user.login) | {
            "created_at": iso(user.created_at), "bio": "", "location": "", "website_url": "", "organization": "",
            "job_title": "", "bot": user.is_bot, "work_information": None, "followers": 0, "following": 0,
        }  # fmt: skip

    def member(self, login: str, level: int, since: str | None) -> Json:
        """A member of a group or project."""
        return self.person(login) | {
            "access_level": level, "created_at": since, "expires_at": None, "membership_state": "active",
        }  # fmt: skip

    def group(self, team: Team) -> Json:
        """A group."""
        name = team.path.rpartition("/")[2]
        return {
            "id": team.id, "web_url": f"{self.web}/groups/{team.path}", "name": name.capitalize(), "path": name,
            "description": "", "visibility": "public", "full_name": team.path.replace("/", " / "),
            "full_path": team.path, "avatar_url": None, "parent_id": None,
        }  # fmt: skip

    def level(self, login: str | None, project: Project) -> int:
        """The access level of a person in a project, 0 for none."""
        if login is not None and login == project.owner:
            return OWNER
        return ACCESS_LEVELS.get(project.members.get(login or "", ""), 0)

    def project_basics(self, project: Project) -> Json:
        """A project as a list with ``simple=true`` shows it."""
        home = self.home(project)
        owner = self.world.user(project.owner.split("/")[0])
        namespace = {
            "id": owner.id, "name": project.owner, "path": project.owner.rpartition("/")[2],
            "kind": "group" if owner.is_organization else "user", "full_path": project.owner, "parent_id": None,
            "avatar_url": None, "web_url": f"{self.web}/{project.owner}",
        }  # fmt: skip
        return {
            "id": project.id, "description": "", "name": project.name,
            "name_with_namespace": project.path.replace("/", " / "), "path": project.name,
            "path_with_namespace": project.path, "created_at": iso(project.created_at),
            "default_branch": project.default_branch, "tag_list": [], "topics": [],
            "ssh_url_to_repo": f"git@127.0.0.1:{project.path}.git", "http_url_to_repo": f"{home}.git", "web_url": home,
            "readme_url": f"{home}/-/blob/main/README.md", "forks_count": 0, "avatar_url": None, "star_count": 0,
            "last_activity_at": iso(project.updated_at), "namespace": namespace,
        }  # fmt: skip

    def project(self, project: Project, viewer: str | None) -> Json:
        """A project; with a viewer also what they may do with it."""
        url = f"{self.api}/projects/{project.id}"
        links = {"self": url} | {w: f"{url}/{w}" for w in ("issues", "merge_requests", "labels", "events", "members")}
        shape = self.project_basics(project) | {
            "_links": links, "empty_repo": False, "archived": project.archived, "creator_id": 1,
            "visibility": "private" if project.private else "public", "issues_enabled": True,
            "merge_requests_enabled": True, "wiki_enabled": True, "jobs_enabled": True, "snippets_enabled": True,
            "open_issues_count": sum(1 for issue in project.issues.values() if issue.state == "open"),
            "updated_at": iso(project.updated_at), "approvals_before_merge": project.approvals_required,
        }  # fmt: skip
        if viewer is not None:
            level = self.level(viewer, project)
            access = {"access_level": level, "notification_level": 3} if level else None
            shape["permissions"] = {"project_access": access, "group_access": None}
        return shape


class RestShapes(PeopleShapes):
    """Issues, merge requests, notes, commits, pipelines."""

    def _thread(self, project: Project, thread: Thread) -> Json:
        people = [self.person(login) for login in thread.assignees]
        on, mark = ("pull_request", "!") if isinstance(thread, PullRequest) else ("issue", "#")
        short = f"{mark}{thread.number}"
        notes = sum(1 for c in project.comments.values() if c.on == on and c.target == thread.number)
        return {
            "id": thread.id, "iid": thread.number, "project_id": project.id, "title": thread.title,
            "description": thread.body, "state": state(thread), "created_at": iso(thread.created_at),
            "updated_at": iso(thread.updated_at), "closed_at": iso(thread.closed_at), "closed_by": None,
            "labels": list(thread.labels), "milestone": None, "assignees": people,
            "assignee": people[0] if people else None, "author": self.person(thread.author),
            "user_notes_count": notes, "upvotes": 0, "downvotes": 0, "discussion_locked": None,
            "web_url": self.thread_page(project, thread), "reference": short,
            "references": {"short": short, "relative": short, "full": f"{project.path}{short}"},
            "time_stats": {"time_estimate": 0, "total_time_spent": 0, "human_time_estimate": None,
                           "human_total_time_spent": None},
            "task_completion_status": {"count": 0, "completed_count": 0},
        }  # fmt: skip

    def issue(self, project: Project, issue: Issue) -> Json:
        """An issue."""
        url = f"{self.api}/projects/{project.id}/issues/{issue.number}"
        return self._thread(project, issue) | {
            "type": "ISSUE", "issue_type": "issue", "confidential": issue.confidential, "due_date": None,
            "weight": None,
            "merge_requests_count": 0, "has_tasks": False, "severity": "UNKNOWN", "moved_to_id": None,
            "_links": {"self": url, "notes": f"{url}/notes", "project": f"{self.api}/projects/{project.id}"},
        }  # fmt: skip

    def merge_request(self, project: Project, pull: PullRequest) -> Json:
        """A merge request."""
        merger = self.person(pull.merged_by) if pull.merged_by else None
        return self._thread(project, pull) | {
            "target_branch": pull.target, "target_project_id": project.id, **self.source(project, pull),
            "reviewers": [self.person(login) for login in pull.reviewers],
            "draft": pull.draft, "work_in_progress": pull.draft, "merge_when_pipeline_succeeds": False,
            "merge_status": "can_be_merged", "detailed_merge_status": "draft_status" if pull.draft else "mergeable",
            "sha": pull.head_sha, "merge_commit_sha": pull.merge_sha, "squash_commit_sha": None,
            "merged_at": iso(pull.merged_at), "merged_by": merger, "merge_user": merger, "has_conflicts": False,
            "prepared_at": iso(pull.created_at), "squash": False, "changes_count": counted(len(pull.changes)),
            "blocking_discussions_resolved": True, "head_pipeline": None, "subscribed": False,
            "diff_refs": diff_refs(pull),
        }  # fmt: skip

    def source(self, project: Project, pull: PullRequest) -> Json:
        """Where a merge request comes from."""
        if pull.fork is None:
            return {"source_branch": pull.source, "source_project_id": project.id}
        return {"source_branch": pull.source.partition(":")[2], "source_project_id": self.world.project(pull.fork).id}

    def diff(self, project: Project, pull: PullRequest, change: Change) -> Json:
        """One file of a merge request; a diff that GitLab does not give is an empty text."""
        old_path, blob = change.old_path or change.path, tree_at(project, pull.head_sha).get(change.path)
        mode, text = blob.mode if blob and pull.from_files else "100644", change.patch or ""
        if change.is_binary:
            text = f"Binary files a/{old_path} and b/{change.path} differ\n"
        return {
            "old_path": old_path, "new_path": change.path, "a_mode": "0" if change.status == "added" else mode,
            "b_mode": "0" if change.status == "removed" else mode, "diff": text,
            "new_file": change.status == "added", "renamed_file": change.status == "renamed",
            "deleted_file": change.status == "removed",
            "generated_file": change.path.rpartition("/")[2] in GENERATED, "collapsed": False, "too_large": False,
        }  # fmt: skip

    def note(self, project: Project, comment: Comment) -> Json:
        """A note."""
        number = int(comment.target)  # notes on commits and snippets have other paths, which are not emulated
        thread = project.issues[number] if comment.on == "issue" else project.pulls[number]
        return self._place(project, comment) | {
            "id": comment.id, "type": "DiffNote" if comment.on == "review" else None, "body": comment.body,
            "author": self.person(comment.author), "created_at": iso(comment.created_at),
            "updated_at": iso(comment.updated_at), "system": False, "noteable_type": NOTEABLES[comment.on],
            "noteable_id": thread.id, "noteable_iid": number,
            "project_id": project.id, "resolvable": comment.on == "review", "confidential": comment.internal,
            "internal": comment.internal, "imported": False, "commands_changes": {},
        }  # fmt: skip

    def _place(self, project: Project, comment: Comment) -> Json:
        """Where a note on a diff stands, and whether its thread is settled."""
        if comment.on != "review":
            return {}
        thread = project.line_threads[comment.thread or 0]
        pull = project.pulls[thread.pull]
        person = self.person(thread.resolved_by) if thread.resolved_by else None
        position = diff_refs(pull) | {
            "old_path": thread.file, "new_path": thread.file, "position_type": "text", "old_line": None,
            "new_line": thread.line, "line_range": None,
        }  # fmt: skip
        return {
            "position": thread.position or position, "resolved": person is not None, "resolved_by": person,
            "resolved_at": iso(pull.updated_at) if person else None, "commit_id": None,
        }  # fmt: skip

    def commit(self, project: Project, commit: Commit) -> Json:
        """A commit; GitLab knows its people by name and e-mail only."""
        user = self.world.user(commit.author)
        at = iso(commit.at)
        return {
            "id": commit.sha, "short_id": commit.sha[:8], "created_at": at, "parent_ids": list(commit.parents),
            "title": commit.title, "message": commit.title, "author_name": user.name, "author_email": user.email,
            "authored_date": at, "committer_name": user.name, "committer_email": user.email, "committed_date": at,
            "trailers": {}, "extended_trailers": {}, "web_url": self.page(project, f"commit/{commit.sha}"),
            "stats": {"additions": 1, "deletions": 0, "total": 1}, "status": None, "project_id": project.id,
            "last_pipeline": None,
        }  # fmt: skip

    def pipeline(self, project: Project, run: Run) -> Json:
        """A pipeline."""
        ended = None if run.status == "running" else iso(run.updated_at)
        return {
            "id": run.id, "iid": run.number, "project_id": project.id, "sha": run.sha, "ref": run.branch,
            "status": run.status, "source": pipeline_source(run), "created_at": iso(run.created_at),
            "updated_at": iso(run.updated_at), "web_url": self.page(project, f"pipelines/{run.id}"), "name": run.name,
            "before_sha": "0" * 40, "tag": False, "yaml_errors": None, "user": self.person(run.starter),
            "started_at": iso(run.created_at), "finished_at": ended, "committed_at": None, "duration": 60,
            "queued_duration": 1, "coverage": None, "archived": False,
        }  # fmt: skip

    def job(self, project: Project, run: Run, job: Job) -> Json:
        """A job of a pipeline."""
        return {
            "id": job.id, "status": job.status, "stage": "test", "name": job.name, "ref": run.branch, "tag": False,
            "coverage": None, "allow_failure": False, "created_at": iso(run.created_at),
            "started_at": iso(run.created_at), "finished_at": iso(run.updated_at), "erased_at": None, "duration": 30.0,
            "queued_duration": 1.0, "user": self.person(run.starter), "archived": False,
            "commit": self.commit(project, project.commits[run.sha]), "web_url": self.page(project, f"jobs/{job.id}"),
            "pipeline": {"id": run.id, "project_id": project.id, "ref": run.branch, "sha": run.sha,
            "status": run.status},
            "failure_reason": "script_failure" if job.status == "failed" else None, "artifacts": [], "runner": None,
        }  # fmt: skip


def diff_refs(pull: PullRequest) -> Json:
    """The commits that the newest version of a merge request's diff is made of."""
    base, start = pull.base_sha, pull.base_sha
    if pull.versions:
        base, start = pull.versions[-1].base_sha, pull.versions[-1].start_sha
    return {"base_sha": base, "head_sha": pull.head_sha, "start_sha": start}


def counted(files: int) -> str:
    """GitLab counts a thousand changed files."""
    return str(files) if files <= MOST_FILES else f"{MOST_FILES}+"


def pipeline_source(run: Run) -> str:
    """What set a pipeline off."""
    if run.child:
        return "parent_pipeline"
    return "merge_request_event" if run.pull_request else "push"
