"""Safe by default: each promise of the service, and an attempt to break it."""

import asyncio
import json
import socket
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from xrdkna.edge.http.limits import RateLimit
from xrdkna.edge.http.metrics import Metrics
from xrdkna.edge.http.safety import Guard
from xrdkna.edge.http.settings import ServiceSettings
from xrdkna.edge.store.projects import hash_of, make_token, revoke_tokens
from xrdkna.edge.store.store import open_store


@pytest.fixture(scope="module")
def guarded(running: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, dict[str, str]]:
    """A service that needs tokens, and three of them."""
    data = tmp_path_factory.mktemp("guarded")
    with open_store(data) as store, store.database.writing() as session:
        tokens = {name: make_token(session, name=name, project=project) for name, project in (("ann", "a"), ("bob", "b"), ("old", "a"))}
        revoke_tokens(session, name="old")
    return running("--require-token", "--max-upload", "0.2", "--workers", "1", data=data), tokens


def bearer(token: str) -> dict[str, str]:
    """The header that shows a token."""
    return {"authorization": f"Bearer {token}"}


def test_a_start_on_another_address_without_a_token_is_refused(command_line: Callable[..., Any], tmp_path: Any) -> None:
    done = command_line("serve", "--host", "0.0.0.0", "--port", "0", "--data", tmp_path / "store")
    assert done.returncode == 2
    assert "no token is made yet; make one with `xrdkna store token NAME`" in done.stderr


def test_it_listens_on_the_loopback_unless_told_otherwise(service: Any) -> None:
    others = [
        info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None) if not str(info[4][0]).startswith(("127.", "::1", "fe80"))
    ]
    for address in others:
        with pytest.raises(OSError), socket.create_connection((address, service.port), timeout=2):  # noqa: PT011 - refused or unreachable
            pass


@pytest.mark.parametrize("path", ["/api/v1/series", "/api/v1/series/x/track", "/api/v1/phases", "/api/v1/jobs/x", "/metrics"])
@pytest.mark.parametrize("who", ["nobody", "old", "nonsense"])
def test_without_a_valid_token_nothing_is_told(guarded: tuple[Any, dict[str, str]], path: str, who: str) -> None:
    service, tokens = guarded
    with service.client() as client:
        answer = client.get(path, headers={} if who == "nobody" else bearer(tokens.get(who, who)))
    assert answer.status_code in (401, 429)
    assert answer.headers["content-type"] == "application/problem+json"
    if answer.status_code == 401:
        assert answer.headers["www-authenticate"] == "Bearer"


def test_pages_without_a_token_lead_to_the_door(guarded: tuple[Any, dict[str, str]]) -> None:
    service, _ = guarded
    with service.client() as client:
        assert client.get("/").headers["location"] == "/login"
        assert client.get("/healthz").status_code == 200


def test_one_project_sees_nothing_of_another(guarded: tuple[Any, dict[str, str]], scan: Callable[..., bytes]) -> None:
    service, tokens = guarded
    with service.client(headers=bearer(tokens["ann"])) as ann, service.client(headers=bearer(tokens["bob"])) as bob:
        series = ann.post("/api/v1/series", json={"name": "secret"}).json()["id"]
        ann.post(f"/api/v1/series/{series}/scans", files={"file": ("scan_000.xy", scan(0))})
        assert ann.get(f"/api/v1/series/{series}").status_code == 200
        assert bob.get("/api/v1/series").json() == {"series": []}
        places = (
            "",
            "/scans",
            "/track",
            "/events",
            "/view",
            "/report",
            "/bundle",
            "/alarms",
            "/stream",
            "/scans/scan_000",
            "/files/scan_000.xy",
        )
        assert {bob.get(f"/api/v1/series/{series}{place}").status_code for place in places} == {404}
        assert bob.post(f"/api/v1/series/{series}/scans", files={"file": ("x.xy", b"1 2")}).status_code == 404
        assert bob.delete(f"/api/v1/series/{series}").status_code == 404
        assert "secret" not in bob.get("/").text


def test_a_token_is_kept_only_as_its_hash(guarded: tuple[Any, dict[str, str]]) -> None:
    service, tokens = guarded
    kept = b"".join(path.read_bytes() for path in service.data.glob("xrdkna.sqlite*"))
    assert hash_of(tokens["ann"]).encode() in kept
    assert tokens["ann"].encode() not in kept


def test_a_browser_signs_in_with_a_cookie_that_scripts_cannot_read_and_signs_out(guarded: tuple[Any, dict[str, str]]) -> None:
    service, tokens = guarded
    with service.client() as browser:
        signed = browser.post("/login", data={"token": tokens["ann"]})
        assert (signed.status_code, signed.headers["location"]) == (303, "/")
        cookie = signed.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert browser.get("/api/v1/series").status_code == 200
        assert browser.post("/logout", headers={"origin": service.base}).status_code == 303
    with service.client(cookies={"xrdkna_session": signed.cookies["xrdkna_session"]}) as browser:
        assert browser.get("/api/v1/series").status_code == 401


@pytest.mark.parametrize("headers", [{"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}, {"origin": "null"}])
def test_another_web_page_cannot_make_a_browser_change_anything(client: httpx.Client, headers: dict[str, str]) -> None:
    before = client.get("/api/v1/series").json()
    assert client.post("/api/v1/series", json={"name": "forged"}, headers=headers).status_code == 403
    assert client.get("/api/v1/series").json() == before


def test_a_name_that_somebody_elses_page_gave_this_machine_is_not_answered(client: httpx.Client) -> None:
    assert client.get("/api/v1/series", headers={"host": "evil.example"}).status_code == 421


@pytest.mark.parametrize("length_told", [True, False])
def test_an_upload_over_the_limit_is_refused(guarded: tuple[Any, dict[str, str]], length_told: bool) -> None:
    service, tokens = guarded
    body = b'--x\r\ncontent-disposition: form-data; name="file"; filename="big.xy"\r\n\r\n' + b"1 2\n" * 100_000 + b"\r\n--x--\r\n"
    parts = body if length_told else (body[i : i + 65_536] for i in range(0, len(body), 65_536))
    headers = {**bearer(tokens["ann"]), "content-type": "multipart/form-data; boundary=x"}
    with service.client() as client:
        answer = client.post("/api/v1/index", content=parts, headers=headers, params={"radiation": "CuKa"})
    assert answer.status_code == 413
    assert "larger than 0.2 MB" in answer.json()["detail"]


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "..\\..\\x.xy", "/etc/shadow", ".hidden", "a\x00b.xy", "~", "..", "x" * 500 + ".xy", ""]
)
def test_no_name_from_a_client_becomes_a_path(client: httpx.Client, begin: Callable[..., str], scan: Any, service: Any, name: str) -> None:
    series = begin(client, "names")
    before = {path for path in service.data.parent.rglob("*") if "files" not in path.parts and "scratch" not in path.parts}
    answer = client.post(f"/api/v1/series/{series}/scans", files={"file": (name, scan(0))})
    assert answer.status_code in (201, 400, 422)
    for file in answer.json().get("files", []):
        assert not set(file["name"]) & set("/\\\x00")
        assert not file["name"].startswith((".", "~"))
    after = {path for path in service.data.parent.rglob("*") if "files" not in path.parts and "scratch" not in path.parts}
    assert after == before


@pytest.mark.parametrize("path", ["/static/../../../pyproject.toml", "/static/%2e%2e/routes.py", "/static/..%2froutes.py"])
def test_static_files_are_those_of_their_folder(client: httpx.Client, path: str) -> None:
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("path", ["/", "/phases", "/api/v1/series", "/healthz", "/nothing", "/static/page.css"])
def test_every_answer_forbids_foreign_content(client: httpx.Client, path: str) -> None:
    headers = client.get(path).headers
    policy = headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "unsafe-eval" not in policy
    assert policy.startswith("default-src 'none'")
    assert (headers["x-content-type-options"], headers["x-frame-options"], headers["referrer-policy"]) == ("nosniff", "DENY", "no-referrer")


def test_markup_in_names_is_shown_and_not_run(client: httpx.Client, begin: Callable[..., str]) -> None:
    begin(client, "<script>alert(1)<x>")
    page = client.get("/").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


@pytest.mark.parametrize("slow", ["answer", "body"])
def test_a_request_that_takes_too_long_is_given_up(slow: str) -> None:
    async def sleepy(scope: Any, receive: Any, send: Any) -> None:
        await (asyncio.sleep(60) if slow == "answer" else receive())

    async def never() -> Any:
        await asyncio.sleep(60)

    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    guard = Guard(sleepy, settings=ServiceSettings(request_timeout_s=0.1), metrics=Metrics())
    scope = {"type": "http", "method": "POST", "path": "/", "headers": [(b"host", b"127.0.0.1")], "client": ("127.0.0.1", 1)}
    asyncio.run(guard(scope, never, send))
    assert sent[0]["status"] == 504
    assert json.loads(sent[1]["body"])["title"] == "Took too long"


def test_too_many_requests_are_told_to_wait() -> None:
    limit = RateLimit(rate=1.0, burst=5.0)
    assert [limit.allows("a") for _ in range(7)] == [True] * 5 + [False] * 2
    assert limit.allows("b")


def test_guessing_tokens_is_stopped_and_who_has_one_is_not(guarded: tuple[Any, dict[str, str]]) -> None:
    service, tokens = guarded
    with service.client() as client:
        statuses = [client.get("/api/v1/series", headers=bearer(f"guess{i}")).status_code for i in range(30)]
        assert statuses[-1] == 429
        assert client.get("/api/v1/series", headers=bearer(tokens["ann"])).status_code == 200


def test_logs_tell_neither_tokens_nor_names_nor_data(guarded: tuple[Any, dict[str, str]], scan: Callable[..., bytes]) -> None:
    service, tokens = guarded
    with service.client(headers=bearer(tokens["ann"])) as client:
        series = client.post("/api/v1/series", json={"name": "unspoken name"}).json()["id"]
        client.post(f"/api/v1/series/{series}/scans", files={"file": ("unspoken.xy", scan(0))})
        client.get(f"/api/v1/series/{series}/files/unspoken.xy")
    log = service.log()
    assert "POST" in log
    for secret in (*tokens.values(), "unspoken", "38.45 "):
        assert secret not in log
    assert all(json.loads(line)["event"] for line in log.splitlines() if line.startswith("{"))
