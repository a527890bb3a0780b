"""A running service as a person runs it, a store to look into, and small scans that are quick to follow."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

PROGRAM = [sys.executable, "-c", "from xrdkna.edge.cli import main; main()"]
PATIENCE_S = 240.0
# So few points, and phases of so few lines, that following a series takes no time worth speaking of.
QUICK = {"radiation": "CuKa1", "phases": "K,Al", "marker": "K 110"}


def small_scan(number: int, *, deposit_from: int = 3, seed: int = 0) -> bytes:
    """Aluminium, and potassium from scan `deposit_from` on; 500 points, Poisson counts."""
    two_theta = np.arange(20.0, 45.0, 0.05)
    expected = np.full(two_theta.shape, 100.0)
    for place, height, there in (
        (38.47, 900.0, True),
        (44.72, 420.0, True),
        (23.60, 500.0, number >= deposit_from),
        (33.61, 90.0, number >= deposit_from),
    ):
        expected += there * height / (1.0 + ((two_theta - place) / 0.08) ** 2)
    counts = np.random.default_rng([seed, number]).poisson(expected)
    return "".join(f"{x:.2f} {y}\n" for x, y in zip(two_theta, counts, strict=True)).encode()


def start_of(number: int) -> str:
    """When a small scan began: one every ten minutes."""
    return f"2024-03-0{1 + number // 144}T{number % 144 // 6:02d}:{number % 6 * 10:02d}:00"


@dataclass
class Running:
    """A service in a process of its own."""

    data: Path
    port: int
    options: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def base(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> "Running":
        """Start it and wait until it is well."""
        words = ["serve", "--data", str(self.data), "--port", str(self.port), *self.options]
        with (self.data.parent / f"{self.data.name}.log").open("ab") as log:
            self.process = subprocess.Popen([*PROGRAM, *words], stderr=log, env={**os.environ, **self.environment}, start_new_session=True)
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            try:
                if httpx.get(f"{self.base}/healthz", timeout=5).status_code == 200:
                    return self
            except httpx.TransportError:
                assert self.process.poll() is None, self.log()[-2000:]
            time.sleep(0.05)
        raise AssertionError(f"the service did not start: {self.log()[-2000:]}")

    def stop(self) -> int:
        """End it as the system does."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)

    def kill(self) -> None:
        """End it as nobody should."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(timeout=60)

    def log(self) -> str:
        """What it wrote."""
        path = self.data.parent / f"{self.data.name}.log"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def client(self, **more: Any) -> httpx.Client:
        """Somebody who calls it."""
        return httpx.Client(base_url=self.base, timeout=90, **more)

    def settled(self, series: str, client: httpx.Client) -> dict[str, Any]:
        """The series once everything uploaded is in its answer."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            client.get(f"/api/v1/series/{series}/track", params={"wait": 5})
            told = client.get(f"/api/v1/series/{series}").json()
            if told["settled"]:
                return dict(told)
        raise AssertionError(f"the series did not settle: {told}\n{self.log()[-3000:]}")


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    """A port that nobody listens on."""

    def find() -> int:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return int(probe.getsockname()[1])

    return find


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, free_port: Callable[[], int]) -> Iterator[Callable[..., Running]]:
    """Starts services; those still running at the end are ended."""
    started: list[Running] = []

    def run(*options: str, data: Path | None = None, **environment: str) -> Running:
        folder = data or tmp_path_factory.mktemp("store")
        service = Running(data=folder, port=free_port(), options=options, environment=environment)
        started.append(service)
        return service.start()

    yield run
    for service in started:
        if service.process is not None and service.process.poll() is None:
            service.stop()


@pytest.fixture(scope="module")
def service(running: Callable[..., Running]) -> Running:
    """One service for the tests of a module that do it no harm."""
    return running()


@pytest.fixture
def client(service: Running) -> Iterator[httpx.Client]:
    """Somebody on this machine."""
    with service.client() as calling:
        yield calling


@pytest.fixture(scope="session")
def scan() -> Callable[..., bytes]:
    """The content of a small scan by its number."""
    return small_scan


@pytest.fixture(scope="session")
def begin() -> Callable[..., str]:
    """Makes a series of small scans: its id."""

    def make(client: httpx.Client, name: str = "small", numbers: "range | tuple[int, ...]" = (), **options: Any) -> str:
        answer = client.post("/api/v1/series", json={"name": name, "options": {**QUICK, **options}})
        assert answer.status_code == 201, answer.text
        series = str(answer.json()["id"])
        for number in numbers:
            put(client, series, number)
        return series

    return make


def put(client: httpx.Client, series: str, number: int, **more: Any) -> httpx.Response:
    """Upload one small scan."""
    file = {"file": (f"scan_{number:03d}.xy", small_scan(number))}
    return client.post(f"/api/v1/series/{series}/scans", files=file, params={"start_time": start_of(number), **more})


@pytest.fixture(scope="session")
def upload() -> Callable[..., httpx.Response]:
    """Uploads one small scan by its number."""
    return put


@pytest.fixture(scope="session")
def command_line() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs the program as a person does."""

    def call(*words: object, **environment: str) -> subprocess.CompletedProcess[str]:
        said = [*PROGRAM, *(str(word) for word in words)]
        return subprocess.run(said, capture_output=True, text=True, timeout=PATIENCE_S, env={**os.environ, **environment}, check=False)

    return call


@pytest.fixture
def webhook(free_port: Callable[[], int]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """An address that takes alarms, and what it was told."""
    import threading
    from http.server import BaseHTTPRequestHandler, HTTPServer

    told: list[dict[str, Any]] = []

    class Taking(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *words: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", free_port()), Taking)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/alarm", told
    server.shutdown()
    server.server_close()
