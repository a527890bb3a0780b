"""One scan at a time: peaks, index, refine; the reference phases; and jobs."""

import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any, Literal

from fastapi import APIRouter, File, Query, Response, UploadFile
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from xrdkna.edge.commands.phases import phases_shown
from xrdkna.edge.http.context import Asking, Here, Service
from xrdkna.edge.http.examples import INDEX, PEAKS, PHASES, REFINE, document
from xrdkna.edge.http.job_answers import WAIT_S, finished_job, job_document
from xrdkna.edge.http.models import JobAnswer, Number, Options, Text, job_answer
from xrdkna.edge.http.problems import Refusal, declared
from xrdkna.edge.options import Beam, PhaseChoice
from xrdkna.edge.store.jobs import cancel_job, enqueue, job_at_hand
from xrdkna.edge.store.projects import Caller
from xrdkna.edge.store.series import PRIORITY, plain_name
from xrdkna.edge.store.tables import Job
from xrdkna.edge.work.options import asked_for

router = APIRouter(prefix="/api/v1", tags=["one scan"])
_CHUNK = 2**20
_PROBLEMS = declared(400, 401, 403, 413, 422, 429, 503)
_LATER: dict[int | str, dict[str, Any]] = {
    202: {"description": "Still at work: the job, whose result is at its /result.", "model": JobAnswer}
}
Scan = Annotated[UploadFile, File(description="One scan, any format that the command line reads.")]
Command = Literal["peaks", "index", "refine"]


@router.post("/peaks", responses={200: document(PEAKS, "The reflections found."), **_LATER, **_PROBLEMS})
async def peaks(service: Here, caller: Asking, file: Scan, options: Annotated[Options, Query()]) -> Response:
    """Find the reflections in one scan."""
    return await _analysed(service, caller, "peaks", file, options)


@router.post("/index", responses={200: document(INDEX, "The scan, indexed."), **_LATER, **_PROBLEMS})
async def index(service: Here, caller: Asking, file: Scan, options: Annotated[Options, Query()]) -> Response:
    """Which phases are there, and which line is whose."""
    return await _analysed(service, caller, "index", file, options)


@router.post("/refine", responses={200: document(REFINE, "The whole-pattern fit."), **_LATER, **_PROBLEMS})
async def refine(service: Here, caller: Asking, file: Scan, options: Annotated[Options, Query()]) -> Response:
    """Fit the whole pattern of one scan."""
    return await _analysed(service, caller, "refine", file, options)


@router.get("/phases", responses={200: document(PHASES, "Phases, the lines of one, or overlaps."), **declared(400, 401, 422, 429)})
def phases(
    caller: Asking,
    radiation: Annotated[Text | None, Query(examples=["CuKa"])] = None,
    phases: Annotated[Text, Query(examples=["K,KNa2"])] = "",
    show: Annotated[Text | None, Query(description="The lines of one phase; needs radiation.")] = None,
    overlaps: Annotated[bool, Query(description="Lines that cannot be told apart; needs radiation.")] = False,
    width: Annotated[Number, Query(description="Degrees 2θ, for overlaps.")] = 0.1,
) -> Response:
    """The reference phases, as `xrdkna phases --json` tells them."""
    return JSONResponse(phases_told(radiation, phases, show, overlaps, width))


@router.get("/jobs/{id}", tags=["jobs"], responses=declared(401, 404, 422, 429))
def show_job(service: Here, caller: Asking, id: str) -> JobAnswer:
    """How far a piece of work is."""
    return job_answer(_own_job(service, caller, id))


@router.get(
    "/jobs/{id}/result", tags=["jobs"], responses={200: document(INDEX, "What it came to."), **declared(401, 404, 409, 422, 429, 400, 503)}
)
def show_result(service: Here, caller: Asking, id: str) -> Response:
    """The document of a piece of work that is done."""
    job = _own_job(service, caller, id)
    if job.state in ("queued", "running") or (job.state == "done" and "document" not in job.artifacts):
        raise Refusal(409, "this work has no document, or not yet; GET the job for its state.", code="not-yet")
    return job_document(service, job)


@router.delete("/jobs/{id}", tags=["jobs"], responses=declared(401, 403, 404, 422, 429))
def stop_job(service: Here, caller: Asking, id: str) -> JobAnswer:
    """Cancel a piece of work; one that has ended stays as it is."""
    _own_job(service, caller, id)
    with service.store.database.writing() as session:
        job = session.get_one(Job, id)
        cancel_job(session, job)
        return job_answer(job)


@lru_cache(maxsize=64)
def phases_told(radiation: str | None, phases: str, show: str | None, overlaps: bool, width: float) -> Mapping[str, Any]:
    """The document of `xrdkna phases --json`. Raises UsageError and its kind as the command does."""

    names = tuple(name.strip() for name in phases.split(",") if name.strip())
    beam = Beam(radiation=radiation, radius_mm=None, geometry=None)
    choice = PhaseChoice(names=names, cifs=(), folders=())
    return phases_shown(show=show, overlaps=overlaps, width=width, beam=beam, choice=choice)[1]


async def _analysed(service: Service, caller: Caller, command: Command, file: UploadFile, options: Options) -> Response:
    def start() -> str:
        said = options.model_dump(exclude_defaults=True)
        asked_for(said)  # wrong use is told at once, before work is done
        name = plain_name(file.filename or "")
        sha256, _ = service.store.files.add(iter(lambda: file.file.read(_CHUNK), b""))
        request = {"command": command, "name": name, "sha256": sha256, "options": said}
        key = "analysis:" + hashlib.sha256(json.dumps([caller.project_id, request], sort_keys=True).encode()).hexdigest()
        with service.store.database.writing() as session:
            known = job_at_hand(session, key)
            job = known or enqueue(session, "analysis", project_id=caller.project_id, key=key, request=request, priority=PRIORITY["look"])
            return job.id

    job_id = await run_in_threadpool(start)
    job = await finished_job(service, job_id, seconds=WAIT_S)
    if job is not None:
        return await run_in_threadpool(job_document, service, job)
    answer = await run_in_threadpool(lambda: job_answer(_own_job(service, caller, job_id)))
    return JSONResponse(answer.model_dump(mode="json"), status_code=202, headers={"location": f"/api/v1/jobs/{job_id}"})


def _own_job(service: Service, caller: Caller, job_id: str) -> Job:
    with service.store.database.reading() as session:
        job = session.get(Job, job_id)
    if job is None or job.project_id != caller.project_id:
        raise Refusal(404, "there is no such job.")
    return job
