"""Failures as `application/problem+json` (RFC 9457), in the sentences of the command line. One table turns errors into statuses."""

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from xrdkna.edge.errors import sentence_of
from xrdkna.edge.logs import log
from xrdkna.edge.store.series import NameTakenError
from xrdkna.errors import DataError, UsageError, XrdknaError

MEDIA_TYPE = "application/problem+json"
# Order is precedence: a kind stands before its parent.
STATUSES: tuple[tuple[type[XrdknaError], int], ...] = ((NameTakenError, 409), (UsageError, 400), (DataError, 422))
_TITLES = {
    400: "Wrong use", 401: "Token needed", 403: "Not allowed", 404: "Not there", 405: "No such method", 409: "In the way",
    413: "Too large", 421: "Wrong host", 422: "Unreadable", 429: "Too often", 500: "Unforeseen", 503: "Not now", 504: "Took too long",
}  # fmt: skip


class Problem(BaseModel):
    """What went wrong: `detail` is one sentence that says what, where, and what to do."""

    type: str = "about:blank"
    title: str = Field(examples=["Unreadable"])
    status: int = Field(examples=[422])
    detail: str = Field(examples=["scan_003.xy: the file is empty; write or copy the scan file again."])
    code: str | None = Field(default=None, description="A word for programs, where there is one.", examples=["data"])


class Refusal(Exception):  # noqa: N818 - it is no failure of this program
    """An answer other than 2xx, to be sent as it stands."""

    def __init__(self, status: int, sentence: str, *, code: str | None = None, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(sentence)
        self.status, self.sentence, self.code, self.headers = status, sentence, code, dict(headers or {})


def problem_response(status: int, sentence: str, *, code: str | None = None, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """One problem document."""
    problem = Problem(title=_TITLES.get(status, "Problem"), status=status, detail=sentence, code=code)
    return JSONResponse(problem.model_dump(exclude_none=True), status_code=status, media_type=MEDIA_TYPE, headers=dict(headers or {}))


def declared(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The same problems for the OpenAPI document."""
    content = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {status: {"description": _TITLES[status], "model": Problem, "content": {MEDIA_TYPE: content}} for status in statuses}


def answer_problems(app: FastAPI) -> None:
    """Every failure of a route becomes a problem document."""
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(XrdknaError, _failed)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unforeseen)


def _refused(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Refusal)
    return problem_response(error.status, error.sentence, code=error.code, headers=error.headers)


def _failed(request: Request, error: Exception) -> JSONResponse:
    status = next((status for kind, status in STATUSES if isinstance(error, kind)), 422)
    return problem_response(status, sentence_of(error))


def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0] if error.errors() else {"loc": (), "msg": "it cannot be understood"}
    where = " ".join(str(part) for part in first["loc"] if part not in ("body", "query", "path", "header"))
    return problem_response(422, f"{where or 'the request'}: {str(first['msg']).lower().rstrip('.')}; see /openapi.json.", code="invalid")


def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    sentence = {
        404: "there is nothing at this address; see /openapi.json.",
        405: "this address does not take this method; see /openapi.json.",
    }
    return problem_response(error.status_code, sentence.get(error.status_code, str(error.detail)), headers=error.headers)


def _unforeseen(request: Request, error: Exception) -> JSONResponse:
    log("unforeseen", problem=type(error).__name__)
    return problem_response(500, f"the service failed in a way nobody foresaw ({type(error).__name__}); please report it.")
