"""What was found in a series: the document, its events, one scan, report, table, figure, bundle, and the stream of what changes."""

import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import PurePath
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.responses import JSONResponse
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.concurrency import run_in_threadpool

from xrdkna.edge.http.bundle import bundle_of
from xrdkna.edge.http.context import Asking, Here, OwnSeries, Service, own_series
from xrdkna.edge.http.documents import attachment, kept_document
from xrdkna.edge.http.examples import EVENTS, INDEX, MAP, NOT_CHANGED, TRACK, VIEW, binary, document
from xrdkna.edge.http.job_answers import WAIT_S, finished_job, job_document
from xrdkna.edge.http.problems import Refusal, declared, problem_response
from xrdkna.edge.http.routes_series import told
from xrdkna.edge.http.waiting import wait_until
from xrdkna.edge.page.report_file import report_to_show
from xrdkna.edge.page.view import map_part
from xrdkna.edge.store.jobs import enqueue, job_at_hand
from xrdkna.edge.store.projects import Caller
from xrdkna.edge.store.series import PRIORITY, files_of
from xrdkna.edge.store.tables import Change, Series, SeriesFile

router = APIRouter(prefix="/api/v1/series/{id}", tags=["results"])
_PROBLEMS = declared(400, 401, 404, 422, 429)
_REPORT_POLICY = (
    "sandbox allow-scripts allow-downloads; default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"
)
_FIGURES = {"png": "image/png", "svg": "image/svg+xml", "pdf": "application/pdf"}
_FIGURE = {"description": "The figure.", "content": {kind: {"schema": {"type": "string"}} for kind in _FIGURES.values()}}
Wait = Annotated[float, Query(ge=0, le=60, allow_inf_nan=False, description="Seconds to wait until everything uploaded is in the answer.")]
Angle = Annotated[float, Query(ge=0, le=180, allow_inf_nan=False)]
Place = Annotated[float, Query(allow_inf_nan=False)]


@router.get("/track", responses={200: document(TRACK, "The answer for the series."), **NOT_CHANGED, **_PROBLEMS})
async def show_track(service: Here, caller: Asking, id: str, request: Request, wait: Wait = 0.0) -> Response:
    """Trajectories, events, contamination over time: the document that `xrdkna track --json` writes."""
    series = await _answered(service, caller, id, wait)
    if "track" in series.artifacts:
        headers = {"xrdkna-revision": str(series.tracked), "xrdkna-settled": str(series.tracked == series.revision).lower()}
        return await run_in_threadpool(kept_document, request, service.store, series.artifacts["track"], headers=headers)
    return _no_track(series)


@router.get("/events", responses={200: document(EVENTS, "Events and contamination alone."), **NOT_CHANGED, **_PROBLEMS})
async def show_events(service: Here, caller: Asking, id: str, request: Request, wait: Wait = 0.0) -> Response:
    """What appears, vanishes and changes, and whether air got in."""
    series = await _answered(service, caller, id, wait)
    if "track" not in series.artifacts:
        return _no_track(series)
    return await run_in_threadpool(kept_document, request, service.store, series.artifacts["events"])


@router.get("/view", responses={200: document(VIEW, "What the page draws."), **NOT_CHANGED, **_PROBLEMS})
def show_view(service: Here, caller: Asking, id: str, request: Request) -> Response:
    """Figures as plotly reads them, with sentences and tables: what the page shows, thinned to what a screen can show."""
    return kept_document(request, service.store, _artifact(service, caller, id, "view"))


@router.get("/map", responses={200: document(MAP, "Edges on the axis, 2θ, and intensities."), **_PROBLEMS})
def show_map(service: Here, caller: Asking, id: str, start: Place, end: Place, low: Angle = 0.0, high: Angle = 180.0) -> Response:
    """A part of the 2θ–time map in more detail; start and end on the axis that the view draws."""
    kept = service.store.files.read(_artifact(service, caller, id, "map"))
    return JSONResponse(map_part(kept, start=start, end=end, low=low, high=high))


@router.get("/report", response_class=Response, responses={200: binary("text/html", "One self-contained page."), **_PROBLEMS})
def show_report(service: Here, caller: Asking, id: str) -> Response:
    """The page that `xrdkna track --html` writes."""
    page = report_to_show(service.store.files.read(_artifact(service, caller, id, "report")))
    headers = {"content-security-policy": _REPORT_POLICY, **attachment("report.html")}
    return Response(page, media_type="text/html; charset=utf-8", headers=headers)


@router.get("/table", response_class=Response, responses={200: binary("text/csv", "One row a scan."), **NOT_CHANGED, **_PROBLEMS})
def show_table(service: Here, caller: Asking, id: str, request: Request) -> Response:
    """The table that `xrdkna track --csv` writes."""
    sha256 = _artifact(service, caller, id, "table")
    return kept_document(request, service.store, sha256, media_type="text/csv; charset=utf-8", headers=attachment("track.csv"))


@router.get(
    "/figure.{form}",
    response_class=Response,
    responses={200: _FIGURE, **_PROBLEMS, **declared(503)},
)
async def show_figure(service: Here, caller: Asking, id: str, form: Literal["png", "svg", "pdf"]) -> Response:
    """The figure that `xrdkna track --plot` draws."""
    record = await run_in_threadpool(_artifact, service, caller, id, "record")

    def start() -> str:
        with service.store.database.writing() as session:
            key, request = f"figure:{form}:{record[:40]}", {"record": record, "form": form}
            known = job_at_hand(session, key)
            job = known or enqueue(session, "figure", project_id=caller.project_id, key=key, request=request, priority=PRIORITY["figure"])
            return job.id

    job = await finished_job(service, await run_in_threadpool(start), seconds=WAIT_S)
    if job is not None and job.state != "done":
        return job_document(service, job)
    if job is None:
        raise Refusal(503, "the figure is still being drawn; ask again in a moment.", headers={"retry-after": "5"})
    return Response(service.store.files.read(job.artifacts["figure"]), media_type=_FIGURES[form], headers=attachment(f"track.{form}"))


@router.get("/bundle", response_class=Response, responses={200: binary("application/zip", "The series and its results."), **_PROBLEMS})
def show_bundle(service: Here, caller: Asking, id: str) -> Response:
    """Everything: a series folder that `xrdkna track` reads, with the answer beside it."""
    with service.store.database.reading() as session:
        series = own_series(session, caller, id)
        content = bundle_of(service.store, series, files_of(session, series.id))
    return Response(content, media_type="application/zip", headers=attachment(f"{series.name}.zip"))


@router.get("/scans/{name}", responses={200: document(INDEX, "The scan, indexed."), **_PROBLEMS, **declared(503)})
async def show_scan(service: Here, caller: Asking, id: str, name: str) -> Response:
    """One scan of the series as `xrdkna index` answers it."""
    return await _looked_at(service, caller, id, name, "document")


@router.get("/scans/{name}/view", responses={200: document(VIEW, "What the page draws."), **_PROBLEMS, **declared(503)})
async def show_scan_view(service: Here, caller: Asking, id: str, name: str) -> Response:
    """One scan as the page shows it: fit, difference, tick rows, table of phases."""
    return await _looked_at(service, caller, id, name, "view")


@router.get("/files/{name}", response_class=Response, responses={200: binary("application/octet-stream", "As uploaded."), **_PROBLEMS})
def show_file(service: Here, caller: Asking, id: str, name: str) -> Response:
    """A file as it was uploaded."""
    with service.store.database.reading() as session:
        series = own_series(session, caller, id)
        found = next((file for file in files_of(session, series.id) if file.name == name), None)
    if found is None:
        raise Refusal(404, "the series holds no file of this name; GET its /scans for their names.")
    return Response(service.store.files.read(found.sha256), media_type="application/octet-stream", headers=attachment(found.name))


@router.get("/stream", response_class=EventSourceResponse, responses=_PROBLEMS)
async def stream_changes(
    service: Here, series: OwnSeries, last_event_id: Annotated[int | None, Header(ge=0, le=2**53)] = None
) -> AsyncIterator[ServerSentEvent]:
    """Server-sent events: file, progress, track, alarm, job, series. `Last-Event-ID` brings what was missed."""
    id = series.id
    async with service.stream.listening() as queue:
        yield ServerSentEvent(event="hello", data={"series": id})
        place = last_event_id or 0
        for change in await service.stream.missed(place, id) if last_event_id is not None else []:
            place = change.id
            yield _event(change)
        while True:
            change = await queue.get()
            if change.series_id == id and change.id > place:
                yield _event(change)


def _event(change: Change) -> ServerSentEvent:
    return ServerSentEvent(event=change.kind, data=change.body, id=str(change.id))


async def _answered(service: Service, caller: Caller, id: str, wait: float) -> Series:
    """The series; after everything uploaded is in its answer, or so many seconds."""

    def look(*, any_state: bool = False) -> Series | None:
        with service.store.database.reading() as session:
            series = own_series(session, caller, id)
            return series if any_state or told(session, series)[0].settled else None

    found = await wait_until(look, seconds=wait) if wait > 0 else None
    return found or await run_in_threadpool(lambda: look(any_state=True)) or _gone()


def _gone() -> Series:
    raise Refusal(404, "the series was removed.")


def _no_track(series: Series) -> Response:
    problem: dict[str, Any] | None = series.declined
    if problem is None:
        sentence = "this series has no answer yet; upload scans, and ask again with ?wait=60."
        return problem_response(404, sentence, code="not-yet", headers={"retry-after": "2"})
    if problem["status"] == 200:
        reason = {"code": "declined", "severity": "error", "sentence": problem["sentence"], "remedy": ""}
        return JSONResponse({"schema": "xrdkna.track/1", "verdict": "failed", "notices": [reason]})
    status = problem["status"] if problem["status"] in (400, 422) else 422
    return problem_response(status, problem["sentence"], code=problem["code"])


def _artifact(service: Service, caller: Caller, id: str, name: str) -> str:
    with service.store.database.reading() as session:
        series = own_series(session, caller, id)
    if name not in series.artifacts:
        raise Refusal(404, "this series has no answer yet; upload scans, and ask again.", code="not-yet")
    return str(series.artifacts[name])


def start_look(service: Service, caller: Caller, id: str, name: str) -> str:
    """The job that looks at one scan of a series; where the same was looked at before, that one."""
    with service.store.database.writing() as session:
        series = own_series(session, caller, id)
        key = _look_key(series, files_of(session, series.id), name)
        known = job_at_hand(session, key)
        if known is not None:
            return known.id
        request, priority = {"scan": name}, PRIORITY["look"]
        return enqueue(session, "look", project_id=caller.project_id, series_id=id, key=key, request=request, priority=priority).id


async def _looked_at(service: Service, caller: Caller, id: str, name: str, artifact: str) -> Response:
    job = await finished_job(service, await run_in_threadpool(start_look, service, caller, id, name), seconds=WAIT_S)
    if job is None:
        raise Refusal(503, "the scan is still being looked at; ask again in a moment.", headers={"retry-after": "5"})
    return await run_in_threadpool(job_document, service, job, artifact)


def _look_key(series: Series, files: list[SeriesFile], name: str) -> str:
    """The same for the same question: the scan's content, what the series says of it, and the options."""
    stem = name.partition("#")[0]
    concerned = [file for file in files if file.kind != "scan" or name == file.name or PurePath(file.name).stem == stem]
    if not any(file.kind == "scan" for file in concerned):
        raise Refusal(404, "the series holds no scan of this name; GET its /scans for their names.")
    said = [series.name, series.options, name, sorted((file.name, file.sha256, file.state) for file in concerned)]
    return "look:" + hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
