"""Looking at a project instead of being told: what GitLab's lists say becomes what its webhooks would have said."""

from src.gitlab_api.polling.fetching import poll

__all__ = ["poll"]
