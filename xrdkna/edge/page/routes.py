"""The pages: series, one series, phases, and the door where tokens are needed."""

import gzip
import json
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, FastAPI, Form, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles
from sqlalchemy import select

from xrdkna.edge.errors import sentence_of
from xrdkna.edge.http.context import COOKIE, Here, Service, caller_of, own_series, wrong_token_allowed
from xrdkna.edge.http.job_answers import WAIT_S, finished_job
from xrdkna.edge.http.models import moment
from xrdkna.edge.http.problems import Refusal
from xrdkna.edge.http.routes_analysis import phases_told
from xrdkna.edge.http.routes_series import told
from xrdkna.edge.page.rendering import render
from xrdkna.edge.store.projects import Caller, caller_with_token, close_session, open_session
from xrdkna.edge.store.series import all_series
from xrdkna.edge.store.tables import Alarm, Job
from xrdkna.errors import XrdknaError

router = APIRouter(include_in_schema=False)
_STATIC = Path(__file__).with_name("static")
_USUAL_RADIATION = "CuKa"
# A year: the address changes with the program's version.
_FOR_LONG = "public, max-age=31536000, immutable"


@router.get("/", response_class=HTMLResponse)
def home(service: Here, request: Request) -> Response:
    """All series, and where a new one is begun."""
    if (caller := _caller(request)) is None:
        return _to_login()
    with service.store.database.reading() as session:
        series = told(session, *all_series(session, caller.project_id))
    return _page("home.html.j2", service, caller, series=series)


@router.get("/series/{id}", response_class=HTMLResponse)
def series_page(service: Here, request: Request, id: str) -> Response:
    """One series, live."""
    if (caller := _caller(request)) is None:
        return _to_login()
    with service.store.database.reading() as session:
        series = told(session, own_series(session, caller, id))[0]
    return _page("series.html.j2", service, caller, series=series)


@router.get("/series/{id}/answer", response_class=HTMLResponse)
def answer_part(service: Here, request: Request, id: str) -> Response:
    """What the answer says in words: a part of the series' page, fetched again when it changes."""
    caller = caller_of(request)
    with service.store.database.reading() as session:
        series = own_series(session, caller, id)
        alarms = session.scalars(select(Alarm).where(Alarm.series_id == id).order_by(Alarm.moment.desc()).limit(50)).all()
    view = json.loads(service.store.files.read(series.artifacts["view"])) if "view" in series.artifacts else None
    called = [{"kind": alarm.kind, "sentence": alarm.sentence, "moment": moment(alarm.moment)} for alarm in alarms]
    return HTMLResponse(render("answer.html.j2", facts=None if view is None else view["facts"], alarms=called, declined=series.declined))


@router.get("/series/{id}/scan/{name}", response_class=HTMLResponse)
async def scan_part(service: Here, request: Request, id: str, name: str) -> Response:
    """One scan in words: its phases, with the figure as data beside them."""
    from xrdkna.edge.http.routes_results import start_look

    caller = caller_of(request)
    job = await finished_job(service, start_look(service, caller, id, name), seconds=WAIT_S)
    return HTMLResponse(await _scan_words(service, job, name))


@router.get("/phases", response_class=HTMLResponse)
def phases_page(
    service: Here,
    request: Request,
    radiation: Annotated[str, Query(max_length=40)] = _USUAL_RADIATION,
    width: Annotated[float, Query(allow_inf_nan=False)] = 0.1,
    phases: Annotated[str, Query(max_length=400)] = "",
) -> Response:
    """The reference phases, and which of their lines cannot be told apart."""
    if (caller := _caller(request)) is None:
        return _to_login()
    asked: dict[str, Any] = {"radiation": radiation, "width": width, "chosen": phases, "problem": None, "phases": [], "pairs": []}
    try:
        asked["phases"] = phases_told(radiation, phases, None, False, width)["phases"]
        asked["pairs"] = phases_told(radiation, phases, None, True, width)["overlaps"]
    except XrdknaError as error:
        asked["problem"] = sentence_of(error)
    return _page("phases.html.j2", service, caller, **asked)


@router.get("/login", response_class=HTMLResponse)
def login_page(service: Here) -> Response:
    """Where a token is shown."""
    return _page("login.html.j2", service, None, problem=None)


@router.post("/login")
def login(service: Here, request: Request, token: Annotated[str, Form(max_length=200)]) -> Response:
    """A browser that shows a token gets a cookie, which no script can read and no other site can send."""
    with service.store.database.writing() as session:
        caller = caller_with_token(session, token.strip())
        cookie = None if caller is None else open_session(session, caller)
    if cookie is None:
        wrong_token_allowed(request, service)
        page = _page("login.html.j2", service, None, problem="The token is unknown or revoked; ask for a new one.")
        page.status_code = 401
        return page
    answer = RedirectResponse("/", status_code=303)
    answer.set_cookie(COOKIE, cookie, httponly=True, samesite="strict", secure=request.url.scheme == "https", max_age=14 * 86_400)
    return answer


@router.post("/logout")
def logout(service: Here, request: Request) -> Response:
    """The cookie opens nothing from now on."""
    with service.store.database.writing() as session:
        close_session(session, request.cookies.get(COOKIE, ""))
    answer = RedirectResponse("/login", status_code=303)
    answer.delete_cookie(COOKIE)
    return answer


@router.get("/static/plotly.js")
def plotly(request: Request) -> Response:
    """plotly's script, from its package."""
    headers = {"cache-control": _FOR_LONG, "vary": "accept-encoding"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(_plotly(packed=True), media_type="text/javascript", headers={**headers, "content-encoding": "gzip"})
    return Response(_plotly(packed=False), media_type="text/javascript", headers=headers)


def mount_static(app: FastAPI) -> None:
    """Scripts and styles of this program."""
    app.mount("/static", StaticFiles(directory=_STATIC), name="static")


@cache
def _plotly(*, packed: bool) -> bytes:
    from xrdkna.report.html import plotly_script

    script = plotly_script().encode("utf-8")
    return gzip.compress(script, 6) if packed else script


def _caller(request: Request) -> Caller | None:
    try:
        return caller_of(request)
    except Refusal as refusal:
        if refusal.status != 401:
            raise
        return None


def _to_login() -> Response:
    return RedirectResponse("/login", status_code=303)


def _page(template: str, service: Service, caller: Caller | None, **facts: Any) -> HTMLResponse:
    import xrdkna

    signed_in = caller is not None and caller.token_id is not None
    return HTMLResponse(render(template, version=xrdkna.__version__, signed_in=signed_in, open=service.settings.loopback, **facts))


async def _scan_words(service: Service, job: Job | None, name: str) -> str:
    from starlette.concurrency import run_in_threadpool

    if job is None or job.state != "done":
        sentence = "It is still being looked at; choose it again in a moment." if job is None else (job.problem or {}).get("sentence", "")
        return render("scan.html.j2", name=name, problem=sentence, facts=None)
    view = json.loads(await run_in_threadpool(service.store.files.read, job.artifacts["view"]))
    return render("scan.html.j2", name=name, problem=None, facts=view["facts"])
