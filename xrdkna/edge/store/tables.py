"""The tables. Moments are seconds since 1970, UTC; identifiers are random; documents lie on disk under the SHA-256 of their content."""

from typing import Any, ClassVar

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, Integer, String, UniqueConstraint, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

Json = dict[str, Any]
# SQLite counts rows only in a plain INTEGER.
_COUNTER = BigInteger().with_variant(Integer(), "sqlite")


class Base(DeclarativeBase):
    """All tables of the store."""

    type_annotation_map: ClassVar = {Json: JSON(none_as_null=True)}


class Identity(Base):
    """Which store this is: the same word lies in the folder of its files, so that no folder meets another's database."""

    __tablename__ = "identity"
    id: Mapped[str] = mapped_column(String(24), primary_key=True)


class Project(Base):
    """Whose series these are. Nothing of one project is shown to another."""

    __tablename__ = "project"
    id: Mapped[str] = mapped_column(String(24), primary_key=True)
    name: Mapped[str] = mapped_column(String(80), unique=True)
    created: Mapped[float]


class Token(Base):
    """A key to a project. hash: SHA-256 of the token, which itself is shown once and kept nowhere."""

    __tablename__ = "token"
    id: Mapped[str] = mapped_column(String(24), primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(80))
    hash: Mapped[str] = mapped_column(String(64), unique=True)
    created: Mapped[float]
    revoked: Mapped[float | None]


class WebSession(Base):
    """A browser that has shown a token. hash: SHA-256 of the cookie."""

    __tablename__ = "web_session"
    hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    token_id: Mapped[str] = mapped_column(ForeignKey("token.id", ondelete="CASCADE"), index=True)
    expires: Mapped[float]


class Series(Base):
    """A series that grows. revision: counts its changes; tracked: the revision that the result at hand is of; options: as the
    command line's, by name; artifacts: the result's documents, by name."""

    __tablename__ = "series"
    id: Mapped[str] = mapped_column(String(24), primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(120))
    options: Mapped[Json]
    created: Mapped[float]
    changed: Mapped[float]
    revision: Mapped[int] = mapped_column(default=0)
    tracked: Mapped[int | None]
    artifacts: Mapped[Json] = mapped_column(default=dict)
    declined: Mapped[Json | None]
    __table_args__ = (Index("series_of_project", "project_id", "changed"),)


class SeriesFile(Base):
    """One file of a series. kind: scan, log (scans.csv), setup (series.toml) or echem. state: waiting, read or unreadable; facts: what
    reading it said."""

    __tablename__ = "series_file"
    id: Mapped[str] = mapped_column(String(24), primary_key=True)
    series_id: Mapped[str] = mapped_column(ForeignKey("series.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(String(8))
    name: Mapped[str] = mapped_column(String(160))
    sha256: Mapped[str] = mapped_column(String(64))
    size: Mapped[int] = mapped_column(BigInteger)
    received: Mapped[float]
    state: Mapped[str] = mapped_column(String(12), default="waiting")
    facts: Mapped[Json | None]
    __table_args__ = (UniqueConstraint("series_id", "name"), UniqueConstraint("series_id", "kind", "sha256"))


class Job(Base):
    """Work to be done by one worker. owner and lease_until: who has it and until when it is believed to be alive.

    crashes: times it took its worker down; interruptions: times its worker was ended from outside. artifacts: what it made, by name.
    """

    __tablename__ = "job"
    id: Mapped[str] = mapped_column(String(24), primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"), index=True)
    series_id: Mapped[str | None] = mapped_column(ForeignKey("series.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(String(12))
    key: Mapped[str] = mapped_column(String(80), index=True)
    request: Mapped[Json]
    state: Mapped[str] = mapped_column(String(10), default="queued")
    priority: Mapped[int] = mapped_column(default=0)
    created: Mapped[float]
    started: Mapped[float | None]
    finished: Mapped[float | None]
    owner: Mapped[str | None] = mapped_column(String(60))
    lease_until: Mapped[float | None]
    crashes: Mapped[int] = mapped_column(default=0)
    interruptions: Mapped[int] = mapped_column(default=0)
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    artifacts: Mapped[Json] = mapped_column(default=dict)
    problem: Mapped[Json | None]
    # Of the same work one piece may wait and one may run.
    __table_args__ = (
        Index("job_queue", "state", "priority", "created"),
        Index("job_waits_once", "key", unique=True, sqlite_where=text("state = 'queued'"), postgresql_where=text("state = 'queued'")),
        Index("job_runs_once", "key", unique=True, sqlite_where=text("state = 'running'"), postgresql_where=text("state = 'running'")),
    )


class Change(Base):
    """Something that an open page wants to hear of; the id is the place in the stream."""

    __tablename__ = "change"
    id: Mapped[int] = mapped_column(_COUNTER, primary_key=True, autoincrement=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("project.id", ondelete="CASCADE"))
    series_id: Mapped[str | None] = mapped_column(String(24), index=True)
    kind: Mapped[str] = mapped_column(String(16))
    body: Mapped[Json]
    moment: Mapped[float]


class Alarm(Base):
    """What somebody wants to be called for, once: key tells one such thing from another. sent: when the webhook took it."""

    __tablename__ = "alarm"
    id: Mapped[str] = mapped_column(String(24), primary_key=True)
    series_id: Mapped[str] = mapped_column(ForeignKey("series.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(24))
    key: Mapped[str] = mapped_column(String(200))
    sentence: Mapped[str] = mapped_column(String(1000))
    moment: Mapped[float]
    sent: Mapped[float | None]
    tries: Mapped[int] = mapped_column(default=0)
    __table_args__ = (UniqueConstraint("series_id", "kind", "key"),)
