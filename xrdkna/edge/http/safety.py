"""What every request passes before a route sees it: host, origin, rate, size and time; and what every answer carries."""

import asyncio
import time
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from xrdkna.edge.http.limits import RateLimit
from xrdkna.edge.http.metrics import Metrics
from xrdkna.edge.http.problems import problem_response
from xrdkna.edge.http.settings import LOOPBACK, ServiceSettings
from xrdkna.edge.logs import log

_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
# Styles may stand in the page: plotly writes its own. Scripts may not, wherever they come from.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "no-cache",
}


class Guard:
    """The gate around the application."""

    def __init__(self, app: ASGIApp, *, settings: ServiceSettings, metrics: Metrics) -> None:
        self._app, self._settings, self._metrics = app, settings, metrics
        self._rate = RateLimit(rate=settings.rate, burst=settings.burst)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 0

        async def guarded_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        refused = self._refusal(scope)
        try:
            if refused is not None:
                await refused(scope, receive, guarded_send)
            else:
                await self._in_time(scope, receive, guarded_send)
        finally:
            self._note(scope, status, time.perf_counter() - began)

    def _refusal(self, scope: Scope) -> Response | None:
        headers, settings = Headers(scope=scope), self._settings
        if not _known_host(headers.get("host", ""), settings):
            return problem_response(421, "this service is not called by this name; use the address it was started with, or --allow-host.")
        if scope["method"] not in _SAFE_METHODS and "authorization" not in headers and not _same_site(headers):
            return problem_response(403, "this request comes from another web page; open the service's own page instead.")
        client = headers.get("authorization") or (scope.get("client") or ("unknown", 0))[0]
        if not self._rate.allows(client):
            return problem_response(429, "too many requests at once; wait a second and go on.", headers={"retry-after": "1"})
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > settings.largest_upload:
            return self._too_large()
        return None

    async def _in_time(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The application, within the time of a request; a stream of events may stay open, but not begin late."""
        begun, streaming, received, too_large = False, False, 0, False

        async def counted_receive() -> Message:
            nonlocal received, too_large
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._settings.largest_upload and not too_large:
                too_large = True
                raise _TooLargeError
            return message

        async def watched_send(message: Message) -> None:
            nonlocal begun, streaming
            if too_large and not begun:
                return  # the application's own words on a body that was cut off
            if message["type"] == "http.response.start":
                begun = True
                streaming = MutableHeaders(scope=message).get("content-type", "").startswith("text/event-stream")
                if streaming:
                    timer.reschedule(None)
            await send(message)

        try:
            async with asyncio.timeout(self._settings.request_timeout_s) as timer:
                await self._app(scope, counted_receive, watched_send)
            if too_large and not begun:
                await self._too_large()(scope, receive, send)
        except TimeoutError:
            if not begun:
                await problem_response(504, "this took too long and was given up; ask for less, or again later.")(scope, receive, send)
        except _TooLargeError:  # the application passed it on
            if not begun:
                await self._too_large()(scope, receive, send)

    def _too_large(self) -> Response:
        limit = self._settings.largest_upload / 2**20
        return problem_response(413, f"the upload is larger than {limit:g} MB; split it, or start the service with a larger --max-upload.")

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "other")  # the pattern, so that no name gets into logs or metrics
        self._metrics.request(scope["method"], route, status, seconds)
        if route != "/healthz":
            log("request", method=scope["method"], route=route, status=status, ms=round(seconds * 1000, 1))


class _TooLargeError(Exception):
    """The body has grown over what is taken."""


def _known_host(host: str, settings: ServiceSettings) -> bool:
    """A page elsewhere can give its name this machine's address; a browser then sends the name, which nobody here goes by."""
    name = urlsplit(f"//{host}").hostname or ""
    if not settings.loopback and not settings.allowed_hosts:
        return True
    return name in (*LOOPBACK, settings.host, *settings.allowed_hosts)


def _same_site(headers: Headers) -> bool:
    """A browser says where a request comes from; a program says nothing, and no page can make it send one."""
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == headers.get("host", "")
