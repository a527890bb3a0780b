"""What a job came to, as an answer."""

from fastapi import Response
from fastapi.responses import JSONResponse

from xrdkna.edge.http.context import Service
from xrdkna.edge.http.problems import problem_response
from xrdkna.edge.http.waiting import wait_until
from xrdkna.edge.store.tables import Job

# A request waits so long for its job before the client is told where to ask (seconds): a minute is what people and proxies bear.
WAIT_S = 60.0
_SCHEMAS = {"peaks": "xrdkna.peaks/1", "index": "xrdkna.index/1", "refine": "xrdkna.refine/1"}


async def finished_job(service: Service, job_id: str, *, seconds: float) -> Job | None:
    """The job once it has ended; None where it has not after so many seconds."""

    def look() -> Job | None:
        with service.store.database.reading() as session:
            job = session.get(Job, job_id)
            return job if job is not None and job.state in ("done", "failed", "cancelled") else None

    return await wait_until(look, seconds=seconds)


def job_document(service: Service, job: Job, artifact: str = "document") -> Response:
    """The document of a job that has ended, or its problem; an analysis that declines answers with the reason, as on the command line."""
    if job.state == "done":
        return Response(service.store.files.read(job.artifacts[artifact]), media_type="application/json")
    problem = job.problem or {"status": 503, "sentence": "the work was cancelled.", "code": "cancelled"}
    if problem["status"] == 200:
        reason = {"code": "declined", "severity": "error", "sentence": problem["sentence"], "remedy": ""}
        schema = _SCHEMAS.get(job.request.get("command", "index"), "xrdkna.index/1")
        return JSONResponse({"schema": schema, "verdict": "failed", "notices": [reason]})
    status = problem["status"] if problem["status"] in (400, 422, 503) else 422
    return problem_response(status, problem["sentence"], code=problem["code"])
