"""Kill server and workers at random while scans come in; afterwards everything is there once, and the answer is the undisturbed one.

    python tests/service/crash.py --kills 50 --scans 300

Prints what was done; exits with 1 where anything is lost, doubled or different.
"""

import argparse
import importlib.util
import os
import random
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx

_ENDLESS_S = 1800.0


def helpers() -> ModuleType:
    """The running service and the small scans of this room's conftest."""
    name = "service_conftest"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name("conftest.py"))
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def ingest(folder: Path, *, scans: int, kills: int, seed: int) -> dict[str, Any]:
    """Upload so many scans, each until it is taken, while so many kills happen; what the service then says of the series."""
    service = helpers().Running(data=folder, port=free_port()).start()
    with service.client() as client:
        series = client.post("/api/v1/series", json={"name": "crash", "options": helpers().QUICK}).json()["id"]
    told: dict[str, Any] = {"retries": 0, "server_kills": 0, "worker_kills": 0}
    uploading = threading.Thread(target=_upload_all, args=(service, series, scans, told))
    uploading.start()
    chance = random.Random(seed)
    for _ in range(kills):
        time.sleep(chance.uniform(0.2, 3.0))
        _kill_something(service, chance, told)
    uploading.join()
    if service.process.poll() is not None:
        service.start()
    with httpx.Client(base_url=service.base, timeout=120) as client:
        _wait_settled(service, client, series)
        files = client.get(f"/api/v1/series/{series}/scans").json()["files"]
        told |= {"files": sorted((file["name"], file["sha256"], file["state"]) for file in files)}
        told |= {place: client.get(f"/api/v1/series/{series}/{place}").text for place in ("track", "table")}
        told["alarms"] = sorted((a["kind"], a["sentence"]) for a in client.get(f"/api/v1/series/{series}/alarms").json()["alarms"])
    service.stop()
    return told


def _upload_all(service: Any, series: str, scans: int, told: dict[str, Any]) -> None:
    """Like a client at a diffractometer: what was not acknowledged is sent again."""
    for number in range(scans):
        while True:
            try:
                with service.client() as client:
                    answer = helpers().put(client, series, number)
                if answer.status_code == 201:
                    break
            except httpx.TransportError:
                told["retries"] += 1
            time.sleep(0.1)


def _kill_something(service: Any, chance: random.Random, told: dict[str, Any]) -> None:
    """kill -9 of a worker, or of the server, which is then started again as systemd would."""
    workers = _children(service.process.pid)
    if workers and chance.random() < 0.5:
        os.kill(chance.choice(workers), signal.SIGKILL)
        told["worker_kills"] += 1
    else:
        service.kill()
        told["server_kills"] += 1
        service.start()


def _children(pid: int) -> list[int]:
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((place / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError):
            continue
        found += [int(place.name)] if parent == pid else []
    return found


def _wait_settled(service: Any, client: httpx.Client, series: str) -> None:
    end = time.monotonic() + _ENDLESS_S
    while not client.get(f"/api/v1/series/{series}").json()["settled"]:
        if time.monotonic() > end:
            raise SystemExit(f"the series did not settle\n{service.log()[-3000:]}")
        time.sleep(0.5)


def differences(disturbed: dict[str, Any], calm: dict[str, Any], *, scans: int) -> list[str]:
    """What is lost, doubled or different."""
    names = [name for name, _, _ in disturbed["files"]]
    wrong = [] if names == sorted({f"scan_{i:03d}.xy" for i in range(scans)}) else [f"{len(names)} files, not {scans} once each"]
    return wrong + [f"{key} differs from the undisturbed run's" for key in ("files", "track", "table") if disturbed[key] != calm[key]]


def main() -> int:
    """Both runs, and the comparison."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--scans", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    base = Path(tempfile.mkdtemp())
    began = time.monotonic()
    disturbed = ingest(base / "disturbed", scans=asked.scans, kills=asked.kills, seed=asked.seed)
    middle = time.monotonic()
    calm = ingest(base / "calm", scans=asked.scans, kills=0, seed=asked.seed)
    wrong = differences(disturbed, calm, scans=asked.scans)
    kills = f"{disturbed['server_kills']} kills of the server, {disturbed['worker_kills']} of workers"
    times = f"{middle - began:.0f} s disturbed, {time.monotonic() - middle:.0f} s undisturbed"
    said = "\n".join(wrong) or "every scan is there once, and the answers are identical"
    sys.stdout.write(f"{asked.scans} scans, {kills}, {disturbed['retries']} uploads sent again; {times}\n{said}\n")
    shutil.rmtree(base)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
