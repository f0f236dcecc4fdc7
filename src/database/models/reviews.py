"""Reviews of pull requests: asked for, under way, over."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from src.database.models.base import Base, BigId


class Review(Base):
    """One asking for a review. Those that wait for the same pull request are done in one run and end alike."""

    __tablename__ = "reviews"
    __table_args__ = (Index("ix_reviews_project_id_number_state", "project_id", "number", "state"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))
    number: Mapped[int] = mapped_column(BigInteger)
    state: Mapped[str] = mapped_column(String(16))  # waiting, running, done, failed, skipped, overtaken
    trigger: Mapped[str] = mapped_column(String(16))  # webhook, poll, chat, api
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))  # who asked on Telegram
    chat_id: Mapped[int | None] = mapped_column(ForeignKey("chats.id", ondelete="SET NULL"))  # and where
    topic_id: Mapped[int] = mapped_column(default=0)
    head_sha: Mapped[str | None] = mapped_column(String(64))  # what was, or is being, reviewed
    title: Mapped[str | None]  # of the pull request
    url: Mapped[str | None]  # of what was said; else of the pull request
    stage: Mapped[str | None] = mapped_column(String(16))  # reading, analysing, posting
    done: Mapped[int] = mapped_column(default=0)  # files, of
    total: Mapped[int] = mapped_column(default=0)
    counts: Mapped[dict[str, Any]]  # findings by level
    worst: Mapped[list[dict[str, Any]]]  # as `events.ReviewedLine`
    posted: Mapped[int] = mapped_column(default=0)  # threads begun by this run
    resolved: Mapped[int] = mapped_column(default=0)
    unread: Mapped[int] = mapped_column(default=0)  # files that were not analysed, or not wholly
    error: Mapped[str | None] = mapped_column(String(32))  # why it failed or was skipped: `agent.review.Reason`
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class Speaker(Base):
    """An account that said what a review found. It outlives the review, for its comments stand as long as they like."""

    __tablename__ = "review_speakers"

    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True)
    account: Mapped[str] = mapped_column(String(64), primary_key=True)  # the forge's id of it
