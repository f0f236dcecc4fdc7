"""Looking at projects that no webhook tells of: what is found goes the way of any delivery."""

from src.webhook.polling.jobs import RECURRING, polling_jobs
from src.webhook.polling.work import Polling

__all__ = ["RECURRING", "Polling", "polling_jobs"]
