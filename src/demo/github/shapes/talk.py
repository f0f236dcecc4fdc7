"""Comments and reviews as GitHub shows them."""

from typing import Any

from src.demo.forge.state import Comment, Project, PullRequest, Review
from src.demo.github.shapes.threads import ThreadShapes
from src.demo.github.shapes.words import node_id, reactions, stamp

Json = dict[str, Any]


class TalkShapes(ThreadShapes):
    """Comments and reviews."""

    def comment(self, project: Project, comment: Comment) -> Json:
        """A comment of any kind, each with the keys of its own."""
        base = self.repo_url(project)
        paths = {"issue": "issues/comments", "pull_request": "issues/comments", "review": "pulls/comments",
                 "commit": "comments"}  # fmt: skip
        url = f"{base}/{paths[comment.on]}/{comment.id}"
        shape = {
            "url": url, "html_url": self.comment_page(project, comment), "id": comment.id,
            "node_id": node_id("IssueComment", comment.id), "user": self.user(comment.author),
            "created_at": stamp(comment.created_at), "updated_at": stamp(comment.updated_at),
            "author_association": self.association(project, comment.author), "body": comment.body,
            "reactions": reactions(url),
        }  # fmt: skip
        if comment.on == "commit":
            return shape | {
                "commit_id": comment.target, "path": comment.file, "line": comment.line, "position": comment.line,
            }  # fmt: skip
        if comment.on == "review":
            return shape | self._line_keys(project, comment)
        return shape | {"issue_url": f"{base}/issues/{comment.target}", "performed_via_github_app": None}

    def _line_keys(self, project: Project, comment: Comment) -> Json:
        pull = project.pulls[int(comment.target)]
        pull_url = f"{self.repo_url(project)}/pulls/{pull.number}"
        page = self.comment_page(project, comment)
        thread = project.line_threads[comment.thread or 0]
        is_outdated = pull.from_files and thread.sha != pull.head_sha
        line, start = (None, None) if is_outdated else (thread.line, thread.start_line)
        first = project.comments_in(thread)[0]
        answer = {"in_reply_to_id": first.id} if first is not comment else {}
        return answer | {
            "pull_request_review_id": comment.review_id, "path": comment.file,
            "diff_hunk": thread.position.get("hunk", "@@ -1 +1 @@"), "position": line,
            "original_position": thread.line, "line": line, "original_line": thread.line, "start_line": start,
            "original_start_line": thread.start_line, "start_side": "RIGHT" if thread.start_line else None,
            "side": "RIGHT", "commit_id": pull.head_sha, "original_commit_id": thread.sha, "subject_type": "line",
            "pull_request_url": pull_url,
            "_links": {"self": {"href": page}, "html": {"href": page}, "pull_request": {"href": pull_url}},
        }  # fmt: skip

    def comment_page(self, project: Project, comment: Comment) -> str:
        """Where the website shows a comment."""
        page = self.repo_page(project)
        if comment.on == "commit":
            return f"{page}/commit/{comment.target}#commitcomment-{comment.id}"
        if comment.on == "review":
            return f"{page}/pull/{comment.target}#discussion_r{comment.id}"
        word = "issues" if comment.on == "issue" else "pull"
        return f"{page}/{word}/{comment.target}#issuecomment-{comment.id}"

    def review(self, project: Project, pull: PullRequest, review: Review, *, rest: bool = False) -> Json:
        """A review; the REST API writes its state in capitals, the webhooks in small letters."""
        page = f"{self.repo_page(project)}/pull/{pull.number}#pullrequestreview-{review.id}"
        pull_url = f"{self.repo_url(project)}/pulls/{pull.number}"
        return {
            "id": review.id, "node_id": node_id("PullRequestReview", review.id), "user": self.user(review.author),
            "body": review.body if rest else review.body or None, "commit_id": review.sha,
            "submitted_at": stamp(review.at), "updated_at": stamp(review.at),
            "state": review.state.upper() if rest else review.state, "html_url": page, "pull_request_url": pull_url,
            "author_association": self.association(project, review.author),
            "_links": {"html": {"href": page}, "pull_request": {"href": pull_url}},
        }  # fmt: skip
