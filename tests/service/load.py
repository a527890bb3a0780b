"""Many clients upload and read at once: no error, quick reads, memory that stays.

    python tests/service/load.py --clients 20 --seconds 120 --cores 0,1

Prints what was measured; exits with 1 where a request failed, reads were slow, or memory grew.
"""

import argparse
import importlib.util
import os
import statistics
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

READ_P95_S = 0.2
# From the end of the first third to the end: allocators keep a little, a leak does not stop.
MOST_GROWTH = 1.10


@dataclass
class Measured:
    """reads, uploads: seconds of each. memory: (moment, bytes) of the server."""

    reads: list[float] = field(default_factory=list)
    uploads: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    memory: list[tuple[float, int]] = field(default_factory=list)

    @property
    def read_p95(self) -> float:
        """Seconds."""
        return statistics.quantiles(self.reads, n=20)[-1]

    @property
    def growth(self) -> float:
        """Memory at the end over that after the first third (medians over a sixth of the time)."""
        values = [value for _, value in self.memory]
        part = max(len(values) // 6, 1)
        third = len(values) // 3
        return statistics.median(values[-part:]) / statistics.median(values[third : third + part])


def run(service: Any, helpers: Any, *, clients: int, seconds: float) -> Measured:
    """The load: every client has a series of its own, uploads a scan to it now and then, and reads all the while."""
    measured, end = Measured(), time.monotonic() + seconds
    threads = [threading.Thread(target=_client, args=(service, helpers, number, end, measured)) for number in range(clients)]
    for thread in threads:
        thread.start()
    while time.monotonic() < end:
        measured.memory.append((time.monotonic(), _memory_of(service.process.pid)))
        time.sleep(0.5)
    for thread in threads:
        thread.join()
    return measured


def _client(service: Any, helpers: Any, number: int, end: float, measured: Measured) -> None:
    with service.client() as client:
        made = client.post("/api/v1/series", json={"name": f"load {number}", "options": helpers.QUICK})
        series, scan = made.json()["id"], 0
        while time.monotonic() < end:
            answer = _timed(lambda number=scan: helpers.put(client, series, number), measured.uploads, measured, (201,))
            scan += answer
            for _ in range(10):
                for place in ("", "/scans", "/track", "/view", "/events", "/alarms"):
                    wanted = (200,) if place in ("", "/scans", "/alarms") else (200, 404)
                    _timed(lambda place=place: client.get(f"/api/v1/series/{series}{place}"), measured.reads, measured, wanted)
                _timed(lambda: client.get("/"), measured.reads, measured, (200,))
                time.sleep(0.3)


def _timed(call: Any, times: list[float], measured: Measured, wanted: tuple[int, ...]) -> bool:
    began = time.monotonic()
    try:
        answer = call()
    except httpx.TransportError as error:
        measured.errors.append(type(error).__name__)
        return False
    times.append(time.monotonic() - began)
    if answer.status_code not in wanted:
        measured.errors.append(f"{answer.status_code} {answer.request.url.path}")
    return answer.status_code in wanted


def _memory_of(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    return 0


def problems(measured: Measured) -> list[str]:
    """What does not hold."""
    wrong = [f"{len(measured.errors)} errors, the first {measured.errors[0]}"] if measured.errors else []
    wrong += [f"reads p95 {measured.read_p95 * 1000:.0f} ms"] if measured.read_p95 >= READ_P95_S else []
    return wrong + ([f"memory grew by a factor {measured.growth:.2f}"] if measured.growth > MOST_GROWTH else [])


def main() -> int:
    """One run on a service of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--cores", default="", help="run service and clients on these alone, as 0,1")
    asked = parser.parse_args()
    if asked.cores:
        os.sched_setaffinity(0, {int(core) for core in asked.cores.split(",")})
    spec = importlib.util.spec_from_file_location("service_crash", Path(__file__).with_name("crash.py"))
    assert spec is not None
    assert spec.loader is not None
    crash = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(crash)
    helpers = crash.helpers()
    service = helpers.Running(data=Path(tempfile.mkdtemp()) / "store", port=crash.free_port()).start()
    measured = run(service, helpers, clients=asked.clients, seconds=asked.seconds)
    service.stop()
    reads = f"{len(measured.reads)} reads, median {statistics.median(measured.reads) * 1000:.0f} ms, p95 {measured.read_p95 * 1000:.0f} ms"
    uploads = f"{len(measured.uploads)} uploads, median {statistics.median(measured.uploads) * 1000:.0f} ms"
    memory = f"memory {measured.memory[-1][1] / 2**20:.0f} MB, {measured.growth:.3f} of that after a third of the time"
    wrong = problems(measured)
    said = "\n".join(wrong) or "all as it should be"
    sys.stdout.write(f"{asked.clients} clients, {asked.seconds:g} s: {reads}; {uploads}; {len(measured.errors)} errors; {memory}\n{said}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
