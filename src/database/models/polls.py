"""Projects that are looked at because no webhook tells of them."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from src.database.models.base import Base


class Poll(Base):
    """How a project that is polled stands. What is found goes the way of deliveries, by a hook row of its own."""

    __tablename__ = "polls"

    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True)
    hook_id: Mapped[int] = mapped_column(ForeignKey("hooks.id", ondelete="CASCADE"), index=True)  # of origin poll
    state: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))  # the forge client's; none: not yet
    version: Mapped[int] = mapped_column(default=0)  # grows with each look: of two at once one is refused
    seconds: Mapped[int]  # from look to look at present
    looked_at: Mapped[datetime | None]  # when the forge last answered
    found_at: Mapped[datetime | None]  # when a look last found something
    error: Mapped[str | None]  # why the last look failed
    created_at: Mapped[datetime]
    stopped_at: Mapped[datetime | None]  # since when a webhook makes it needless
