"""Folders that are being written to: half-written files, late arrivals, restarts, alarms."""

import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from xrdkna.edge.alarms import alarms_of
from xrdkna.edge.watch.settled import Folder, wait_for_changes

SETTLE_S = 0.3


def put_scan(folder: Path, number: int, content: bytes) -> None:
    """A scan as a diffractometer leaves it, and its row in scans.csv."""
    (folder / f"scan_{number:03d}.xy").write_bytes(content)


def write_log(folder: Path, count: int) -> None:
    """scans.csv with the rows of all scans, also those still to come."""
    rows = [f"scan_{i:03d}.xy,2024-03-01T00:{10 * i % 60:02d}:00,2024-03-01T00:{10 * i % 60 + 9:02d}:00" for i in range(count)]
    (folder / "scans.csv").write_text("file,start_time,end_time\n" + "\n".join(rows) + "\n")


def test_a_file_that_still_grows_is_not_at_rest(tmp_path: Path) -> None:
    folder, path = Folder(tmp_path, settle_s=SETTLE_S), tmp_path / "scan.xy"
    for part in range(4):
        path.write_bytes(b"1 2\n" * (part + 1))
        assert path not in folder.look()
        assert path in folder.unfinished
        time.sleep(SETTLE_S / 3)
    end = time.monotonic() + 5
    while path not in folder.look():
        assert time.monotonic() < end
        time.sleep(0.02)
    assert folder.unfinished == frozenset()
    path.write_bytes(b"again\n")
    assert path not in folder.look()


def test_a_file_of_yesterday_is_taken_at_once_and_empty_or_hidden_ones_never(tmp_path: Path) -> None:
    for name in ("old.xy", "empty.xy", ".hidden.xy", "~lock.xy"):
        (tmp_path / name).write_bytes(b"" if name == "empty.xy" else b"1 2\n")
        os.utime(tmp_path / name, (time.time() - 86_400,) * 2)
    assert [path.name for path in Folder(tmp_path, settle_s=SETTLE_S).look()] == ["old.xy"]


@pytest.mark.parametrize("poll_s", [0.0, 0.2])
def test_a_new_file_is_noticed_at_once(tmp_path: Path, poll_s: float) -> None:
    stopping = threading.Event()
    changes = wait_for_changes(tmp_path, stopping, poll_s=poll_s)
    threading.Timer(0.5, lambda: (tmp_path / "scan.xy").write_bytes(b"1 2\n")).start()
    began = time.monotonic()
    while not (tmp_path / "scan.xy").exists():
        next(changes)
    assert time.monotonic() - began < 3.0
    stopping.set()
    assert list(changes) == []


def test_a_folder_that_is_not_there_for_a_moment_is_an_empty_one(tmp_path: Path) -> None:
    assert Folder(tmp_path / "share").look() == {}


def test_the_command_follows_a_growing_folder_and_its_last_answer_is_that_of_track(
    tmp_path: Path, scan: Callable[..., bytes], command_line: Callable[..., Any], webhook: tuple[str, list[dict[str, Any]]]
) -> None:
    folder, address = tmp_path / "growing", webhook[0]
    folder.mkdir()
    write_log(folder, 6)
    put_scan(folder, 0, scan(0))
    asked = ("--radiation", "CuKa1", "--phases", "K,Al", "--marker", "K 110", "--quiet", "--json")

    def feed() -> None:
        for number in (1, 2, 4, 3, 5):
            time.sleep(0.6)
            with (folder / f"scan_{number:03d}.xy").open("wb") as stream:
                content = scan(number)
                stream.write(content[: len(content) // 2])
                stream.flush()
                time.sleep(0.2)
                stream.write(content[len(content) // 2 :])

    threading.Thread(target=feed).start()
    state = {"XDG_STATE_HOME": str(tmp_path / "state")}
    done = command_line("watch", folder, *asked, tmp_path / "watch.json", "--idle", "6", "--webhook", address, **state)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("alarm: marker: K (1 1 0) appears") == 1
    assert "unreadable" not in done.stderr
    assert done.stderr.strip().splitlines()[-1].startswith("watch ended: 1 alarm: K (1 1 0) appears")
    assert [told["kind"] for told in webhook[1]] == ["marker"]
    assert command_line("track", folder, *asked, tmp_path / "track.json").returncode == 0
    assert (tmp_path / "watch.json").read_bytes() == (tmp_path / "track.json").read_bytes()
    again = command_line("watch", folder, *asked, tmp_path / "again.json", "--idle", "2", "--webhook", address, **state)
    assert "alarm: marker" not in again.stderr, "a restart tells again what was told"
    assert len(webhook[1]) == 1
    assert {path.name for path in folder.iterdir()} == {"scans.csv", *(f"scan_{i:03d}.xy" for i in range(6))}


def test_the_command_ends_at_the_alarm_it_was_told_to_end_at(
    tmp_path: Path, scan: Callable[..., bytes], command_line: Callable[..., Any]
) -> None:
    for number in range(6):
        put_scan(tmp_path, number, scan(number))
    write_log(tmp_path, 6)
    asked = ("--radiation", "CuKa1", "--phases", "K,Al", "--marker", "K 110", "--quiet", "--until", "marker")
    done = command_line("watch", tmp_path, *asked, XDG_STATE_HOME=str(tmp_path / ".state"))
    assert done.returncode == 0
    assert "watch ended: 1 alarm" in done.stderr


def test_a_folder_that_is_not_there_is_one_sentence(command_line: Callable[..., Any], tmp_path: Path) -> None:
    done = command_line("watch", tmp_path / "nothing")
    assert done.returncode == 3
    assert done.stderr.strip().endswith("there is no such folder.")


def test_the_service_follows_a_folder_through_a_restart_and_sends_alarms(
    running: Callable[..., Any], tmp_path: Path, scan: Callable[..., bytes], webhook: tuple[str, list[dict[str, Any]]]
) -> None:
    folder = tmp_path / "measured"
    folder.mkdir()
    write_log(folder, 6)
    (folder / "series.toml").write_text('[radiation]\nname = "CuKa1"\n')
    for number in (0, 2):
        put_scan(folder, number, scan(number))
    service = running("--watch", f"{folder}=live", "--webhook", webhook[0])
    with service.client() as client:
        series = watched_series(client, 2)
        client.patch(f"/api/v1/series/{series}", json={"options": {"phases": "K,Al", "marker": "K 110"}})
        service.settled(series, client)
        service.stop()
        put_scan(folder, 1, scan(1))  # late, and while nobody looks
        service.start()
        for number in (3, 4, 5):
            put_scan(folder, number, scan(number))
        assert watched_series(client, 6) == series
        service.settled(series, client)
        track = client.get(f"/api/v1/series/{series}/track").json()
        assert [one["name"] for one in track["scans"]] == [f"scan_{i:03d}" for i in range(6)]
        end = time.monotonic() + 20
        while "marker" not in [told["kind"] for told in webhook[1]]:
            assert time.monotonic() < end, webhook[1]
            time.sleep(0.1)
    assert {path.name for path in folder.iterdir()} == {"scans.csv", "series.toml", *(f"scan_{i:03d}.xy" for i in range(6))}


def watched_series(client: httpx.Client, scans: int) -> str:
    """The id of the one series, once it holds so many scans."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        found = client.get("/api/v1/series").json()["series"]
        if found and found[0]["scans"] == scans:
            return str(found[0]["id"])
        time.sleep(0.1)
    raise AssertionError(f"never {scans} scans: {found}")


def test_alarms_are_of_air_of_the_marker_and_of_scans_left_out() -> None:
    def event(kind: str, hkl: list[int] | None) -> dict[str, Any]:
        return {"kind": kind, "phase": "KNa2", "hkl": hkl, "sentence": f"{kind} {hkl}"}

    document = {
        "contamination": {"verdict": "found", "sentence": "Air."},
        "marker": {"phase": "KNa2", "hkl": [1, 0, 3]},
        "events": [event("appears", None), *(event(kind, [1, 0, 3]) for kind in ("appears", "weakens", "vanishes", "appears"))],
        "scans": [{"name": "a", "used": True, "why_not": None}, {"name": "b", "used": False, "why_not": "it is empty."}],
    }
    told = [(alarm.kind, alarm.key) for alarm in alarms_of(document)]
    assert told == [
        ("contamination", "found"),
        ("marker", "appears 1"),
        ("marker", "vanishes 1"),
        ("marker", "appears 2"),
        ("unreadable", "b"),
    ]
    clean = {**document, "contamination": {"verdict": "suspected", "sentence": ""}, "events": [], "scans": []}
    assert alarms_of(clean) == ()


@pytest.mark.skipif(
    os.environ.get("XRDKNA_FULL", "") in ("", "0"), reason="a time says something only on an idle machine; XRDKNA_FULL=1 runs it"
)
def test_a_scan_is_on_the_page_less_than_a_second_after_its_analysis_could_have_been(
    running: Callable[..., Any], tmp_path: Path, scan: Callable[..., bytes]
) -> None:
    folder = tmp_path / "quick"
    folder.mkdir()
    (folder / "series.toml").write_text('[radiation]\nname = "CuKa1"\n')
    put_scan(folder, 0, scan(0))
    service, beyond = running("--watch", str(folder)), []
    with service.client() as client:
        series = watched_series(client, 1)
        client.patch(f"/api/v1/series/{series}", json={"options": {"phases": "K,Al"}})
        service.settled(series, client)
        for number in range(1, 6):
            jobs = len(track_seconds(service))
            put_scan(folder, number, scan(number))
            written = time.monotonic()
            while len(client.get(f"/api/v1/series/{series}/track").json()["scans"]) <= number:
                time.sleep(0.01)
            shown = time.monotonic() - written
            end = time.monotonic() + 10
            while len(track_seconds(service)) == jobs and time.monotonic() < end:
                time.sleep(0.02)
            beyond.append(shown - sum(track_seconds(service)[jobs:]))
    assert sorted(beyond)[len(beyond) // 2] < 1.0, beyond


def track_seconds(service: Any) -> list[float]:
    """How long each following of a series took, as the workers logged it."""
    lines = [json.loads(line) for line in service.log().splitlines() if line.startswith("{")]
    return [line["seconds"] for line in lines if line["event"] == "job" and line["kind"] == "track" and line["state"] == "done"]
