"""Is the service well: for the system that runs it."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

import xrdkna
from xrdkna.edge.http.context import Here, caller_of
from xrdkna.edge.http.metrics import CONTENT_TYPE
from xrdkna.edge.http.models import Health
from xrdkna.edge.http.problems import declared

router = APIRouter(tags=["operation"])


@router.get("/healthz", response_model=Health, responses={503: {"description": "Unwell.", "model": Health}})
def healthz(service: Here) -> Response:
    """Does the database answer, and do workers live? Needs no token and tells nothing of the work."""
    try:
        with service.store.database.reading() as session:
            session.execute(text("SELECT 1"))
        database = True
    except DBAPIError:
        database = False
    workers = len(service.workers.pids()) if service.workers is not None else 0
    well = database and (service.workers is None or workers > 0)
    health = Health(status="ok" if well else "unwell", version=xrdkna.__version__, workers=workers, database=database)
    return JSONResponse(health.model_dump(), status_code=200 if well else 503)


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"description": "For Prometheus.", "content": {"text/plain": {"schema": {"type": "string"}}}}, **declared(401, 429)},
)
def metrics(service: Here, request: Request) -> Response:
    """Requests, jobs and rows, counted. Where tokens are needed, here too."""
    caller_of(request)
    workers = len(service.workers.pids()) if service.workers is not None else 0
    return Response(service.metrics.text(service.store.database, workers=workers, streams=service.stream.open), media_type=CONTENT_TYPE)
