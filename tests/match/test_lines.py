"""Published lists of lines: the source study's own, planted ones, and lists in which there is nothing."""

import math
from collections.abc import Sequence

import gemmi
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xrdkna.errors import PhaseChoiceError, RecordError
from xrdkna.match.lines import LineSettings, index_published_lines
from xrdkna.physics.bragg import d_from_two_theta, displacement_pattern, two_theta_from_d
from xrdkna.physics.intensity import lorentz_polarisation
from xrdkna.physics.lattice import d_spacings
from xrdkna.physics.radiation import tube_radiation
from xrdkna.records.index import Index, PublishedLine
from xrdkna.records.instrument import Instrument
from xrdkna.records.phases import Cell, Reflections

CU = Instrument(radiation=tube_radiation("Cu"))
MO = Instrument(radiation=tube_radiation("Mo"))
Row = tuple[float, str | None, tuple[int, int, int] | None]

# The lists of Tai et al. (2021), Cu Kα: pristine K, its carbonate, the alloy under plating.
K_ROWS: list[Row] = [(23.5, "K", (1, 1, 0)), (33.5, "K", (2, 0, 0)), (41.7, "K", (2, 1, 1)), (48.1, "K", (2, 2, 0)), (65.5, "K", (3, 2, 1))]
CARBONATE_ROWS: list[Row] = [(30.4, "K2CO3", None), (31.8, "K2CO3", None)]
KNA2_ROWS: list[Row] = [
    (24.5, "KNa2", (1, 1, 0)),
    (25.7, "KNa2", (1, 0, 3)),
    (28.4, "KNa2", (2, 0, 1)),
    (30.8, "KNa2", (2, 0, 2)),
    (42.6, "KNa2", (3, 0, 1)),
    (55.8, "KNa2", (4, -1, 3)),
    (31.6, None, None),
]
K2CO3_SITES = (
    ("K", 0.241538, 0.581558, 0.693560),
    ("K", 0.257958, 0.231824, 0.524637),
    ("C", 0.251097, 0.584112, 0.255824),
    ("O", 0.062473, 0.654266, 0.275807),
    ("O", 0.261914, 0.043304, 0.806414),
    ("O", 0.428232, 0.640985, 0.189213),
)


def _structure(
    name: str, group: str, cell: Sequence[float], sites: Sequence[tuple[str, float, float, float]], b: float, system: str, role: str
):
    """Reflections by gemmi alone, so that nothing of the room that makes them for the program is needed here."""
    keys = ("length_a", "length_b", "length_c", "angle_alpha", "angle_beta", "angle_gamma")
    text = "data_x\n" + "".join(f"_cell_{key} {value}\n" for key, value in zip(keys, cell, strict=True))
    text += f"_symmetry_space_group_name_H-M '{group}'\nloop_\n"
    text += "".join(f"_atom_site_{key}\n" for key in ("label", "type_symbol", "fract_x", "fract_y", "fract_z"))
    text += "".join(f"{el}{k} {el} {x:.8f} {y:.8f} {z:.8f}\n" for k, (el, x, y, z) in enumerate(sites))
    crystal = gemmi.make_small_structure_from_block(gemmi.cif.read_string(text).sole_block())
    for site in crystal.sites:
        site.u_iso = b / (8.0 * math.pi**2)
    crystal.change_occupancies_to_crystallographic()
    operations, factors = crystal.spacegroup.operations(), gemmi.StructureFactorCalculatorX(crystal.cell)
    rows = []
    for hkl in gemmi.make_miller_array(crystal.cell, crystal.spacegroup, 0.9):
        if operations.is_systematically_absent(list(hkl)):
            continue
        images = {tuple(sign * i for i in op.apply_to_hkl(list(hkl))) for op in operations.sym_ops for sign in (1, -1)}
        f_squared = abs(factors.calculate_sf_from_small_structure(crystal, list(hkl))) ** 2
        rows.append((crystal.cell.calculate_d(list(hkl)), max(images, key=lambda i: (min(i) >= 0, i)), len(images), f_squared))
    rows.sort(key=lambda row: -row[0])
    return _reflections(name, role, system, Cell(**dict(zip(("a", "b", "c", "alpha", "beta", "gamma"), cell, strict=True))), rows)


def _reflections(name: str, role: str, system: str, cell: Cell, rows: list) -> Reflections:
    d, hkl, multiplicity, f_squared = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    return Reflections(
        phase=name,
        role=role,
        crystal_system=system,
        cell=cell,
        cell_mass=1.0,
        positions_only=False,
        hkl=hkl.astype(np.int64),
        multiplicity=multiplicity,
        f_squared=f_squared,
        d_spacing=d,
    )


@pytest.fixture(scope="module")
def five() -> tuple[Reflections, ...]:
    """K, KNa2, K2CO3, Al, Al2O3 from the facts of chemistry.md."""
    third = 1.0 / 3.0
    return (
        _structure("K", "I m -3 m", (5.328,) * 3 + (90,) * 3, [("K", 0, 0, 0)], 10.5, "cubic", "deposit"),
        _structure(
            "KNa2",
            "P 63/m m c",
            (7.5, 7.5, 12.31, 90, 90, 120),
            [("K", third, 2 * third, 0.062), ("Na", 0, 0, 0), ("Na", 0.83, 0.66, 0.25)],
            7.0,
            "hexagonal",
            "deposit",
        ),
        _structure("K2CO3", "P 21/c", (5.64, 9.839, 6.874, 90, 98.7, 90), K2CO3_SITES, 2.0, "monoclinic", "contamination"),
        _structure("Al", "F m -3 m", (4.0495,) * 3 + (90,) * 3, [("Al", 0, 0, 0)], 0.85, "cubic", "hardware"),
        _structure(
            "Al2O3",
            "R -3 c:H",
            (4.7591, 4.7591, 12.9918, 90, 90, 120),
            [("Al", 0, 0, 0.3522), ("O", 0.3063, 0, 0.25)],
            0.3,
            "trigonal",
            "hardware",
        ),
    )


def judged(rows: Sequence[Row], phases: tuple[Reflections, ...], *, instrument: Instrument = CU) -> Index:
    lines = tuple(PublishedLine(two_theta=angle, d_spacing=None, phase=phase, hkl=hkl) for angle, phase, hkl in rows)
    return index_published_lines(lines, phases, instrument=instrument, settings=LineSettings())


def unnamed(rows: Sequence[Row]) -> list[Row]:
    return [(angle, None, None) for angle, _, _ in rows]


def verdicts(index: Index) -> dict[str, str]:
    return {phase.phase: phase.verdict for phase in index.phases}


def line_at(index: Index, two_theta: float):
    return next(peak for peak in index.peaks if peak.peak.two_theta.value == two_theta)


def printed(phase: Reflections, *, decimals: int, low: float, high: float, weakest: float, cell: Cell | None = None, shift: float = 0.0):
    """The list a careful author prints: (hkl, 2θ) of every line above `weakest` of the strongest, from this cell, with this shift."""
    d = d_spacings(phase.hkl, cell or phase.cell)
    reach = d > CU.radiation.wavelength / 1.99
    angle = two_theta_from_d(d[reach], wavelength=CU.radiation.wavelength)
    angle = angle + shift * displacement_pattern(angle, geometry="Bragg-Brentano")
    strength = phase.multiplicity[reach] * phase.f_squared[reach] * lorentz_polarisation(angle, instrument=CU)
    shown = (angle > low) & (angle < high) & (strength > weakest * strength.max())
    return [(tuple(int(i) for i in hkl), round(float(a), decimals)) for hkl, a in zip(phase.hkl[reach][shown], angle[shown], strict=True)]


def unseen(seed: int) -> Reflections:
    """A primitive tetragonal phase of no known substance with a random structure factor for each plane."""
    random = np.random.default_rng(seed)
    cell = Cell(a=(a := random.uniform(4.0, 5.0)), b=a, c=random.uniform(5.5, 7.0))
    planes = [(h, k, m) for h in range(7) for k in range(h + 1) for m in range(10) if (h, k, m) != (0, 0, 0)]
    d = d_spacings(planes, cell)
    rows = [(d[n], hkl, _tetragonal_multiplicity(*hkl), random.uniform(0.1, 1.0)) for n, hkl in enumerate(planes) if d[n] > 0.9]
    return _reflections("unseen", "other", "tetragonal", cell, sorted(rows, key=lambda row: -row[0]))


def _tetragonal_multiplicity(h: int, k: int, m: int) -> int:
    return (8 if h != k and k else 4 if h else 1) * (2 if m else 1)


@pytest.mark.parametrize("named", [True, False])
def test_the_papers_potassium_is_body_centred_whether_or_not_the_list_names_it(five: tuple[Reflections, ...], named: bool) -> None:
    index = judged(K_ROWS if named else unnamed(K_ROWS), five)
    potassium = next(phase for phase in index.phases if phase.phase == "K")
    assert potassium.verdict == "present"
    assert any("body-centred (bcc)" in reason and "forbidden in fcc" in reason for reason in potassium.reasons)
    assert {name for name, verdict in verdicts(index).items() if verdict == "present"} == {"K"}
    fit = next(fit for fit in index.cell_fits if fit.phase == "K")
    assert abs(fit.cell["a"].value - 5.328) < 3 * (fit.cell["a"].esd or 0.0)
    assert "body-centred" in fit.sentence


def test_calling_potassium_fcc_is_contradicted_line_by_line(five: tuple[Reflections, ...]) -> None:
    index = judged([(angle, f"{phase} (fcc)", hkl) for angle, phase, hkl in K_ROWS], five)
    assert all(peak.published_verdict == "disagrees" and "not face-centred" in peak.sentence for peak in index.peaks)
    assert judged([(angle, f"bcc {phase}", hkl) for angle, phase, hkl in K_ROWS], five).peaks[0].published_verdict == "agrees"


def test_24_5_degrees_is_refused_as_knas_110_and_said_by_how_much(five: tuple[Reflections, ...]) -> None:
    line = line_at(judged(KNA2_ROWS, five), 24.5)
    assert line.published == ("KNa2", (1, 1, 0))
    assert line.published_verdict == "disagrees"
    assert "0.79° from KNa2 (1 1 0) at 23.71°" in line.sentence
    assert line.status == "unindexed"


def test_the_kna2_lines_that_share_a_cell_are_told_from_those_that_do_not(five: tuple[Reflections, ...]) -> None:
    index = judged(KNA2_ROWS, five)
    told = {peak.peak.two_theta.value: peak.published_verdict for peak in index.peaks}
    assert [told[angle] for angle in (25.7, 28.4, 55.8)] == ["agrees"] * 3
    assert [told[angle] for angle in (24.5, 30.8)] == ["disagrees"] * 2
    assert told[42.6] != "agrees"
    assert "(2 1 3)" in line_at(index, 42.6).sentence
    assert "K2CO3" in line_at(index, 42.6).sentence
    kna2 = next(phase for phase in index.phases if phase.phase == "KNa2")
    assert kna2.verdict == "undecided"
    assert any("(1 1 2) at 27.84° (the strongest calculated line)" in reason for reason in kna2.reasons)
    assert any("0.30° rms" in reason for reason in kna2.reasons)


@pytest.mark.parametrize("rows", [KNA2_ROWS, unnamed(KNA2_ROWS), [KNA2_ROWS[-1]], K_ROWS + CARBONATE_ROWS + KNA2_ROWS])
def test_k2co3_130_is_proposed_for_31_6_but_one_line_is_no_contamination(five: tuple[Reflections, ...], rows: list[Row]) -> None:
    index = judged(rows, five)
    line = line_at(index, 31.6)
    assert line.status in ("ambiguous", "unindexed")
    proposal = next(a for a in line.assignments if a.phase == "K2CO3")
    assert proposal.hkl == (1, 3, 0)
    assert abs(proposal.two_theta - 31.63) < 0.15
    assert "K2CO3 (1 3 0)" in line.sentence
    assert index.contamination.verdict != "found"


def test_a_whole_family_of_carbonate_lines_is_contamination(five: tuple[Reflections, ...]) -> None:
    lines = printed(five[2], decimals=2, low=25, high=45, weakest=0.15) + printed(five[0], decimals=2, low=20, high=70, weakest=0.02)
    index = judged([(angle, None, None) for _, angle in lines], five)
    assert (index.contamination.verdict, index.contamination.phases) == ("found", ("K2CO3",))
    assert verdicts(index)["K2CO3"] == verdicts(index)["K"] == "present"


@pytest.mark.parametrize("seed", range(6))
def test_a_strained_displaced_cell_of_an_unseen_phase_is_found_with_its_indices(seed: int) -> None:
    phase = unseen(seed)
    random = np.random.default_rng(100 + seed)
    a, c = phase.cell.a * (1 + random.uniform(-0.008, 0.008)), phase.cell.c * (1 + random.uniform(-0.008, 0.008))
    shift = random.uniform(-0.12, 0.12)
    lines = printed(phase, decimals=2, low=15, high=75, weakest=0.1, cell=Cell(a=a, b=a, c=c), shift=shift)
    index = judged([(angle, "unseen", hkl) for hkl, angle in lines], (phase,))
    assert verdicts(index) == {"unseen": "present"}
    assert {peak.published_verdict for peak in index.peaks} <= {"agrees", "undecided"}
    right = [any(a.hkl == hkl and a.share > 0.2 for a in peak.assignments) for (hkl, _), peak in zip(lines, index.peaks, strict=True)]
    assert all(right)
    (fit,) = index.cell_fits
    for name, truth in (("a", a), ("c", c)):
        assert abs(fit.cell[name].value - truth) < 4 * (fit.cell[name].esd or 0.0)
    assert fit.rms_two_theta < 0.01
    assert fit.figure_of_merit_m > 20
    assert fit.figure_of_merit_f > 20


def test_random_lists_hold_no_phase(five: tuple[Reflections, ...]) -> None:
    random = np.random.default_rng(7)
    false = 0
    for trial in range(8):
        angles = np.round(np.sort(random.uniform(20, 70, random.integers(4, 14))), 1 + trial % 2)
        false += "present" in verdicts(judged([(float(angle), None, None) for angle in angles], five)).values()
    assert false == 0


def test_a_list_of_d_is_judged_as_the_same_list_of_angles(five: tuple[Reflections, ...]) -> None:
    rows = printed(five[4], decimals=3, low=20, high=70, weakest=0.05)
    by_angle = judged([(angle, None, None) for _, angle in rows], five)
    d = [round(float(d_from_two_theta(np.array(angle), wavelength=CU.radiation.wavelength)), 4) for _, angle in rows]
    lines = tuple(PublishedLine(two_theta=None, d_spacing=value) for value in d)
    by_d = index_published_lines(lines, five, instrument=CU, settings=LineSettings())
    assert verdicts(by_d) == verdicts(by_angle)
    assert verdicts(by_d)["Al2O3"] == "present"
    assert [p.assignments[0].hkl for p in by_d.peaks] == [p.assignments[0].hkl for p in by_angle.peaks]


def test_molybdenum_radiation_changes_the_angles_and_not_the_answer(five: tuple[Reflections, ...]) -> None:
    rows = [(hkl, five[0], angle) for hkl, angle in printed(five[0], decimals=4, low=20, high=80, weakest=0.01)]
    rows += [(hkl, five[3], angle) for hkl, angle in printed(five[3], decimals=4, low=20, high=80, weakest=0.01)]
    d = d_from_two_theta(np.array([angle for _, _, angle in rows]), wavelength=CU.radiation.wavelength)
    angles = np.round(two_theta_from_d(d, wavelength=MO.radiation.wavelength), 2)
    index = judged([(float(angle), None, None) for angle in angles], five, instrument=MO)
    assert {name for name, verdict in verdicts(index).items() if verdict == "present"} == {"K", "Al"}
    wrong = judged([(float(angle), None, None) for angle in angles], five, instrument=CU)
    assert "present" not in verdicts(wrong).values()
    assert wrong.verdict in ("rejected", "doubtful")


def test_a_wrong_wavelength_is_noticed_where_angles_and_d_are_both_printed(five: tuple[Reflections, ...]) -> None:
    lines = tuple(PublishedLine(two_theta=a, d_spacing=d) for a, d in ((10.81, 3.767), (15.30, 2.664), (18.77, 2.175)))
    index = index_published_lines(lines, five, instrument=CU, settings=LineSettings())
    assert any(notice.code == "wavelength" and "0.709" in notice.sentence for notice in index.notices)


@given(shift=st.floats(-0.15, 0.15))
@settings(max_examples=8)
def test_one_displacement_of_the_whole_list_changes_no_index(five: tuple[Reflections, ...], shift: float) -> None:
    phases = (five[0], five[3])
    still = [printed(p, decimals=2, low=20, high=70, weakest=0.02) for p in phases]
    moved = [printed(p, decimals=2, low=20, high=70, weakest=0.02, shift=shift) for p in phases]
    first = judged([(angle, None, None) for rows in still for _, angle in rows], phases)
    second = judged([(angle, None, None) for rows in moved for _, angle in rows], phases)
    assert verdicts(first) == verdicts(second) == {"K": "present", "Al": "present"}
    assert [p.assignments[0].hkl for p in first.peaks] == [p.assignments[0].hkl for p in second.peaks]


def test_a_coarse_list_pasted_to_a_fine_one_keeps_its_own_precision(five: tuple[Reflections, ...]) -> None:
    fine = printed(five[4], decimals=3, low=20, high=70, weakest=0.05)
    coarse = printed(five[0], decimals=1, low=20, high=70, weakest=0.01)
    index = judged([(angle, None, None) for _, angle in fine + coarse], five)
    assert verdicts(index)["K"] == verdicts(index)["Al2O3"] == "present"
    assert min(peak.peak.two_theta.esd or 0.0 for peak in index.peaks) < 0.02
    assert max(peak.peak.two_theta.esd or 0.0 for peak in index.peaks) > 0.05


def test_one_line_printed_many_times_is_one_line(five: tuple[Reflections, ...]) -> None:
    assert "present" not in verdicts(judged([(23.6, None, None)] * 6, five)).values()
    once, twice = judged(unnamed(K_ROWS), five), judged(unnamed(K_ROWS) * 2, five)
    assert [p.significance for p in once.phases] == pytest.approx([p.significance for p in twice.phases])


def test_the_order_of_the_lines_does_not_matter(five: tuple[Reflections, ...]) -> None:
    forth, back = judged(KNA2_ROWS, five), judged(KNA2_ROWS[::-1], five)
    assert verdicts(forth) == verdicts(back)
    assert [p.published_verdict for p in forth.peaks] == [p.published_verdict for p in back.peaks][::-1]


def test_a_reflection_that_the_lattice_forbids_is_refused(five: tuple[Reflections, ...]) -> None:
    line = judged([(23.6, "K", (1, 1, 1)), *K_ROWS[1:]], five).peaks[0]
    assert line.published_verdict == "disagrees"
    assert "(1 1 1) is forbidden by the lattice of K" in line.sentence


def test_a_phase_that_the_library_lacks_cannot_be_checked(five: tuple[Reflections, ...]) -> None:
    line = judged([(38.0, "Li3N", (1, 0, 1)), *K_ROWS], five).peaks[0]
    assert line.published_verdict == "undecided"
    assert "no phase Li3N" in line.sentence


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ((), "holds no lines"),
        ((PublishedLine(two_theta=None, d_spacing=None),), "neither 2θ nor d"),
        ((PublishedLine(two_theta=181.0, d_spacing=None),), "between 0 and 180"),
        ((PublishedLine(two_theta=math.nan, d_spacing=None),), "between 0 and 180"),
        ((PublishedLine(two_theta=None, d_spacing=-1.0),), "positive"),
        ((PublishedLine(two_theta=None, d_spacing=0.7),), "cannot reach"),
        ((PublishedLine(two_theta=20.0, d_spacing=None),) * 1_000_000, "1000000 lines"),
    ],
)
def test_an_impossible_list_gets_one_sentence(five: tuple[Reflections, ...], lines: tuple[PublishedLine, ...], words: str) -> None:
    with pytest.raises(RecordError, match=words):
        index_published_lines(lines, five, instrument=CU, settings=LineSettings())


def test_without_reference_phases_the_request_is_refused() -> None:
    with pytest.raises(PhaseChoiceError, match="no reference phases"):
        judged(K_ROWS, ())


def test_shares_are_fractions_and_a_list_weighs_nothing(five: tuple[Reflections, ...]) -> None:
    index = judged(K_ROWS + CARBONATE_ROWS + KNA2_ROWS, five)
    for peak in index.peaks:
        shares = [a.share for a in peak.assignments]
        assert all(0.0 <= share <= 1.0 for share in shares)
        assert sum(shares) <= 1.0 + 1e-9
    assert all(phase.weight_fraction is None and phase.detection_limit is None for phase in index.phases)
    assert index.refinement is None
    assert index.halos == ()
