"""What goes in and comes out, for the OpenAPI document. The analyses' documents are those of contract.md."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from xrdkna.edge.store.series import Holding
from xrdkna.edge.store.tables import Alarm, Job, Series, SeriesFile

# Without the signs that no file or folder may have in its name, for a series is also a folder.
NAME_PATTERN = r"^[^/\\\x00-\x1f\x7f.~ ][^/\\\x00-\x1f\x7f]{0,119}$"
Text = Annotated[str, Field(max_length=400, pattern=r"^[^\x00-\x1f\x7f]*$")]
Number = Annotated[float, Field(allow_inf_nan=False)]


class Options(BaseModel):
    """The options of the commands, by the same names; left out: as the files say."""

    model_config = ConfigDict(extra="forbid")
    radiation: Text | None = Field(default=None, description="CuKa, CuKa1, MoKa, … or a wavelength in ångström.", examples=["CuKa"])
    radius: Number | None = Field(default=None, description="Goniometer radius, mm.", examples=[240])
    geometry: Literal["Bragg-Brentano", "Debye-Scherrer"] | None = None
    monochromator: Number | None = Field(default=None, description="2θ of the crystal, degrees; 0 for none.")
    phases: Text | None = Field(
        default=None, description="Phases that may be there; the whole library unless given.", examples=["K,KNa2,Al"]
    )
    halo: list[Text] = Field(default_factory=list, max_length=20, description="Humps that are there, as kapton=18.5:8.")


class SeriesOptions(Options):
    """The options of `track`."""

    marker: Text | None = Field(default=None, description="The reflection to report on.", examples=["KNa2 103"])
    clock_offset: Text | None = Field(default=None, description="Seconds added to the cycler's times, or auto.", examples=["-137"])
    plating_current: Literal["negative", "positive"] | None = None


class NewSeries(BaseModel):
    """A series to begin with."""

    model_config = ConfigDict(extra="forbid")
    name: str = Field(pattern=NAME_PATTERN, description="No folder, no control characters.", examples=["plating cell 8"])
    options: SeriesOptions = Field(default_factory=SeriesOptions)


class ChangedSeries(BaseModel):
    """What is to change of a series; what is left out stays."""

    model_config = ConfigDict(extra="forbid")
    name: str | None = Field(default=None, pattern=NAME_PATTERN)
    options: SeriesOptions | None = None


class SeriesAnswer(BaseModel):
    """A series. revision counts its changes; tracked is the last one that was followed; answered: there is an answer; settled: it is of
    the last revision and nothing waits, as in a series that is still empty. declined: why there is no answer, where there is none."""

    id: str = Field(examples=["3f1c0a8b9d2e4f5a6b7c"])
    name: str
    options: dict[str, Any]
    created: datetime
    changed: datetime
    revision: int
    tracked: int | None
    answered: bool
    settled: bool
    scans: int
    waiting: int
    unreadable: int
    declined: str | None = None


class SeriesList(BaseModel):
    """The project's series, the one that changed last first."""

    series: list[SeriesAnswer]


class FileAnswer(BaseModel):
    """A file of a series. state: waiting, read, unreadable, or harmful (it broke its reader down and is left out)."""

    name: str = Field(examples=["scan_000.xy"])
    kind: Literal["scan", "log", "setup", "echem"]
    state: Literal["waiting", "read", "unreadable", "harmful"]
    size: int
    sha256: str
    received: datetime
    new: bool | None = Field(default=None, description="False: the same content was there already.")
    facts: dict[str, Any]


class FileList(BaseModel):
    """Files of a series."""

    files: list[FileAnswer]


class JobAnswer(BaseModel):
    """A piece of work. done, total: how far it is."""

    id: str
    kind: str
    state: Literal["queued", "running", "done", "failed", "cancelled"]
    done: int
    total: int
    created: datetime
    finished: datetime | None
    problem: str | None = None


class AlarmAnswer(BaseModel):
    """Something to be called for."""

    kind: Literal["contamination", "marker", "unreadable"]
    sentence: str
    moment: datetime


class AlarmList(BaseModel):
    """The alarms of a series, the newest first."""

    alarms: list[AlarmAnswer]


class Health(BaseModel):
    """Is the service well?"""

    status: Literal["ok", "unwell"]
    version: str
    workers: int
    database: bool


def moment(seconds: float) -> datetime:
    """A time of the store."""
    return datetime.fromtimestamp(seconds, UTC)


def series_answer(series: Series, holding: Holding) -> SeriesAnswer:
    """A row as it is told."""
    return SeriesAnswer(
        id=series.id,
        name=series.name,
        options=series.options,
        created=moment(series.created),
        changed=moment(series.changed),
        revision=series.revision,
        tracked=series.tracked,
        answered="track" in series.artifacts,
        settled=(series.tracked or 0) == series.revision and not holding.waiting and not holding.busy,
        scans=holding.scans,
        waiting=holding.waiting,
        unreadable=holding.unreadable,
        declined=(series.declined or {}).get("sentence"),
    )


def file_answer(file: SeriesFile, *, new: bool | None = None) -> FileAnswer:
    """A row as it is told."""
    known = {name: getattr(file, name) for name in ("name", "kind", "state", "size", "sha256")}
    return FileAnswer.model_validate({**known, "received": moment(file.received), "new": new, "facts": file.facts or {}})


def job_answer(job: Job) -> JobAnswer:
    """A row as it is told."""
    known = {name: getattr(job, name) for name in ("id", "kind", "state", "done", "total")}
    moments = {"created": moment(job.created), "finished": None if job.finished is None else moment(job.finished)}
    return JobAnswer.model_validate({**known, **moments, "problem": (job.problem or {}).get("sentence")})


def alarm_answer(alarm: Alarm) -> AlarmAnswer:
    """A row as it is told."""
    return AlarmAnswer.model_validate({"kind": alarm.kind, "sentence": alarm.sentence, "moment": moment(alarm.moment)})
