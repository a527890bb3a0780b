"""The source study's lists against the whole reference library."""

import pytest

from xrdkna.match.lines import LineSettings, index_published_lines
from xrdkna.phases.library import load_library
from xrdkna.phases.reflections import reflections_of
from xrdkna.physics.radiation import tube_radiation
from xrdkna.records.index import Index, PublishedLine
from xrdkna.records.instrument import Instrument
from xrdkna.records.phases import Reflections

CU = Instrument(radiation=tube_radiation("Cu"))
K = ((23.5, (1, 1, 0)), (33.5, (2, 0, 0)), (41.7, (2, 1, 1)), (48.1, (2, 2, 0)), (65.5, (3, 2, 1)))
KNA2 = ((24.5, (1, 1, 0)), (25.7, (1, 0, 3)), (28.4, (2, 0, 1)), (30.8, (2, 0, 2)), (42.6, (3, 0, 1)), (55.8, (4, -1, 3)))


@pytest.fixture(scope="module")
def library() -> tuple[Reflections, ...]:
    return tuple(reflections_of(phase, instrument=CU) for phase in load_library().phases.values())


def judged(lines: list[PublishedLine], library: tuple[Reflections, ...]) -> Index:
    return index_published_lines(tuple(lines), library, instrument=CU, settings=LineSettings())


def test_of_the_whole_library_only_potassium_is_in_the_potassium_list(library: tuple[Reflections, ...]) -> None:
    index = judged([PublishedLine(two_theta=angle, d_spacing=None) for angle, _ in K], library)
    assert [phase.phase for phase in index.phases if phase.verdict == "present"] == ["K"]
    assert any("body-centred (bcc)" in reason for phase in index.phases if phase.phase == "K" for reason in phase.reasons)


def test_against_the_whole_library_the_plating_list_is_neither_forced_nor_hidden(library: tuple[Reflections, ...]) -> None:
    lines = [PublishedLine(two_theta=angle, d_spacing=None, phase="KNa2", hkl=hkl) for angle, hkl in KNA2]
    index = judged([*lines, PublishedLine(two_theta=31.6, d_spacing=None)], library)
    told = {peak.peak.two_theta.value: peak for peak in index.peaks}
    assert [told[angle].published_verdict for angle in (24.5, 25.7, 28.4)] == ["disagrees", "agrees", "agrees"]
    assert ("K2CO3", (1, 3, 0)) in [(a.phase, a.hkl) for a in told[31.6].assignments]
    assert not [phase.phase for phase in index.phases if phase.verdict == "present"]
