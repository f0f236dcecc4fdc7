"""GitHub's webhooks: who sent a delivery, which one it is and what it means. No I/O."""

from src.github_api.webhooks.codec import GitHubCodec

__all__ = ["GitHubCodec"]
