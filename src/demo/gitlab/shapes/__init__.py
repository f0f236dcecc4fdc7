"""What GitLab says of the things it keeps: in its REST API and, differently, in its webhooks."""

from src.demo.gitlab.shapes.hooks import PayloadShapes
from src.demo.gitlab.shapes.words import ACCESS_LEVELS, DEPLOYMENT_STATUSES, PIPELINE_STATUSES, iso, spoken

__all__ = ["ACCESS_LEVELS", "DEPLOYMENT_STATUSES", "PIPELINE_STATUSES", "PayloadShapes", "iso", "spoken"]
