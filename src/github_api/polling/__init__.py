"""Looking at a repository instead of being told: what GitHub's lists say becomes what its webhooks would have said."""

from src.github_api.polling.fetching import notified, poll

__all__ = ["notified", "poll"]
