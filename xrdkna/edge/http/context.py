"""What the routes of one service share, and who is asking."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.orm import Session

from xrdkna.edge.http.limits import RateLimit
from xrdkna.edge.http.metrics import Metrics
from xrdkna.edge.http.problems import Refusal
from xrdkna.edge.http.settings import ServiceSettings
from xrdkna.edge.http.stream import Stream
from xrdkna.edge.store.projects import Caller, caller_with_cookie, caller_with_token
from xrdkna.edge.store.series import series_of
from xrdkna.edge.store.store import Store
from xrdkna.edge.store.tables import Series
from xrdkna.edge.work.supervisor import Workers

COOKIE = "xrdkna_session"


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A running service. wrong_tokens: by address. local_project: of callers without a token; None where all need one."""

    settings: ServiceSettings
    store: Store
    workers: Workers | None
    metrics: Metrics
    stream: Stream
    wrong_tokens: RateLimit
    local_project: str | None


def service_of(request: Request) -> Service:
    """The service that a request is made to."""
    service = request.app.state.service
    assert isinstance(service, Service)
    return service


def caller_of(request: Request) -> Caller:
    """Who is asking. Raises Refusal: 401 without a valid token where one is needed, 429 after too many wrong ones."""
    service = service_of(request)
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme:
        with service.store.database.reading() as session:
            caller = caller_with_token(session, token.strip()) if scheme.lower() == "bearer" else None
        return caller or _wrong_token(request, service)
    if (cookie := request.cookies.get(COOKIE)) is not None:
        with service.store.database.reading() as session:
            caller = caller_with_cookie(session, cookie)
        if caller is not None:
            return caller
    if service.settings.token_needed:
        raise Refusal(401, "this service needs a token; send it as `Authorization: Bearer …`.", headers={"www-authenticate": "Bearer"})
    assert service.local_project is not None
    return Caller(project_id=service.local_project, token_id=None)


def wrong_token_allowed(request: Request, service: Service) -> None:
    """Count one wrong token against the address it came from. Raises Refusal where there were too many."""
    if not service.wrong_tokens.allows(request.client.host if request.client else "unknown"):
        raise Refusal(429, "too many wrong tokens from this address; wait a minute.", headers={"retry-after": "60"})


def _wrong_token(request: Request, service: Service) -> Caller:
    wrong_token_allowed(request, service)
    raise Refusal(401, "the token is unknown or revoked; ask for a new one.", headers={"www-authenticate": "Bearer"})


def own_series(session: Session, caller: Caller, series_id: str) -> Series:
    """The series, if the caller's project has it; another project's is not there."""
    series = series_of(session, caller.project_id, series_id)
    if series is None:
        raise Refusal(404, "there is no such series; GET /api/v1/series lists those there are.")
    return series


def series_asked_for(request: Request, id: str) -> Series:
    """The series that the address names. Raises Refusal as `caller_of` and `own_series` do."""
    caller = caller_of(request)
    with service_of(request).store.database.reading() as session:
        return own_series(session, caller, id)


Here = Annotated[Service, Depends(service_of)]
Asking = Annotated[Caller, Depends(caller_of)]
OwnSeries = Annotated[Series, Depends(series_asked_for)]
