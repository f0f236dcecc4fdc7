"""Threads on the lines of a pull request: GraphQL, for REST knows neither threads nor whether they are resolved."""

from src.forge import NotFound, ProjectRef, ReviewThread
from src.forge_http import read
from src.github_api.api import GitHubApi
from src.github_api.graphql import GraphQL
from src.github_api.graphql_resources import ThreadPage
from src.github_api.projects import at_path

_PAGES = 30  # of a hundred threads
_THREADS = """
query($owner: String!, $repo: String!, $number: Int!, $after: String) {
  repository(owner: $owner, name: $repo) {
    pullRequest(number: $number) {
      reviewThreads(first: 100, after: $after) {
        pageInfo { hasNextPage endCursor }
        nodes {
          id path isResolved viewerCanResolve
          resolvedBy { __typename login databaseId name url }
          comments(first: 50) {
            nodes {
              id body url createdAt
              author { __typename login url ... on User { databaseId name } ... on Bot { databaseId } }
            }
          }
        }
      }
    }
  }
}
"""
_RESOLVE = "mutation($id: ID!) { resolveReviewThread(input: {threadId: $id}) { thread { id isResolved } } }"


async def threads(api: GitHubApi, graph: GraphQL, project: ProjectRef, number: int) -> tuple[ReviewThread, ...]:
    """``PullRequest.reviewThreads``, all pages."""

    async def found(where: dict[str, str]) -> tuple[ReviewThread, ...]:
        known: list[ReviewThread] = []
        after: str | None = None
        for _ in range(_PAGES):
            data = await graph.query(_THREADS, {**where, "number": number, "after": after})
            pull = (data.get("repository") or {}).get("pullRequest")
            if not pull:
                raise NotFound(f"GitHub has no pull request {number}, or does not show it to this token.")
            page = read(ThreadPage, pull["reviewThreads"])
            known += [node.thread() for node in page.nodes if node]
            if not page.page.has_next:
                break
            after = page.page.end
        return tuple(known)

    return await at_path(api, project, found)


async def resolve(graph: GraphQL, thread_id: str) -> None:
    """``resolveReviewThread``."""
    await graph.mutate(_RESOLVE, {"id": thread_id})
