"""The application: routes, gate, and what lives as long as it does."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

import xrdkna
from xrdkna.edge.http import routes_analysis, routes_operation, routes_results, routes_series
from xrdkna.edge.http.context import Service
from xrdkna.edge.http.limits import RateLimit
from xrdkna.edge.http.metrics import Metrics
from xrdkna.edge.http.problems import answer_problems
from xrdkna.edge.http.safety import Guard
from xrdkna.edge.http.settings import ServiceSettings
from xrdkna.edge.http.stream import Stream
from xrdkna.edge.page import routes as page_routes
from xrdkna.edge.store.projects import LOCAL_PROJECT, project_named
from xrdkna.edge.store.store import Store
from xrdkna.edge.work.supervisor import Workers

_DESCRIPTION = """\
What is in this diffractogram, and when did it appear: the vocabulary of the command line over HTTP.

Make a series, upload its scans as they come, and read its track, events and report; or send one scan to peaks, index or refine.
Failures are `application/problem+json` with the sentence that the command line would print."""


def build_app(store: Store, settings: ServiceSettings, workers: Workers | None) -> FastAPI:
    """The service over a store. workers: None where nobody is to work (tests of the edge alone)."""
    stream, metrics = Stream(store.database), Metrics()
    local = None
    if not settings.token_needed:
        with store.database.writing() as session:
            local = project_named(session, LOCAL_PROJECT).id

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await stream.start()
        yield
        await stream.stop()

    app = FastAPI(
        title="xrdkna", version=xrdkna.__version__, description=_DESCRIPTION, lifespan=lifespan, docs_url=None, redoc_url=None,
        openapi_url=None,
    )  # fmt: skip
    wrong = RateLimit(rate=settings.wrong_tokens_a_minute / 60.0, burst=settings.wrong_tokens_a_minute)
    app.state.service = Service(
        settings=settings, store=store, workers=workers, metrics=metrics, stream=stream, wrong_tokens=wrong, local_project=local
    )
    for module in (routes_analysis, routes_series, routes_results, routes_operation, page_routes):
        app.include_router(module.router)
    page_routes.mount_static(app)
    app.get("/openapi.json", include_in_schema=False)(lambda: _openapi(app))
    answer_problems(app)
    app.add_middleware(Guard, settings=settings, metrics=metrics)
    return app


def _openapi(app: FastAPI) -> dict[str, Any]:
    """The document, with the two ways of showing a token."""
    if app.openapi_schema is None:
        schema = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        schemes = {"token": {"type": "http", "scheme": "bearer"}}
        schema.setdefault("components", {})["securitySchemes"] = schemes
        schema["security"] = [{"token": []}, {}]
        app.openapi_schema = schema
    return app.openapi_schema
