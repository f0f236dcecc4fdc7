"""What GitHub says of the things it keeps: the JSON objects that its REST API and its webhooks share."""

from src.demo.github.shapes.words import DEPLOYMENT_STATES, stamp
from src.demo.github.shapes.work import WorkShapes

__all__ = ["DEPLOYMENT_STATES", "WorkShapes", "stamp"]
