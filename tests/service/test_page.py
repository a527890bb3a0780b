"""The page in a real browser: Debian's Chromium, driven by Playwright. Screenshots go to $XRDKNA_SHOTS where that is set."""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed (apt-get install chromium)")
SIZES = {"wide": (1280, 900, "light"), "phone": (390, 844, "dark")}
PATIENCE_MS = 60_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium without a screen."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(params=list(SIZES))
def page(request: pytest.FixtureRequest, browser: Any) -> Iterator[Any]:
    """A window of one size; what goes wrong in it fails the test."""
    width, height, scheme = SIZES[request.param]
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme, accept_downloads=True)
    window, wrong = context.new_page(), []
    window.on("pageerror", lambda error: wrong.append(str(error)))
    window.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    yield window
    context.close()
    assert wrong == []


def shot(page: Any, name: str) -> None:
    """A screenshot for people, where a place for it is given."""
    if place := os.environ.get("XRDKNA_SHOTS"):
        page.screenshot(path=str(Path(place) / f"{name}-{page.viewport_size['width']}.png"), full_page=True)


def serious_violations(page: Any) -> list[str]:
    """What axe-core finds that shuts people out."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found if one["impact"] in ("serious", "critical")]


def test_a_series_is_begun_fed_watched_looked_at_and_taken_away(
    page: Any, service: Any, scan: Callable[..., bytes], tmp_path: Path
) -> None:
    files = []
    for number in range(8):
        files.append(tmp_path / f"scan_{number:03d}.xy")
        files[-1].write_bytes(scan(number))
    page.goto(service.base)
    page.get_by_label("Name").fill("in the browser")
    page.get_by_label("Radiation").fill("CuKa1")
    page.get_by_label("Phases").fill("K,Al")
    page.get_by_label("Marker").fill("K 110")
    page.get_by_role("button", name="Begin").click()
    page.wait_for_selector("#upload")
    page.locator("#files").set_input_files([str(path) for path in files[:5]])
    page.wait_for_selector('#series[data-settled="true"]', timeout=PATIENCE_MS)
    page.wait_for_selector("#plot-0 .main-svg")
    assert "appears between scan 2 and scan 3" in page.locator("#answer").inner_text()
    assert page.evaluate("Plots.ids().map((id) => Plots.figure(id).caption)")[:2] == ["2θ map of the series", "The marker, K (1 1 0)"]
    before = bands_of(page)
    page.locator("#files").set_input_files([str(path) for path in files[5:]])
    until(page, "() => document.getElementById('count').textContent.startsWith('8 scans')")
    page.wait_for_selector('#series[data-settled="true"]', timeout=PATIENCE_MS)
    until(page, "() => Plots.figure('plot-0').layout.xaxis.range[1] > 1.1")
    after = bands_of(page)
    assert before
    assert after
    assert share(after[0]) < share(before[0]), "the axis has grown, so the band of the first event has moved to the left"
    look_at(page, 6)
    assert page.locator("#scan-words table").inner_text().count("present") == 2
    assert page.locator("#scan .main-svg").count() > 0
    with page.expect_download(timeout=PATIENCE_MS) as download:
        page.locator("#report").click()
    assert "plotly.js v" in Path(download.value.path()).read_text(encoding="utf-8")
    shot(page, "series")
    assert serious_violations(page) == []


def test_a_click_into_a_figure_shows_the_scan_of_that_moment_and_a_drag_zooms_all(
    page: Any, service: Any, begin: Callable[..., str]
) -> None:
    with service.client() as client:
        series = begin(client, "clicked", range(6))
        service.settled(series, client)
    page.goto(f"{service.base}/series/{series}")
    page.wait_for_selector("#plot-0 .main-svg")
    page.locator("#plot-0").scroll_into_view_if_needed()
    page.wait_for_timeout(500)
    box = page.locator("#plot-0 .nsewdrag").first.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.45, box["y"] + box["height"] * 0.5, steps=4)
    page.wait_for_timeout(500)  # a person's hand comes to rest before it clicks
    page.mouse.down()
    page.mouse.up()
    page.wait_for_selector("#scan .main-svg", timeout=PATIENCE_MS)
    assert page.locator("#series").get_attribute("data-scan") == "scan_002"
    page.locator("#plot-0").scroll_into_view_if_needed()
    box = page.locator("#plot-0 .nsewdrag").first.bounding_box()
    for move, share_of in (("move", 0.2), ("down", 0.2), ("move", 0.6), ("up", 0.6)):
        if move == "move":
            page.mouse.move(box["x"] + box["width"] * share_of, box["y"] + box["height"] * (0.3 if share_of < 0.5 else 0.7), steps=5)
        else:
            getattr(page.mouse, move)()
    page.wait_for_timeout(800)
    ranges = page.evaluate("Plots.ids().filter((id) => Plots.figure(id).group).map((id) => document.getElementById(id).layout.xaxis.range)")
    whole = page.evaluate("Plots.figure('plot-0').layout.xaxis.range")
    assert all(abs(low - ranges[0][0]) + abs(high - ranges[0][1]) < 1e-6 for low, high in ranges)
    assert ranges[0][1] - ranges[0][0] < 0.6 * (whole[1] - whole[0])


def test_the_keyboard_alone_reaches_a_scan(page: Any, service: Any, begin: Callable[..., str]) -> None:
    with service.client() as client:
        series = begin(client, "by keys", range(4))
        service.settled(series, client)
    page.goto(f"{service.base}/series/{series}")
    page.wait_for_selector("#plot-0 .main-svg")
    page.locator("#scan-slider").focus()
    page.keyboard.press("ArrowLeft")
    page.wait_for_selector("#scan .main-svg", timeout=PATIENCE_MS)
    assert page.locator("#series").get_attribute("data-scan") == "scan_002"


@pytest.mark.parametrize("path", ["/", "/phases", "/login"])
def test_nobody_is_shut_out_of_the_other_pages(page: Any, service: Any, path: str) -> None:
    page.goto(service.base + path)
    shot(page, path.strip("/") or "home")
    assert serious_violations(page) == []
    overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert overflow <= 0, "the page is wider than the window"


def test_air_in_the_cell_is_a_banner_on_the_page(page: Any, service: Any, project_root: Path) -> None:
    with service.client() as client:
        series = client.post("/api/v1/series", json={"name": "leaks", "options": {"radiation": "CuKa", "radius": 240}}).json()["id"]
        content = (project_root / "samples" / "contaminated.xy").read_bytes()
        client.post(f"/api/v1/series/{series}/scans", files={"file": ("contaminated.xy", content)})
        service.settled(series, client)
    page.goto(f"{service.base}/series/{series}")
    page.wait_for_selector("#banner.found", timeout=PATIENCE_MS)
    assert "K2CO3" in page.locator("#banner").inner_text()


def test_a_thousand_scans_are_there_in_two_seconds(page: Any, service: Any) -> None:
    """The view of a long series as the worker would have made it, of the size that a thousand scans of the sample's kind have."""
    series = long_series(service)
    best = min(first_view(page, f"{service.base}/series/{series}") for _ in range(3))
    assert best < 2.0, f"took {best:.2f} s"


def until(page: Any, script: str) -> None:
    """Wait until a script says yes. (Playwright's own waiting makes scripts of strings, which the page's policy forbids.)"""
    end = time.monotonic() + PATIENCE_MS / 1000
    while not page.evaluate(script):
        assert time.monotonic() < end, f"never: {script}"
        time.sleep(0.02)


def look_at(page: Any, number: int) -> None:
    """Choose a scan with the slider and wait for it."""
    page.locator("#scan-slider").evaluate("(slider, n) => { slider.value = n; slider.dispatchEvent(new Event('change')); }", number)
    page.wait_for_selector(f'#series[data-scan="scan_{number:03d}"]', timeout=PATIENCE_MS)
    page.wait_for_selector("#scan .main-svg", timeout=PATIENCE_MS)


def bands_of(page: Any) -> list[list[float]]:
    """From, to, and end of the axis of each event's band in the map."""
    script = """() => {
        const layout = Plots.figure("plot-0").layout;
        return layout.shapes.filter((shape) => /^event/.test(shape.name)).map((shape) => [shape.x0, shape.x1, layout.xaxis.range[1]]);
    }"""
    return list(page.evaluate(script))


def share(band: list[float]) -> float:
    """Where on the axis a band begins, 0 … 1."""
    return band[0] / band[2]


def first_view(page: Any, address: str) -> float:
    """Seconds from asking for the page to the map and all curves drawn."""
    began = time.monotonic()
    page.goto(address, wait_until="commit")
    until(page, "() => document.querySelectorAll('#plots .main-svg').length >= 3 && document.querySelector('#plots .hm image') !== null")
    return time.monotonic() - began


def long_series(service: Any) -> str:
    """A series of a thousand scans whose answer is a planted track."""
    import numpy as np

    from xrdkna.edge.page.view import map_to_keep, series_view
    from xrdkna.edge.store.projects import project_named
    from xrdkna.edge.store.series import make_series
    from xrdkna.edge.store.store import open_store
    from xrdkna.edge.work.documents import json_to_keep
    from xrdkna.records.air import Contamination
    from xrdkna.records.track import Heatmap, Presence, Track, TrackedScan, Trajectory

    n, rng = 1000, np.random.default_rng(0)
    facts = {"start_time": None, "state": "rest", "charge_mAh": None, "used": True, "why_not": None}
    scans = tuple(TrackedScan(index=i, name=f"scan_{i:04d}", start=600.0 * i, end=600.0 * i + 540, **facts) for i in range(n))
    curves = [tuple(float(x) for x in rng.normal(100, 10, n)) for _ in range(8)]
    esds = (1.0,) * n
    track = Track(
        name="long",
        axis="time",
        origin=None,
        scans=scans,
        events=(),
        unindexed=(),
        notices=(),
        marker=("K", (1, 1, 0)),
        trajectories=tuple(
            Trajectory(quantity="intensity", phase="K", hkl=(1, 1, k), unit="counts·°", value=curve, esd=esds)
            for k, curve in enumerate(curves)
        ),
        presence=tuple(Presence(phase=name, hkl=None, probability=rng.random(n)) for name in ("K", "Al", "KNa2")),
        contamination=Contamination(verdict="none", phases=(), onset_scan=None, sentence="None."),
        heatmap=Heatmap(two_theta=np.linspace(10, 80, 1000), scans=tuple(range(n)), intensity=rng.poisson(200, (n, 1000)).astype(float)),
    )
    with open_store(service.data, prepare=False) as store:
        kept = {"track": b"{}", "view": json_to_keep(series_view(track), Path("/nowhere")), "map": map_to_keep(track)}
        with store.database.writing() as session:
            series = make_series(session, project_id=project_named(session, "local").id, name="long", options={})
            series.artifacts = {name: store.keep(content) for name, content in kept.items()}
            series.tracked = 0
            return series.id
