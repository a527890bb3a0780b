"""Amorphous humps of the model: those the user names, always there and near their places, and those found in the pattern."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from xrdkna.errors import UsageError
from xrdkna.physics.bragg import two_theta_from_d
from xrdkna.records.arrays import FloatArray
from xrdkna.records.peaks import Halo
from xrdkna.refine.forward.layout import Slot
from xrdkna.refine.settings import HaloChoice, RefineSettings

# The first peak of a liquid or a glass is some 0.3 to 0.6 Å⁻¹ wide.
_USUAL_WIDTH = 0.45
# A named hump stays within this share of its width of its place, and is drawn there by a pull of this share.
_REACH, _PULL = 0.5, 0.15
# How far a width said by the user, and one that is only usual, are expected to be off, in shares of it.
_WIDTH_SAID, _WIDTH_USUAL = 0.2, 0.5
# Two named humps closer than this share of the narrower one's width are one.
_APART = 0.25
# A hump with fewer points than this within its width cannot be told from the background.
_FEWEST_POINTS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class HaloTerm:
    """A hump of the model. label: how its parameters' names begin; slots: its area, centre and width, in this order."""

    name: str
    label: str
    slots: tuple[Slot, Slot, Slot]


@dataclass(frozen=True, slots=True)
class _Place:
    """Degrees: where a named hump should be, its width, and the ends between which its centre stays."""

    choice: HaloChoice
    center: float
    fwhm: float
    low: float
    high: float


def halo_terms(found: Sequence[Halo], settings: RefineSettings, *, two_theta: FloatArray, wavelength: float) -> tuple[HaloTerm, ...]:
    """The named humps in the order of the settings, then those of `found` that are none of them; two_theta: (n,) degrees, the points
    that take part.

    The numbers in the labels do not depend on what is found in one pattern of a series but on the list given; a named hump that
    these points do not cover keeps its number and has no term. Found within half its width of a named one, a hump is that one.
    """
    places = _places(settings.halos, wavelength)
    mine, others = _shared_out(found, places)
    terms = [
        HaloTerm(name=place.choice.name, label=f"halo{number}", slots=_named_slots(f"halo{number}", place, known))
        for number, (place, known) in enumerate(zip(places, mine, strict=True), start=1)
        if _covered(place, two_theta)
    ]
    first = len(places) + 1
    terms += [
        HaloTerm(name=f"halo {number}", label=f"halo{number}", slots=_found_slots(f"halo{number}", halo))
        for number, halo in enumerate(others, start=first)
    ]
    return tuple(terms)


def require_measured(settings: RefineSettings, measured: Sequence[FloatArray], *, wavelength: float) -> None:
    """Raise UsageError for a named hump that none of the patterns measures, or that cannot be told from its neighbour; measured:
    of each pattern the degrees 2θ of the points that take part."""
    places = _places(settings.halos, wavelength)
    for place in places:
        if any(_covered(place, two_theta) for two_theta in measured):
            continue
        where = f"2θ = {place.center:.2f}°" if place.center < 180.0 else "an angle that this wavelength does not reach"
        lacking = "this scan has too few" if len(measured) == 1 else "no scan has enough"
        raise UsageError(
            f"the halo {place.choice.name} lies at {where}, where {lacking} points on both sides of it; "
            "correct its place with --halo, or leave it out."
        )
    for place, other in pairwise(sorted(places, key=lambda place: place.center)):
        if other.center - place.center < _APART * min(place.fwhm, other.fwhm):
            raise UsageError(
                f"the halos {place.choice.name} and {other.choice.name} lie at {place.center:.2f}° and {other.center:.2f}°: humps "
                f"{min(place.fwhm, other.fwhm):.1f}° wide cannot be told apart there; name one of them."
            )


def _places(choices: Sequence[HaloChoice], wavelength: float) -> list[_Place]:
    """No two named humps may exchange their places: the middle between neighbours parts them."""
    degrees = [_degrees(choice, wavelength) for choice in choices]
    order = sorted(range(len(degrees)), key=lambda k: degrees[k][0])
    ordered = [degrees[k][0] for k in order]
    middles = [-math.inf, *((low + high) / 2.0 for low, high in pairwise(ordered)), math.inf]
    places = []
    for number, (choice, (center, fwhm)) in enumerate(zip(choices, degrees, strict=True)):
        rank = order.index(number)
        low, high = max(center - _REACH * fwhm, middles[rank]), min(center + _REACH * fwhm, middles[rank + 1])
        places.append(_Place(choice, center, fwhm, low, high))
    return places


def _degrees(choice: HaloChoice, wavelength: float) -> tuple[float, float]:
    """Centre and full width in degrees 2θ; 180 where the wavelength does not reach."""
    q = choice.q if choice.q is not None else 4.0 * math.pi * math.sin(math.radians(choice.two_theta or 0.0) / 2.0) / wavelength
    ends = np.array([q, max(q - 0.5 * _USUAL_WIDTH, 1e-6), q + 0.5 * _USUAL_WIDTH])
    center, low, high = two_theta_from_d(2.0 * np.pi / ends, wavelength=wavelength).tolist()
    center = center if choice.two_theta is None else choice.two_theta
    return center, choice.fwhm if choice.fwhm is not None else high - low


def _shared_out(found: Sequence[Halo], places: Sequence[_Place]) -> tuple[list[Halo | None], list[Halo]]:
    """What was found of each named hump, the nearest if there are several; and what is none of them."""
    mine: list[Halo | None] = [None] * len(places)
    others = []
    for halo in sorted(found, key=lambda halo: min((_distance(halo, place) for place in places), default=0.0)):
        near = [k for k, place in enumerate(places) if _distance(halo, place) <= 0.5 * halo.fwhm.value]
        nearest = min(near, key=lambda k: _distance(halo, places[k]), default=None)
        if nearest is None or mine[nearest] is not None:
            others.append(halo)
        else:
            mine[nearest] = halo
    return mine, [halo for halo in found if halo in others]


def _distance(halo: Halo, place: _Place) -> float:
    return abs(halo.two_theta.value - place.center)


def _covered(place: _Place, two_theta: FloatArray) -> bool:
    """True where the points lie on both sides of the centre, and enough of them on the hump."""
    on_it = np.abs(two_theta - place.center) < 0.5 * place.fwhm
    return bool(two_theta.size and two_theta[0] < place.center < two_theta[-1] and on_it.sum() >= _FEWEST_POINTS)


def _named_slots(label: str, place: _Place, known: Halo | None) -> tuple[Slot, Slot, Slot]:
    """Near its place by a soft pull and by bounds; started where it was found, if it was."""
    center = place.center if known is None else min(max(known.two_theta.value, place.low), place.high)
    least, most = 0.5 * place.fwhm, 2.0 * place.fwhm
    width = place.fwhm if known is None else min(max(known.fwhm.value, least), most)
    spread = _WIDTH_USUAL if place.choice.fwhm is None else _WIDTH_SAID
    return (
        _area_slot(label, 0.0 if known is None else known.area.value),
        Slot(
            name=f"{label}_center",
            kind="halo",
            unit="°",
            start=center,
            lower=place.low,
            upper=place.high,
            prior_mean=place.center,
            prior_sd=_PULL * place.fwhm,
        ),
        Slot(
            name=f"{label}_fwhm",
            kind="halo",
            unit="°",
            start=width,
            lower=least,
            upper=most,
            prior_mean=place.fwhm,
            prior_sd=spread * place.fwhm,
        ),
    )


def _found_slots(label: str, halo: Halo) -> tuple[Slot, Slot, Slot]:
    """It may move by its width, softly held within half of it."""
    center, fwhm = halo.two_theta.value, halo.fwhm.value
    return (
        _area_slot(label, halo.area.value),
        Slot(
            name=f"{label}_center",
            kind="halo",
            unit="°",
            start=center,
            lower=center - fwhm,
            upper=center + fwhm,
            prior_mean=center,
            prior_sd=0.5 * fwhm,
        ),
        Slot(
            name=f"{label}_fwhm",
            kind="halo",
            unit="°",
            start=fwhm,
            lower=max(2.0, 0.4 * fwhm),
            upper=2.5 * fwhm,
            prior_mean=fwhm,
            prior_sd=0.5 * fwhm,
        ),
    )


def _area_slot(label: str, area: float) -> Slot:
    return Slot(name=f"{label}_area", kind="background", unit="counts·°", start=max(area, 0.0), lower=0.0)
