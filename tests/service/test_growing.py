"""A series over HTTP grows as its scans come."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest


def test_scans_that_come_one_by_one_give_the_answer_of_those_that_came_together(
    service: Any, client: httpx.Client, begin: Callable[..., str], upload: Callable[..., httpx.Response]
) -> None:
    together = begin(client, "same", range(7))
    one_by_one = begin(client, "same")
    for number in (2, 0, 5, 1, 6, 4, 3):  # and late arrivals find their place
        assert upload(client, one_by_one, number).status_code == 201
        if number in (0, 6):
            service.settled(one_by_one, client)
    assert service.settled(together, client)["scans"] == service.settled(one_by_one, client)["scans"] == 7
    first, second = (client.get(f"/api/v1/series/{series}/track").text for series in (together, one_by_one))
    assert first == second


def test_a_deposit_is_seen_when_its_scans_have_come_and_not_before(
    service: Any, client: httpx.Client, begin: Callable[..., str], upload: Callable[..., httpx.Response]
) -> None:
    series = begin(client, "grows", range(3))
    service.settled(series, client)
    assert [e for e in client.get(f"/api/v1/series/{series}/events").json()["events"] if e["phase"] == "K"] == []
    for number in range(3, 7):
        upload(client, series, number)
    service.settled(series, client)
    found = [e for e in client.get(f"/api/v1/series/{series}/events").json()["events"] if e["phase"] == "K" and e["hkl"] is None]
    assert [(e["kind"], e["after_scan"], e["before_scan"]) for e in found] == [("appears", 2, 3)]
    alarms = client.get(f"/api/v1/series/{series}/alarms").json()["alarms"]
    assert [alarm["kind"] for alarm in alarms] == ["marker"]


def test_the_same_upload_twice_is_one_scan(client: httpx.Client, begin: Callable[..., str], upload: Callable[..., httpx.Response]) -> None:
    series = begin(client, "twice")
    assert [upload(client, series, 0).json()["files"][0]["new"] for _ in range(3)] == [True, False, False]
    assert len(client.get(f"/api/v1/series/{series}/scans").json()["files"]) == 1


def test_another_content_under_a_known_name_needs_to_be_asked_for(client: httpx.Client, begin: Callable[..., str], scan: Any) -> None:
    series = begin(client, "replaced", (0,))
    other = {"file": ("scan_000.xy", scan(0, seed=1))}
    refused = client.post(f"/api/v1/series/{series}/scans", files=other)
    assert refused.status_code == 409
    assert "replace=true" in refused.json()["detail"]
    assert client.post(f"/api/v1/series/{series}/scans", files=other, params={"replace": True}).status_code == 201
    assert len(client.get(f"/api/v1/series/{series}/scans").json()["files"]) == 1


def test_a_scan_that_cannot_be_read_is_reported_and_the_rest_goes_on(service: Any, client: httpx.Client, begin: Callable[..., str]) -> None:
    series = begin(client, "one broken", range(5))
    client.post(f"/api/v1/series/{series}/scans", files={"file": ("scan_005.xy", b"these are no numbers\n" * 20)})
    assert service.settled(series, client)["unreadable"] == 1
    scans = client.get(f"/api/v1/series/{series}/track").json()["scans"]
    assert [one["used"] for one in scans] == [True] * 5 + [False]
    assert "unreadable" in [alarm["kind"] for alarm in client.get(f"/api/v1/series/{series}/alarms").json()["alarms"]]


def test_a_page_hears_of_what_happens_and_of_what_it_missed(
    service: Any, client: httpx.Client, begin: Callable[..., str], upload: Callable[..., httpx.Response]
) -> None:
    series = begin(client, "heard")
    heard: list[str] = []
    with client.stream("GET", f"/api/v1/series/{series}/stream") as stream:
        lines = stream.iter_lines()
        assert next(line for line in lines if line.startswith("event:")) == "event: hello"
        upload(client, series, 0)
        last = ""
        for line in lines:
            last = line.removeprefix("id:").strip() if line.startswith("id:") else last
            heard += [line.removeprefix("event:").strip()] if line.startswith("event:") else []
            if "track" in heard:
                break
    assert heard.index("file") < heard.index("track")
    upload(client, series, 1)
    service.settled(series, client)
    with client.stream("GET", f"/api/v1/series/{series}/stream", headers={"last-event-id": last}) as stream:
        told = (line for line in stream.iter_lines() if line.startswith("data:"))
        assert any("scan_001.xy" in line for line in told)


def test_other_options_give_another_answer(service: Any, client: httpx.Client, begin: Callable[..., str]) -> None:
    series = begin(client, "changed", range(4))
    service.settled(series, client)
    assert client.patch(f"/api/v1/series/{series}", json={"options": {"radiation": "CuKa1", "phases": "Al"}}).status_code == 200
    service.settled(series, client)
    track = client.get(f"/api/v1/series/{series}/track").json()
    assert {t["phase"] for t in track["trajectories"] if t["quantity"] == "weight_fraction"} <= {"Al"}


def test_a_series_without_a_wavelength_says_what_to_do(service: Any, client: httpx.Client, scan: Callable[..., bytes]) -> None:
    series = client.post("/api/v1/series", json={"name": "dark"}).json()["id"]
    client.post(f"/api/v1/series/{series}/scans", files={"file": ("scan_000.xy", scan(0))})
    service.settled(series, client)
    answer = client.get(f"/api/v1/series/{series}/track")
    assert answer.status_code == 400
    assert "give --radiation" in answer.json()["detail"]
    assert "/scratch/" not in answer.text


def test_a_removed_series_is_gone_with_its_files(client: httpx.Client, begin: Callable[..., str]) -> None:
    series = begin(client, "gone", (0,))
    assert client.delete(f"/api/v1/series/{series}").status_code == 204
    assert client.get(f"/api/v1/series/{series}").status_code == 404
    assert client.get(f"/api/v1/series/{series}/files/scan_000.xy").status_code == 404


@pytest.mark.parametrize("where", ["track", "events", "view", "report", "table", "bundle"])
def test_before_there_is_an_answer_that_is_said(client: httpx.Client, begin: Callable[..., str], where: str) -> None:
    answer = client.get(f"/api/v1/series/{begin(client, 'empty')}/{where}")
    assert answer.status_code == (200 if where == "bundle" else 404)
