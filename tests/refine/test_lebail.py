"""Intensities from the pattern: planted areas come back, no structure bends the cell, and nothing is found in nothing."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.special import voigt_profile

sys.path.insert(0, str(Path(__file__).parent))
from conftest import INSTRUMENT, Planted, pattern_of, planted_counts

from xrdkna.errors import DeclinedError, UsageError
from xrdkna.match.settings import MatchSettings
from xrdkna.match.verdicts import judge_phases
from xrdkna.phases.library import load_library
from xrdkna.phases.reflections import reflections_of
from xrdkna.records.phases import Cell, Reflections
from xrdkna.records.refinement import FittedLine, Refinement
from xrdkna.refine.following.chain import follow_patterns
from xrdkna.refine.refine import refine_pattern
from xrdkna.refine.settings import RefineSettings

WAYS = ("lebail", "pawley")
# A pseudo-Voigt fitted to a Voigt of these widths, with Poisson weights, is 0.1 to 0.9 % too large in area.
PROFILE = 0.01
# Ratios that no structure has.
RATIOS = dict(enumerate((0.4, 1.9, 0.7, 0.2, 1.5, 2.3, 0.9, 0.6, 1.2, 1.7, 0.3, 1.1, 0.8)))
REAL = Path(__file__).parents[3] / "shared" / "real" / "qpa"
STRUCTURES = Path(__file__).parents[1] / "claims" / "structures"


def fit(two_theta: np.ndarray, counts: np.ndarray, phases: list[Reflections], **intensities: str) -> Refinement:
    settings = RefineSettings(texture="none", intensities=intensities)
    return refine_pattern(pattern_of(two_theta, counts), phases, settings, fwhm=0.1)


def noisy(expected: np.ndarray, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).poisson(expected).astype(float)


def true_areas(phase: Planted) -> dict[tuple[int, ...], float]:
    """Counts·degrees of each reflection, all spectral lines together."""
    areas = np.zeros(len(phase.reflections.hkl))
    for i, hkl in enumerate(phase.reflections.hkl):
        d = phase.cell.a / np.sqrt(float(np.sum(hkl**2)))
        for line in (line for line in INSTRUMENT.radiation.lines if line.wavelength < 2 * d):
            theta = np.arcsin(line.wavelength / (2 * d))
            lp = (1 + np.cos(2 * theta) ** 2) / 2 / (np.sin(theta) ** 2 * np.cos(theta))
            areas[i] += phase.scale * phase.reflections.multiplicity[i] * phase.reflections.f_squared[i] * lp * line.weight
        areas[i] *= phase.texture.get(i, 1.0)
    return {tuple(hkl): float(area) for hkl, area in zip(phase.reflections.hkl.tolist(), areas, strict=True)}


def lines_of(result: Refinement, phase: str) -> list[FittedLine]:
    return [line for line in result.lines if line.phase == phase]


@pytest.mark.parametrize("way", WAYS)
def test_planted_cell_and_intensities_come_back_within_their_esds(way, two_theta, primitive):
    # The pair at one place strong enough to be measured.
    phase = Planted(primitive, Cell(a=3.7037, b=3.7037, c=3.7037), 0.001, {**RATIOS, 7: 6.0, 8: 12.0})
    expected, truth = planted_counts(two_theta, [phase], displacement_mm=0.05), true_areas(phase)
    together = ((2, 2, 1), (3, 0, 0))
    pulls, cells, sums = [], [], []
    for seed in range(16):
        result = fit(two_theta, noisy(expected, seed), [primitive], Prim=way)
        assert result.verdict == "accepted"
        lines = lines_of(result, "Prim")
        alone = [line for line in lines if line.hkl not in together and truth[line.hkl] > 5.0 * line.area_esd]
        pulls += [(line.area - truth[line.hkl]) / line.area_esd for line in alone]
        sums.append(sum(line.area for line in lines if line.hkl in together))
        cell = result.phase("Prim").cell["a"]
        cells.append((cell.value - 3.7037) / cell.esd)
    assert np.abs(cells).max() < 3.0
    assert abs(np.mean(pulls)) < 0.35
    assert 0.85 < np.std(pulls) < 1.2
    # Of two reflections at one place only the sum is measured, and that is right.
    pair = sum(truth[hkl] for hkl in together)
    assert abs(np.mean(sums) - pair) < 3.5 * np.std(sums) / np.sqrt(len(sums)) + PROFILE * pair
    # Counts under the pair: its own and 0.4° of background, 0.02° a step.
    assert np.std(sums) < 2.0 * np.sqrt((pair + 0.4 * 105.0) * 0.02)


@pytest.mark.parametrize("way", WAYS)
def test_reflections_at_one_place_share_by_multiplicity_and_their_esds_allow_any_share(way, two_theta, primitive):
    # All of it is (3 0 0): (2 2 1), at the same angle, is absent.
    ratios = {i: {(2, 2, 1): 0.0, (3, 0, 0): 5.0}.get(tuple(hkl), 1.0) for i, hkl in enumerate(primitive.hkl.tolist())}
    phase = Planted(primitive, primitive.cell, 0.02, ratios)
    result = fit(two_theta, noisy(planted_counts(two_theta, [phase]), 1), [primitive], Prim=way)
    first, second = (next(line for line in lines_of(result, "Prim") if line.hkl == hkl) for hkl in ((2, 2, 1), (3, 0, 0)))
    assert first.area / second.area == pytest.approx(24 / 6, rel=1e-6)
    truth = true_areas(phase)[(3, 0, 0)]
    assert abs(first.area + second.area - truth) < 4.0 * np.sqrt(truth / 0.02) * 0.02 + PROFILE * truth
    assert abs(second.area - truth) < 4.0 * second.area_esd


def tetragonal(a: float, c: float, name: str = "Tet") -> Reflections:
    """A tetragonal crystal that is nearly cubic: its lines come in close pairs."""
    hkl = [(h, k, l) for h in range(4) for k in range(h + 1) for l in range(4) if 0 < h * h + k * k + l * l < 10]
    hkl.sort(key=lambda index: (index[0] ** 2 + index[1] ** 2) / a**2 + index[2] ** 2 / c**2)
    multiplicity = [(1 if k == h == 0 else 8 if 0 < k < h else 4) * (2 if l else 1) for h, k, l in hkl]
    return Reflections(
        phase=name,
        role="other",
        crystal_system="tetragonal",
        cell=Cell(a=a, b=a, c=c),
        cell_mass=100.0,
        positions_only=False,
        hkl=np.array(hkl),
        multiplicity=np.array(multiplicity, dtype=float),
        f_squared=np.full(len(hkl), 100.0),
        d_spacing=np.array([((h * h + k * k) / a**2 + l * l / c**2) ** -0.5 for h, k, l in hkl]),
    )


def tetragonal_counts(two_theta: np.ndarray, phase: Reflections, a: float, c: float, areas: np.ndarray) -> np.ndarray:
    counts = np.full(two_theta.size, 120.0)
    lines = INSTRUMENT.radiation.lines
    weights = np.array([line.weight for line in lines]) / sum(line.weight for line in lines)
    for (h, k, l), area in zip(phase.hkl, areas, strict=True):
        d = ((h * h + k * k) / a**2 + l * l / c**2) ** -0.5
        for line, weight in zip(lines, weights, strict=True):
            theta = np.arcsin(line.wavelength / (2 * d))
            counts += area * weight * voigt_profile(two_theta - np.degrees(2 * theta), 0.06 / 2.3548, 0.025 / np.cos(theta))
    return counts


@pytest.mark.parametrize("way", WAYS)
def test_of_two_lines_a_width_apart_the_sum_is_known_better_than_either(way, two_theta):
    phase = tetragonal(3.700, 3.712)
    areas = np.random.default_rng(4).uniform(20.0, 200.0, len(phase.hkl))
    expected = tetragonal_counts(two_theta, phase, 3.7015, 3.7135, areas)
    places = [phase.hkl.tolist().index(hkl) for hkl in ([0, 0, 1], [1, 0, 0])]
    sums, singles, claimed = [], [], []
    for seed in range(12):
        result = fit(two_theta, noisy(expected, seed), [phase], Tet=way)
        pair = [lines_of(result, "Tet")[place] for place in places]
        sums.append(sum(line.area for line in pair))
        singles.append(pair[0].area)
        claimed.append(pair[0].area_esd)
        cell = result.phase("Tet").cell
        assert abs(cell["a"].value - 3.7015) < 4.0 * cell["a"].esd
        assert abs(cell["c"].value - 3.7135) < 4.0 * cell["c"].esd
    truth = areas[places].sum()
    assert abs(np.mean(sums) - truth) < 3.5 * np.std(sums) / np.sqrt(len(sums)) + PROFILE * truth
    assert 0.5 < np.std(singles) / np.mean(claimed) < 1.7
    assert np.std(sums) < np.hypot(np.std(singles), np.mean(claimed))


@pytest.mark.parametrize("way", WAYS)
def test_a_wrong_structure_bends_no_cell_once_its_intensities_are_not_believed(way, two_theta, primitive):
    phase = Planted(primitive, Cell(a=3.7037, b=3.7037, c=3.7037), 0.01, RATIOS)
    counts = noisy(planted_counts(two_theta, [phase]), 3)
    wrong = replace(primitive, f_squared=np.random.default_rng(8).uniform(1.0, 1000.0, len(primitive.hkl)))
    right, other = (fit(two_theta, counts, [lines], Prim=way) for lines in (primitive, wrong))
    assert other.phase("Prim").cell["a"] == right.phase("Prim").cell["a"]
    assert other.rwp == right.rwp
    assert fit(two_theta, counts, [wrong]).rwp > 2.0 * other.rwp


def test_le_bail_from_equal_intensities_ends_where_pawley_does(two_theta, primitive, body_centred):
    planted = [Planted(primitive, primitive.cell, 0.01, RATIOS), Planted(body_centred, body_centred.cell, 0.02, {})]
    counts = noisy(planted_counts(two_theta, planted), 5)
    lebail, pawley = (fit(two_theta, counts, [primitive, body_centred], Prim=way) for way in WAYS)
    for one, other in zip(lines_of(lebail, "Prim"), lines_of(pawley, "Prim"), strict=True):
        assert one.area == pytest.approx(other.area, abs=0.25 * one.area_esd)
    assert lebail.rwp == pytest.approx(pawley.rwp, rel=1e-4)
    a, b = lebail.phase("Prim").cell["a"], pawley.phase("Prim").cell["a"]
    assert a.value == pytest.approx(b.value, abs=0.1 * a.esd)


@pytest.mark.parametrize("way", WAYS)
def test_an_empty_pattern_has_no_intensities_and_no_phase(way, two_theta, primitive):
    significances, pulls = [], []
    for seed in range(12):
        result = fit(two_theta, noisy(100.0 + 2000.0 / two_theta, seed), [primitive], Prim=way)
        (verdict,) = judge_phases(result, settings=MatchSettings())
        assert verdict.verdict == "absent"
        significances.append(verdict.significance)
        lines = lines_of(result, "Prim")
        pulls += [line.area / line.area_esd for line in lines if line.area_esd is not None]
        # Fitted to noise, widths may shrink until a line falls between two points: then nothing is claimed of it.
        assert all(line.area == 0.0 for line in lines if line.area_esd is None)
    assert max(significances) < 3.5
    assert min(pulls) >= 0.0
    assert len(pulls) > 100
    assert max(pulls) < 4.5
    assert np.mean(pulls) < 1.0


def test_the_same_judge_finds_the_phase_where_it_is(two_theta, primitive):
    phase = Planted(primitive, primitive.cell, 0.0006, RATIOS)
    result = fit(two_theta, noisy(planted_counts(two_theta, [phase]), 0), [primitive], Prim="lebail")
    (verdict,) = judge_phases(result, settings=MatchSettings())
    assert verdict.verdict == "present"
    assert verdict.significance > 5.0


@pytest.mark.parametrize("way", WAYS)
def test_such_a_phase_has_no_weight_and_says_so_and_the_others_are_weighed_without_it(
    way, two_theta, primitive, body_centred, face_centred
):
    planted = [
        Planted(primitive, primitive.cell, 0.01, RATIOS),
        Planted(body_centred, body_centred.cell, 0.02, {}),
        Planted(face_centred, face_centred.cell, 0.01, {}),
    ]
    counts = noisy(planted_counts(two_theta, planted), 2)
    result = fit(two_theta, counts, [phase.reflections for phase in planted], Prim=way)
    assert result.phase("Prim").weight_fraction is None
    assert result.phase("Prim").detection_limit is None
    notice = next(notice for notice in result.notices if notice.code == "intensities-extracted")
    assert "Prim" in notice.sentence
    bcc, fcc = (result.phase(name).weight_fraction for name in ("Bcc", "Fcc"))
    amounts = [phase.scale * phase.reflections.cell_mass * phase.cell.a**3 for phase in planted[1:]]
    assert bcc.value + fcc.value == pytest.approx(1.0)
    assert abs(bcc.value - amounts[0] / sum(amounts)) < 4.0 * bcc.esd
    assert all(line.area_esd is None for line in lines_of(result, "Bcc"))


@pytest.mark.parametrize("way", WAYS)
def test_a_library_phase_of_positions_only_gives_up_its_intensities(way, two_theta):
    listed = reflections_of(load_library().phases["gamma-Al2O3"], instrument=INSTRUMENT, two_theta_max=100.0)
    assert listed.positions_only
    phase = Planted(listed, Cell(a=7.911, b=7.911, c=7.911), 1e-4, {0: 3.0, 1: 0.5, 2: 2.0, 3: 0.2})
    counts = noisy(planted_counts(two_theta, [phase], lorentzian_fwhm=0.6), 6)
    result = refine_pattern(
        pattern_of(two_theta, counts), [listed], RefineSettings(intensities={"gamma-Al2O3": way}), fwhm=0.6
    )  # fmt: skip
    cell = result.phase("gamma-Al2O3").cell["a"]
    assert abs(cell.value - 7.911) < 4.0 * cell.esd
    truth = true_areas(phase)
    strong = [line for line in lines_of(result, "gamma-Al2O3") if truth[line.hkl] > 0.1 * max(truth.values())]
    assert len(strong) >= 3
    for line in strong:
        assert abs(line.area - truth[line.hkl]) < 4.0 * line.area_esd + PROFILE * truth[line.hkl]


def test_a_cell_too_far_off_is_not_called_accepted(two_theta, primitive):
    far = Planted(primitive, Cell(a=3.80, b=3.80, c=3.80), 0.02, RATIOS)
    result = fit(two_theta, noisy(planted_counts(two_theta, [far]), 0), [primitive], Prim="lebail")
    assert result.verdict != "accepted"


def test_pure_corundum_needs_no_structure():
    if not (REAL / "corundum.prn").is_file():
        pytest.skip("the measured corundum pattern is not here: ../shared/real is absent.")
    from xrdkna.physics.radiation import radiation_from_text
    from xrdkna.pipeline import Settings, refine_scan
    from xrdkna.read.formats import read_scan

    scan, library = read_scan(REAL / "corundum.prn"), load_library(extra_cifs=(STRUCTURES / "corundum.cif",))
    base = Settings(radiation=radiation_from_text("CuKa"), radius_mm=173.0, phases=("corundum",), refine=RefineSettings(texture="none"))
    rietveld = refine_scan(scan, library, base).refinement
    for way in WAYS:
        index = refine_scan(scan, library, replace(base, refine=replace(base.refine, intensities={"corundum": way})))
        result = index.refinement
        assert result.verdict == "accepted"
        assert result.rwp <= rietveld.rwp
        assert index.phases[0].verdict == "present"
        for edge in ("a", "c"):
            one, other = result.phase("corundum").cell[edge], rietveld.phase("corundum").cell[edge]
            assert abs(one.value - other.value) < 3.0 * one.esd
        # The strongest line of corundum is (1 1 3), (1 0 4) next to it (ICDD 10-173: 100 and 90).
        areas = {line.hkl: line.area for line in result.lines}
        assert 0.8 < areas[(1, 0, 4)] / areas[(1, 1, 3)] < 1.0


def test_a_line_without_indices_is_refused_with_a_sentence(two_theta, primitive):
    hkl = np.array(primitive.hkl)
    hkl[2] = 0
    with pytest.raises(DeclinedError, match="no hkl"):
        fit(two_theta, np.full(two_theta.size, 50.0), [replace(primitive, hkl=hkl)], Prim="lebail")


def test_a_way_that_does_not_exist_is_refused():
    with pytest.raises(UsageError, match="intensities is guessed"):
        RefineSettings(intensities={"Prim": "guessed"})


def test_a_series_is_not_followed_with_extracted_intensities(two_theta, primitive):
    settings = RefineSettings(intensities={"Prim": "lebail"})
    patterns = [pattern_of(two_theta, np.full(two_theta.size, 50.0))]
    with pytest.raises(DeclinedError, match="scan by scan"):
        next(follow_patterns(patterns, [primitive], settings, fwhm=0.1))
