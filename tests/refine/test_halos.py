"""Amorphous humps: several at once, each with its name, its place and an area that is a trend."""

import math
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
from conftest import INSTRUMENT, Planted, pattern_of, planted_counts

from xrdkna.errors import UsageError
from xrdkna.physics.radiation import radiation_from_text
from xrdkna.records.instrument import Instrument
from xrdkna.records.peaks import Halo
from xrdkna.records.phases import Cell, Reflections
from xrdkna.records.scan import Pattern
from xrdkna.records.series_fit import ScanFit
from xrdkna.records.values import Estimate
from xrdkna.refine.following.chain import follow_patterns
from xrdkna.refine.forward.halos import halo_terms, require_measured
from xrdkna.refine.refine import refine_pattern
from xrdkna.refine.settings import HaloChoice, RefineSettings

X = np.arange(10.0, 70.0, 0.02)
CELL = Cell(a=4.1041, b=4.1041, c=4.1041)
WINDOW, SOLVENT = (18.0, 5.0), (24.0, 6.0)  # degrees: centre, full width
WINDOW_AREA = 900.0
GROWTH = np.linspace(150.0, 1800.0, 12)
# Named out of order of 2θ, places half a degree off, one as Q; nothing lies at 45°.
NAMED = (
    HaloChoice(name="solvent", two_theta=24.4, fwhm=6.0),
    HaloChoice(name="window", q=4.0 * math.pi * math.sin(math.radians(17.7 / 2.0)) / INSTRUMENT.radiation.wavelength),
    HaloChoice(name="nothing", two_theta=45.0, fwhm=7.0),
)
SETTINGS = RefineSettings(texture="none", halos=NAMED)


def hump(two_theta: np.ndarray, area: float, center: float, fwhm: float) -> np.ndarray:
    sd = fwhm / math.sqrt(8.0 * math.log(2.0))
    return np.asarray(area * np.exp(-0.5 * ((two_theta - center) / sd) ** 2) / (sd * math.sqrt(2.0 * math.pi)))


def scan(number: int, fcc: Reflections, *, window: float, solvent: float) -> Pattern:
    expected = planted_counts(X, [Planted(fcc, CELL, 0.02, {})]) + hump(X, window, *WINDOW) + hump(X, solvent, *SOLVENT)
    counts = np.random.default_rng(500 + number).poisson(expected).astype(float)
    return pattern_of(X, counts, name=f"scan {number}")


def found(center: float, fwhm: float, area: float = 500.0) -> Halo:
    place, width, amount = (Estimate(value=value, esd=0.1, unit="") for value in (center, fwhm, area))
    return Halo(two_theta=place, fwhm=width, area=amount, snr=20.0)


def areas(fits: list[ScanFit], name: str) -> tuple[np.ndarray, np.ndarray]:
    label = dict(fits[0].halos)[name]
    estimates = [fit.estimate(f"{label}_area") for fit in fits]
    return np.array([e.value for e in estimates]), np.array([e.esd for e in estimates])


@pytest.fixture(scope="module")
def fits() -> list[ScanFit]:
    from conftest import cubic_phase

    fcc = cubic_phase("Fcc", 4.10, centring="F", mass=150.0)
    scans = [scan(i, fcc, window=WINDOW_AREA, solvent=area) for i, area in enumerate(GROWTH)]
    return list(follow_patterns(scans, [fcc], SETTINGS, fwhm=0.1))


def test_of_two_overlapping_halos_one_grows_and_one_stays_as_planted(fits):
    for name, truth in (("solvent", GROWTH), ("window", np.full(GROWTH.size, WINDOW_AREA))):
        value, esd = areas(fits, name)
        pulls = (value - truth) / esd
        assert abs(pulls.mean()) < 3.0 / math.sqrt(pulls.size), (name, pulls)
        assert np.abs(pulls).max() < 3.5, (name, pulls)
        time = np.arange(truth.size)
        design = np.vstack([np.ones(truth.size), time]) / esd
        covariance = np.linalg.inv(design @ design.T)
        slope = float((covariance @ design @ (value / esd))[1])
        planted = float(np.polyfit(time, truth, 1)[0])
        assert abs(slope - planted) < 3.0 * math.sqrt(covariance[1, 1]), (name, slope, planted)
    growth, esd = areas(fits, "solvent")
    assert growth[-1] - growth[0] > 10.0 * esd.max(), "a trend that the esds would swallow shows nothing"


def test_where_there_is_no_halo_its_area_is_zero_within_an_esd_that_is_known(fits):
    value, esd = areas(fits, "nothing")
    assert np.all(esd > 0.0)
    assert np.all(value < 3.0 * esd)
    # Of an area that cannot be negative, half of the scans say nothing; the rest scatter by an esd.
    assert (value / esd).mean() < 1.0
    assert esd.max() < 0.1 * WINDOW_AREA


def test_the_names_keep_their_numbers_along_the_series(fits):
    wanted = (("solvent", "halo1"), ("window", "halo2"), ("nothing", "halo3"))
    assert {fit.halos for fit in fits} == {wanted}
    assert {fit.verdict for fit in fits} == {"accepted"}


def test_one_fit_says_what_the_chain_says(fits, face_centred):
    last = GROWTH.size - 1
    alone = refine_pattern(scan(last, face_centred, window=WINDOW_AREA, solvent=GROWTH[last]), [face_centred], SETTINGS, fwhm=0.1)
    assert [halo.name for halo in alone.halos] == ["solvent", "window", "nothing"]
    for halo in alone.halos[:2]:
        chained = fits[last].estimate(f"{dict(fits[last].halos)[halo.name]}_area")
        assert halo.area.value == pytest.approx(chained.value, abs=0.3 * chained.esd)
        assert halo.area.esd == pytest.approx(chained.esd, rel=0.1)
    for halo, (center, _) in zip(alone.halos, (SOLVENT, WINDOW), strict=False):
        assert abs(halo.two_theta.value - center) < 4.0 * halo.two_theta.esd


def test_a_halo_given_in_q_lies_where_bragg_puts_it_for_molybdenum(face_centred):
    mo = Instrument(radiation=radiation_from_text("MoKa"), radius_mm=200.0)
    angle = 2.0 * math.degrees(math.asin(1.63 * 0.70931715 / (4.0 * math.pi)))  # Mo Kα₁: Hölzer et al. 1997
    assert angle == pytest.approx(10.56, abs=0.01)
    x = np.arange(5.0, 45.0, 0.01)
    counts = np.random.default_rng(3).poisson(60.0 + hump(x, 800.0, angle, 3.0)).astype(float)
    chosen = RefineSettings(texture="none", halos=(HaloChoice(name="liquid", q=1.63),))
    fit = refine_pattern(pattern_of(x, counts, instrument=mo), [face_centred], chosen, fwhm=0.1)
    (halo,) = fit.halos
    assert abs(halo.two_theta.value - angle) < 3.0 * halo.two_theta.esd < 0.5
    assert abs(halo.area.value - 800.0) < 3.0 * halo.area.esd < 400.0
    # Where nothing shows it the start says where it is looked for.
    (term,) = halo_terms((), chosen, two_theta=x, wavelength=mo.radiation.wavelength)
    assert term.slots[1].start == pytest.approx(angle, abs=0.002)


def test_a_hump_found_within_half_its_width_of_a_named_one_is_that_one():
    wavelength = INSTRUMENT.radiation.wavelength
    terms = halo_terms((found(20.9, 5.0), found(26.5, 4.8), found(55.0, 8.0)), SETTINGS, two_theta=X, wavelength=wavelength)
    assert [(term.name, term.label) for term in terms] == [
        ("solvent", "halo1"), ("window", "halo2"), ("nothing", "halo3"), ("halo 4", "halo4"), ("halo 5", "halo5"),
    ]  # fmt: skip
    solvent, window, nothing, *strange = terms
    assert solvent.slots[0].start == 500.0
    assert solvent.slots[2].start == 4.8
    assert [slots[0].start for slots in (window.slots, nothing.slots)] == [0.0, 0.0], "20.9 is 3.2° from 17.7, half a width is 2.5"
    assert [term.slots[1].start for term in strange] == [20.9, 55.0]


def test_of_two_humps_near_one_name_the_nearer_has_it_and_the_other_stays():
    one = RefineSettings(halos=(HaloChoice(name="cell", two_theta=21.0),))
    terms = halo_terms((found(18.0, 8.0), found(23.0, 8.0)), one, two_theta=X, wavelength=1.54)
    assert [(term.name, term.slots[1].start) for term in terms] == [("cell", 23.0), ("halo 2", 18.0)]


@given(st.lists(st.floats(12.0, 65.0), min_size=1, max_size=5, unique=True), st.floats(2.0, 12.0))
@settings(deadline=None, max_examples=60)
def test_no_two_named_humps_can_exchange_their_places(places, fwhm):
    chosen = RefineSettings(halos=tuple(HaloChoice(name=f"h {p}", two_theta=p, fwhm=fwhm) for p in places))
    terms = halo_terms((), chosen, two_theta=X, wavelength=1.54)
    centers = sorted((term.slots[1] for term in terms), key=lambda slot: slot.prior_mean)
    for left, right in pairwise(centers):
        assert left.upper <= right.lower + 1e-9
    for slot in centers:
        assert slot.lower <= slot.start <= slot.upper


def test_a_named_halo_that_a_scan_does_not_cover_keeps_its_number_for_the_others():
    terms = halo_terms((), SETTINGS, two_theta=X[X < 40.0], wavelength=INSTRUMENT.radiation.wavelength)
    assert [(term.name, term.label) for term in terms] == [("solvent", "halo1"), ("window", "halo2")]
    terms = halo_terms((), SETTINGS, two_theta=X[X > 30.0], wavelength=INSTRUMENT.radiation.wavelength)
    assert [(term.name, term.label) for term in terms] == [("nothing", "halo3")]


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        (HaloChoice(name="far", two_theta=120.0), "120.00°"),
        (HaloChoice(name="beyond", q=9.0), "does not reach"),
        (HaloChoice(name="window too", two_theta=17.9), "cannot be told apart"),
    ],
)
def test_a_halo_that_nothing_can_be_said_of_is_refused_with_a_sentence(choice, said):
    chosen = RefineSettings(halos=(*NAMED, choice))
    with pytest.raises(UsageError, match=said):
        require_measured(chosen, [X, X[:2000]], wavelength=INSTRUMENT.radiation.wavelength)
    require_measured(SETTINGS, [X], wavelength=INSTRUMENT.radiation.wavelength)


@pytest.mark.parametrize(
    "halos",
    [
        [{"name": ""}],
        [{"name": "halo 2", "q": 1.0}],
        [{"name": "a"}],
        [{"name": "a", "q": 1.0, "two_theta": 20.0}],
        [{"name": "a", "q": 0.0}],
        [{"name": "a", "q": math.nan}],
        [{"name": "a", "two_theta": 180.0}],
        [{"name": "a", "two_theta": 20.0, "fwhm": 0.0}],
        [{"name": "a", "q": 1.0}, {"name": "a", "q": 2.0}],
    ],
)
def test_a_halo_that_cannot_be_meant_is_refused(halos):
    with pytest.raises(UsageError) as caught:
        RefineSettings(halos=tuple(HaloChoice(**said) for said in halos))
    assert str(caught.value).endswith(".")
