"""GitLab's webhooks: who sent a delivery, which one it is and what it means. No I/O."""

from src.gitlab_api.webhooks.codec import GitLabCodec

__all__ = ["GitLabCodec"]
