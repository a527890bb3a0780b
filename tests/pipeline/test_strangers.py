"""A line that nothing explains: what is said of it in a scan, in a published list, and when the user has left its place out."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from xrdkna.phases.library import load_library
from xrdkna.physics.radiation import radiation_from_text
from xrdkna.pipeline import Settings
from xrdkna.pipeline.scan import index_lines, index_scan, refine_scan
from xrdkna.read.lines import read_lines
from xrdkna.records.index import Index
from xrdkna.records.phases import Library
from xrdkna.records.scan import Scan

SAMPLES = Path(__file__).parents[2] / "samples"
PLACE = 31.6


def with_a_line(scan: Scan, *, height: float, place: float = PLACE, seed: int = 5) -> Scan:
    """The scan with one more line, 0.12° wide."""
    rng = np.random.default_rng(seed)
    extra = rng.poisson(height * np.exp(-4.0 * np.log(2.0) * ((scan.two_theta - place) / 0.12) ** 2))
    counts = scan.intensity + extra
    return replace(scan, intensity=counts, sigma=np.sqrt(np.maximum(counts, 1.0)))


@pytest.fixture(scope="module")
def lone(mesh: Callable[..., Scan], library: Library, settings: Settings) -> Index:
    return index_scan(with_a_line(mesh(k=0.05, kna2=0.1), height=400.0), library, settings)


def strangers(index: Index) -> list[float]:
    return [peak.peak.two_theta.value for peak in index.peaks if peak.status == "unindexed"]


def test_a_line_alone_at_a_carbonate_s_place_is_unindexed_and_says_what_is_missing(lone: Index) -> None:
    assert lone.contamination.verdict == "none"
    assert strangers(lone) == [pytest.approx(PLACE, abs=0.03)]
    peak = next(peak for peak in lone.peaks if peak.status == "unindexed")
    assert "at K2CO3 (1 3 0), but " in peak.sentence
    assert "(1 1 2)" in peak.sentence
    assert "not there above" in peak.sentence
    assert peak.sentence.startswith(f"d {peak.peak.d_spacing.value:.3f} Å")
    assert "K2CO3 (1 3 0) stays unindexed" in lone.contamination.sentence


def test_the_whole_family_of_a_clean_scan_is_improbable_and_of_a_leaking_one_named(
    mesh: Callable[..., Scan], library: Library, settings: Settings
) -> None:
    clean = index_scan(mesh(k=0.05, seed=21), library, settings).contamination
    assert clean.verdict == "none"
    assert clean.probability is not None
    assert clean.probability < 0.5
    assert [member.phase for member in clean.members] == ["K2CO3"]
    assert clean.members[0].limit is not None


def test_the_unexplained_line_of_the_paper_is_at_k2co3_130_without_its_others() -> None:
    answer = index_lines(read_lines(SAMPLES / "paper_lines.csv"), load_library(), Settings(radiation=radiation_from_text("CuKa")))
    line = next(peak for peak in answer.peaks if abs(peak.peak.two_theta.value - 31.6) < 1e-6)
    assert line.status == "unindexed"
    assert "at K2CO3 (1 3 0), but (1 1 2), (2 0 0) and (1 1 −2) are not in the list" in line.sentence
    assert (line.assignments[0].phase, line.assignments[0].hkl) == ("K2CO3", (1, 3, 0))
    assert answer.contamination.verdict == "none"
    assert "31.6° is at K2CO3 (1 3 0)" in answer.contamination.sentence


def test_a_peak_in_a_region_left_out_is_listed_nowhere(mesh: Callable[..., Scan], library: Library, settings: Settings) -> None:
    scan = with_a_line(mesh(k=0.05), height=400.0)
    chosen = replace(settings, phases=("Al", "Al2O3", "K"))
    told = refine_scan(scan, library, chosen)
    left_out = refine_scan(scan, library, replace(chosen, refine=replace(chosen.refine, excluded=((31.2, 32.0),))))
    assert any(abs(place - PLACE) < 0.05 for place in strangers(told))
    assert all(not 31.2 <= peak.peak.two_theta.value <= 32.0 for peak in left_out.peaks)
    assert not any("31." in notice.sentence for notice in left_out.notices if notice.code == "unindexed")
