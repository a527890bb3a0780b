"""Series: made, fed with files, looked at, removed."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, File, Query, Response, UploadFile
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from xrdkna.edge.http.context import Asking, Here, Service, own_series
from xrdkna.edge.http.models import (
    AlarmList,
    ChangedSeries,
    FileList,
    NewSeries,
    SeriesAnswer,
    SeriesList,
    alarm_answer,
    file_answer,
    series_answer,
)
from xrdkna.edge.http.problems import Refusal, declared
from xrdkna.edge.store.projects import Caller
from xrdkna.edge.store.series import (
    Received,
    add_file,
    all_series,
    files_of,
    holdings_of,
    kind_of,
    make_series,
    plain_name,
    remove_series,
    series_changed,
)
from xrdkna.edge.store.tables import Alarm, Series, SeriesFile
from xrdkna.edge.work.options import asked_for
from xrdkna.errors import UsageError

router = APIRouter(prefix="/api/v1/series", tags=["series"])
_CHUNK = 2**20


@router.post("", status_code=201, responses=declared(400, 401, 403, 422, 429))
def create_series(service: Here, caller: Asking, wanted: NewSeries) -> SeriesAnswer:
    """Begin a series. Scans, and what belongs to them, are then uploaded to it."""
    options = wanted.options.model_dump(exclude_defaults=True)
    asked_for(options)
    with service.store.database.writing() as session:
        series = make_series(session, project_id=caller.project_id, name=wanted.name, options=options)
        return told(session, series)[0]


@router.get("", responses=declared(401, 429))
def list_series(service: Here, caller: Asking) -> SeriesList:
    """The project's series, the one that changed last first."""
    with service.store.database.reading() as session:
        return SeriesList(series=told(session, *all_series(session, caller.project_id)))


@router.get("/{id}", responses=declared(401, 404, 422, 429))
def show_series(service: Here, caller: Asking, id: str) -> SeriesAnswer:
    """One series: how much it holds, and whether its answer is up to date."""
    with service.store.database.reading() as session:
        return told(session, own_series(session, caller, id))[0]


@router.patch("/{id}", responses=declared(400, 401, 403, 404, 422, 429))
def change_series(service: Here, caller: Asking, id: str, wanted: ChangedSeries) -> SeriesAnswer:
    """Another name, or other options: the series is followed again."""
    options = None if wanted.options is None else wanted.options.model_dump(exclude_defaults=True)
    if options is not None:
        asked_for(options)
    with service.store.database.writing() as session:
        series = own_series(session, caller, id)
        series.name = wanted.name or series.name
        series.options = series.options if options is None else options
        series_changed(session, series)
        return told(session, series)[0]


@router.delete("/{id}", status_code=204, responses=declared(401, 403, 404, 422, 429))
def delete_series(service: Here, caller: Asking, id: str) -> Response:
    """Remove a series with everything in it."""
    with service.store.database.writing() as session:
        remove_series(session, own_series(session, caller, id))
    return Response(status_code=204)


@router.post("/{id}/scans", status_code=201, responses=declared(400, 401, 403, 404, 409, 413, 422, 429))
def upload_scans(
    service: Here,
    caller: Asking,
    id: str,
    file: Annotated[list[UploadFile], File(description="One file or several; also scans.csv, series.toml and a cycler's record.")],
    start_time: Annotated[str | None, Query(max_length=40, description="ISO 8601, of a scan whose file does not say.")] = None,
    end_time: Annotated[str | None, Query(max_length=40)] = None,
    replace: Annotated[bool, Query(description="Put a scan of a known name and other content in the place of the old one.")] = False,
) -> FileList:
    """Add files to a series. The same content twice is one scan. What each file is, its name tells, as in a series folder."""
    if start_time is not None and len(file) > 1:
        raise UsageError("start_time is of one scan; upload it alone, or upload scans.csv for many.")
    times = {"start_time": _checked_time(start_time, "start_time"), "end_time": _checked_time(end_time, "end_time")}
    return _add_files(service, caller, id, file, kind=None, times=times, replace=replace)


@router.post("/{id}/echem", status_code=201, responses=declared(400, 401, 403, 404, 409, 413, 422, 429))
def upload_echem(
    service: Here, caller: Asking, id: str, file: Annotated[list[UploadFile], File(description="The cycler's record, any format.")]
) -> FileList:
    """Add the cycler's record; several files of one cell are joined by their times."""
    return _add_files(service, caller, id, file, kind="echem", times={}, replace=True)


@router.get("/{id}/scans", responses=declared(401, 404, 422, 429))
def list_scans(service: Here, caller: Asking, id: str) -> FileList:
    """Every file of the series and what reading it said."""
    with service.store.database.reading() as session:
        return FileList(files=[file_answer(file) for file in files_of(session, own_series(session, caller, id).id)])


@router.get("/{id}/alarms", responses=declared(401, 404, 422, 429))
def list_alarms(service: Here, caller: Asking, id: str) -> AlarmList:
    """What calls for attention: air in the cell, the marker's coming and going, scans that cannot be read."""
    with service.store.database.reading() as session:
        found = select(Alarm).where(Alarm.series_id == own_series(session, caller, id).id).order_by(Alarm.moment.desc()).limit(200)
        return AlarmList(alarms=[alarm_answer(alarm) for alarm in session.scalars(found)])


def told(session: Session, *series: Series) -> list[SeriesAnswer]:
    """Series as they are told, with what they hold counted."""
    holdings = holdings_of(session, [one.id for one in series])
    return [series_answer(one, holdings[one.id]) for one in series]


def _add_files(
    service: Service, caller: Caller, id: str, files: list[UploadFile], *, kind: str | None, times: dict[str, str | None], replace: bool
) -> FileList:
    with service.store.database.reading() as session:
        own_series(session, caller, id)  # before a large file is written for nothing
        _check_quota(session, caller, service)
    received = [_kept(service, file, kind, times) for file in files]
    with service.store.database.writing() as session:
        series = own_series(session, caller, id)
        added = [add_file(session, series, one, replace=replace) for one in received]
        return FileList(files=[file_answer(file, new=new) for file, new in added])


def _kept(service: Service, file: UploadFile, kind: str | None, times: dict[str, str | None]) -> Received:
    name = plain_name(file.filename or "")
    sha256, size = service.store.files.add(iter(lambda: file.file.read(_CHUNK), b""))
    return Received(name=name, kind=kind or kind_of(name), sha256=sha256, size=size, **times)


def _checked_time(text: str | None, name: str) -> str | None:
    try:
        return None if text is None else datetime.fromisoformat(text).isoformat()
    except ValueError as error:
        raise UsageError(f"{name}={text} is no time; write ISO 8601, as 2025-07-02T19:05:59.") from error


def _check_quota(session: Session, caller: Caller, service: Service) -> None:
    held = session.scalar(select(func.sum(SeriesFile.size)).join(Series).where(Series.project_id == caller.project_id)) or 0
    if held > service.settings.project_quota:
        raise Refusal(413, "this project holds as much as it may; remove a series that is done with.")
