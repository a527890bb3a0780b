"""The page: one file, no network, no stranger's markup, and what it shows."""

import dataclasses
import json
import re
from html.parser import HTMLParser

import pytest

from xrdkna.records.track import Track
from xrdkna.report.html import write_index_html, write_peaks_html, write_refine_html, write_track_html

HOSTILE = "</script><script>alert(1)</script><img src=http://evil.example/x onerror=alert(2)>&\"'"


class Page(HTMLParser):
    """Tags, attributes, visible text and embedded figures of a page."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.plots: dict[str, dict] = {}
        self.text = ""
        self._inside: tuple[str, dict[str, str | None]] | None = None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._inside = (tag, dict(attrs))

    def handle_endtag(self, tag):
        self._inside = None if self._inside and self._inside[0] == tag else self._inside

    def handle_data(self, data):
        tag, attributes = self._inside or ("", {})
        if tag == "script" and "data-plot" in attributes:
            self.plots[attributes["data-plot"]] = json.loads(data, parse_constant=lambda word: pytest.fail(f"{word} in a figure"))
        elif tag not in ("script", "style"):
            self.text += data

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture
def page_of(tmp_path):
    def read(write, *records):
        write(*records, tmp_path / "page.html")
        return Page((tmp_path / "page.html").read_text(encoding="utf-8"))

    return read


def resources(page):
    """Everything a browser would fetch by itself."""
    names = {"src", "srcset", "href", "data", "poster", "action"}
    found = [(tag, value) for tag, attributes in page.tags for key, value in attributes.items() if key in names and value]
    return [value for tag, value in found if not (tag == "a" and value.startswith("#"))]


def test_the_page_fetches_nothing_and_forbids_fetching(page_of, make_index, make_track, tmp_path):
    for page in (page_of(write_refine_html, make_index()), page_of(write_track_html, make_track())):
        assert resources(page) == []
        assert "link" not in {tag for tag, _ in page.tags}
        policy = next(m["content"] for m in page.all("meta") if m.get("http-equiv") == "Content-Security-Policy")
        assert policy.startswith("default-src 'none'")
        assert "http" not in policy
    styles = re.findall(r"<style>(.*?)</style>", (tmp_path / "page.html").read_text(encoding="utf-8"), flags=re.S)
    assert styles
    assert not any("url(" in style or "@import" in style for style in styles)


def test_a_hostile_phase_name_is_shown_as_text_and_never_run(page_of, make_index, make_track):
    calm, hostile = page_of(write_refine_html, make_index()), page_of(write_refine_html, make_index(rename={"K": HOSTILE}))
    assert len(hostile.all("script")) == len(calm.all("script"))
    assert not hostile.all("img")
    assert HOSTILE in hostile.text
    followed = page_of(write_track_html, make_track(rename={"KNa2": HOSTILE}))
    assert len(followed.all("script")) == len(page_of(write_track_html, make_track()).all("script"))
    assert not followed.all("img")
    drawn = json.dumps([h.plots for h in (hostile, followed)])
    assert "<script" not in drawn, "plotly reads tags in a name as markup"
    assert "&lt;script" in drawn


def test_the_headline_says_what_is_there_what_is_open_and_what_is_unexplained(page_of, make_index):
    text = page_of(write_index_html, make_index(extra=2)).text
    assert "Present: Al (62.0(8) wt%) and K (30.4(10) wt%)." in text
    assert "Undecided: KNa2." in text
    assert "Looked for and not found: absent 0 and absent 1." in text
    assert "1 of 13 lines remains unindexed: 31.050(3)°." in text
    assert text.count(make_index().contamination.sentence) == 1
    assert "Give one with --radius MM." in text


def test_the_pattern_shows_the_numbers_of_the_fit_and_one_tick_row_a_phase(page_of, make_index):
    index = make_index(extra=5)
    plot = page_of(write_index_html, index).plots["plot-1"]
    by_name = {trace["name"]: trace for trace in plot["data"]}
    assert {"observed", "calculated", "background", "difference", "unindexed", "ambiguous"} <= set(by_name)
    rows = [trace for trace in plot["data"] if trace.get("yaxis") == "y2"]
    assert {trace["name"]: trace["x"] for trace in rows} == {n: [p for _, p in lines] for n, lines in index.refinement.ticks.items()}
    assert len({y for trace in rows for y in trace["y"]}) == 8
    observed, calculated, difference = (by_name[name]["y"] for name in ("observed", "calculated", "difference"))
    assert difference == pytest.approx([o - c for o, c in zip(observed, calculated, strict=True)], abs=0.02)


def test_a_pattern_of_many_points_is_thinned_and_keeps_its_highest(page_of, make_index):
    index = make_index(points=60_001)
    observed = next(t for t in page_of(write_index_html, index).plots["plot-1"]["data"] if t["name"] == "observed")
    assert len(observed["x"]) <= 4000
    assert max(observed["y"]) == index.refinement.observed.max()


def test_a_series_shows_map_cycler_curves_and_presence_on_one_axis_with_its_events(page_of, make_track):
    track = make_track()
    page = page_of(write_track_html, track)
    plots = [page.plots[f"plot-{k}"] for k in range(1, 6)]
    assert len({tuple(plot["layout"]["xaxis"]["range"]) for plot in plots}) == 1
    assert {plot["group"] for plot in plots} == {"time"}
    for plot in plots:
        bands = [(s["x0"], s["x1"]) for s in plot["layout"]["shapes"] if s["name"].startswith("event")]
        assert bands[0] == pytest.approx((track.events[0].time.low / 3600, track.events[0].time.high / 3600))
        assert len(bands) == 2
    assert plots[0]["data"][0]["type"] == "heatmap"
    assert all(row[5] is None for row in plots[0]["data"][0]["z"]), "the scan left out is a gap"
    marker = plots[2]["data"][0]
    assert marker["name"] == "KNa2 (1 0 3)"
    assert marker["error_y"]["array"][0] == pytest.approx(3.0)
    for event in track.events:
        assert event.sentence in page.text
    assert "KNa2 (1 0 3) appears and vanishes; KNa2 (1 1 2) weakens." in page.text


def test_a_series_in_which_nothing_happens_says_so(page_of, make_track):
    page = page_of(write_track_html, dataclasses.replace(make_track(), events=()))
    assert "Nothing appears, vanishes or changes" in page.text
    assert "What happened" not in page.text


def test_a_thousand_scans_fit_on_the_page(page_of, make_track, tmp_path):
    page = page_of(write_track_html, make_track(scans=1000))
    z = page.plots["plot-1"]["data"][0]["z"]
    assert len(z) <= 500
    assert max(len(row) for row in z) <= 500
    assert len(page.plots["plot-1"]["data"][0]["x"]) == len(z[0]) + 1
    assert (tmp_path / "page.html").stat().st_size < 12e6


def test_figures_have_words_and_tables_have_headers_for_who_cannot_see_them(page_of, make_index, make_track):
    for page in (page_of(write_refine_html, make_index()), page_of(write_track_html, make_track())):
        places = [a for a in page.all("div") if a.get("class") == "plot"]
        assert places
        assert all(a.get("role") == "img" and len(a.get("aria-label") or "") > 10 for a in places)
        assert all(a.get("scope") in ("col", "row") for a in page.all("th"))
        assert page.all("html")[0]["lang"] == "en"
        assert page.all("h1")
        assert any(m.get("name") == "viewport" for m in page.all("meta"))


def test_a_refinement_lists_its_parameters_and_an_index_does_not(page_of, make_index):
    assert "at its bound" in page_of(write_refine_html, make_index()).text
    assert "Parameters of the fit" not in page_of(write_index_html, make_index()).text


def test_a_published_list_shows_print_beside_verdict(page_of, published_index):
    text = page_of(write_index_html, published_index).text
    assert "K is bcc." in text
    assert "disagrees" in text
    assert "0.79° away" in text


def test_empty_answers_have_a_page(page_of, empty_index, make_track, facts, found, pattern, tmp_path):
    assert "No line stands out of the noise." in page_of(write_index_html, empty_index).text
    full = make_track()
    bare = Track(
        name="bare", axis="scan", origin=None, scans=(), trajectories=(), presence=(), events=(), contamination=full.contamination,
        unindexed=(), notices=(),
    )  # fmt: skip
    assert "The series holds no scan." in page_of(write_track_html, bare).text
    assert "the axis is the scan number" in page_of(write_track_html, make_track(scans=1, axis="scan")).text
    write_peaks_html(facts, dataclasses.replace(found, peaks=(), halos=()), pattern, tmp_path / "p.html")
    assert "No line stands out above 4.5 sigma" in Page((tmp_path / "p.html").read_text(encoding="utf-8")).text
