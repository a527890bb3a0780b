"""Which lines cannot be told apart: the traps the chemistry file names must be found."""

import pytest

from xrdkna.errors import UsageError
from xrdkna.phases.overlaps import find_overlaps, line_list
from xrdkna.phases.reflections import reflections_of
from xrdkna.records.instrument import Instrument
from xrdkna.records.phases import Library, Reflections

TRAPS = [
    ("Al2O3", (0, 1, 2), "KNa2", (1, 0, 3), 0.09),
    ("K", (1, 1, 0), "KNa2", (1, 1, 0), 0.12),
    ("Al2O3", (1, 0, 4), "KNa2", (2, 0, 3), 0.07),
    ("KNa2", (2, 1, 3), "K2CO3", (2, 2, -2), 0.07),
]


def reflections(library: Library, instrument: Instrument, *names: str) -> tuple[Reflections, ...]:
    return tuple(reflections_of(library.phases[name], instrument=instrument, two_theta_max=100) for name in names)


@pytest.mark.parametrize(("first", "hkl_first", "second", "hkl_second", "separation"), TRAPS)
def test_a_trap_of_the_cell_is_found(
    library: Library,
    copper: Instrument,
    first: str,
    hkl_first: tuple[int, int, int],
    second: str,
    hkl_second: tuple[int, int, int],
    separation: float,
) -> None:
    found = find_overlaps(
        reflections(library, copper, "K", "KNa2", "K2CO3", "Al", "Al2O3"), instrument=copper, width=0.15, minimum_relative=0.0005
    )
    pairs = {frozenset(((o.first.phase, o.first.hkl), (o.second.phase, o.second.hkl))): o.separation for o in found}
    assert pairs[frozenset(((first, hkl_first), (second, hkl_second)))] <= separation


def test_the_confirming_pair_is_clear_of_k_al_and_al2o3(library: Library, copper: Instrument) -> None:
    found = find_overlaps(reflections(library, copper, "K", "KNa2", "Al", "Al2O3"), instrument=copper, width=0.3)
    named = {(line.phase, line.hkl) for overlap in found for line in (overlap.first, overlap.second)}
    assert ("KNa2", (1, 0, 3)) in named
    assert ("KNa2", (1, 1, 2)) not in named
    assert ("KNa2", (2, 0, 1)) not in named


def test_overlaps_come_strongest_first_and_within_the_width(library: Library, copper: Instrument) -> None:
    found = find_overlaps(reflections(library, copper, "K", "KNa2", "K2CO3", "Al2O3"), instrument=copper, width=0.1)
    weights = [min(o.first.intensity, o.second.intensity) for o in found]
    assert weights == sorted(weights, reverse=True)
    assert all(0 <= o.separation < 0.1 and o.first.two_theta <= o.second.two_theta for o in found)
    assert min(weights) >= 0.02


def test_a_phase_does_not_overlap_itself_and_a_narrow_line_overlaps_nothing(library: Library, copper: Instrument) -> None:
    assert find_overlaps(reflections(library, copper, "K2CO3"), instrument=copper, width=0.5) == ()
    assert find_overlaps(reflections(library, copper, "K", "KNa2"), instrument=copper, width=0.001) == ()


def test_a_wider_line_overlaps_at_least_as_much(library: Library, copper: Instrument) -> None:
    lines = reflections(library, copper, "K", "KNa2", "Al2O3", "K2CO3")
    counts = [len(find_overlaps(lines, instrument=copper, width=width)) for width in (0.02, 0.05, 0.1, 0.2)]
    assert counts == sorted(counts)
    assert counts[-1] > counts[0]


@pytest.mark.parametrize("width", [0.0, -1.0, float("nan")])
def test_a_width_that_is_none_is_refused(library: Library, copper: Instrument, width: float) -> None:
    with pytest.raises(UsageError, match="give a positive number of degrees"):
        find_overlaps(reflections(library, copper, "K"), instrument=copper, width=width)


def test_the_list_of_lines_rises_in_angle_and_its_strongest_is_one(library: Library, copper: Instrument) -> None:
    for each in reflections(library, copper, "K", "KNa2", "gamma-Al2O3"):
        lines = line_list(each, instrument=copper)
        assert [line.two_theta for line in lines] == sorted(line.two_theta for line in lines)
        assert max(line.intensity for line in lines) == pytest.approx(1.0)


def test_aluminium_has_its_cards_intensities(library: Library, copper: Instrument) -> None:
    """ICDD 00-004-0787, metallic Al: 100, 47, 22, 24, 7 for (111) to (222), read to a few units and without displacement corrections."""
    (al,) = reflections(library, copper, "Al")
    ours = {line.hkl: 100 * line.intensity for line in line_list(al, instrument=copper)}
    card = {(1, 1, 1): 100, (2, 0, 0): 47, (2, 2, 0): 22, (3, 1, 1): 24, (2, 2, 2): 7}
    for hkl, intensity in card.items():
        assert ours[hkl] == pytest.approx(intensity, abs=6)
