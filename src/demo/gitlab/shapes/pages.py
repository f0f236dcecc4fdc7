"""The addresses of GitLab's pages."""

from src.demo.forge.state import Comment, Project, PullRequest, Thread
from src.demo.forge.world import World


class Pages:
    """Where the website has things. `web` is its base address."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.api = ""
        self.web = ""

    def home(self, project: Project) -> str:
        """The page of a project."""
        return f"{self.web}/{project.path}"

    def page(self, project: Project, rest: str) -> str:
        """A page below a project."""
        return f"{self.home(project)}/-/{rest}"

    def thread_page(self, project: Project, thread: Thread) -> str:
        """The page of an issue or a merge request."""
        kind = "merge_requests" if isinstance(thread, PullRequest) else "issues"
        return self.page(project, f"{kind}/{thread.number}")

    def comment_page(self, project: Project, comment: Comment) -> str:
        """The page of a comment."""
        kinds = {"issue": "issues", "commit": "commit", "snippet": "snippets"}
        return self.page(project, f"{kinds.get(comment.on, 'merge_requests')}/{comment.target}#note_{comment.id}")

    def avatar(self, login: str) -> str:
        """Where the picture of an account would be."""
        return f"{self.web}/uploads/-/system/user/avatar/{self.world.user(login).id}/avatar.png"
