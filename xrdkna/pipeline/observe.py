"""One scan of a series after the other: the fast fit, what it says of every followed reflection, and what it leaves unexplained."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from xrdkna.correct.scan import prepare_scan
from xrdkna.errors import DataError, DeclinedError
from xrdkna.find.residual import residual_peaks
from xrdkna.match.leftovers import explain_leftovers
from xrdkna.physics.evidence import with_strangers_settled
from xrdkna.physics.lattice import free_cell_parameters
from xrdkna.pipeline.settings import Settings, instrument_of
from xrdkna.pipeline.survey import Survey
from xrdkna.records.index import IndexedPeak
from xrdkna.records.peaks import Peak
from xrdkna.records.refinement import STEADY, UNEXPLAINED, FittedLine, IntensityInformation
from xrdkna.records.scan import Pattern, Scan
from xrdkna.records.series_fit import ScanFit
from xrdkna.records.track import Observation
from xrdkna.records.values import Estimate
from xrdkna.refine.following.chain import Chain
from xrdkna.refine.following.grid import with_all_points
from xrdkna.refine.forward.build import fitted_points
from xrdkna.refine.forward.layout import tag

# A phase's cell and widths are told of a scan that shows it; below this they are those of the scans before.
_SHOWN_SIGMAS = 3.0
# A sum of scans fits worse than one of them (its noise is smaller): a scan beyond this multiple of it is out of line.
_OUT_OF_LINE = 2.0
# An unexplained line is kept from here on: joined over scans, several such are sure, and chance gives one in fifteen scans.
_LINE_SIGMAS = 4.0


class Observer:
    """Observes the scans of a series in turn; each fit starts where the last good one ended."""

    def __init__(self, survey: Survey, settings: Settings) -> None:
        self._survey, self._settings = survey, settings
        self._chain = Chain(
            [survey.at_known_cell(lines) for lines in survey.followed],
            settings.refine,
            fwhm=survey.fwhm,
            halos=survey.halos,
            unexplained=survey.unexplained,
            initial=survey.start,
            texture_sd=survey.texture_sd,
            known=survey.known,
            areas=True,
        )
        self._names = _value_names(survey)
        self._strangers = {f"line{number}_area": peak for number, peak in enumerate(survey.unexplained, start=1)}

    def __call__(self, scan: Scan) -> Observation:
        """What this scan says. Raises DataError for a scan without counts, DeclinedError for one of another radiation or too short."""
        instrument = instrument_of(scan, self._settings)
        if instrument.radiation != self._survey.instrument.radiation:
            raise DeclinedError(
                f"{scan.name} was measured with {instrument.radiation.name}, the series with {self._survey.instrument.radiation.name}; "
                "give one --radiation for all, or take it out of the series."
            )
        if not np.any(scan.intensity > 0):
            raise DataError(f"{scan.name} holds no counts at all; it is left out.")
        pattern = prepare_scan(scan, instrument, self._settings.correct)
        fit = self._chain.fit(pattern)
        if fit.information is None:
            raise DeclinedError(f"{scan.name} says nothing of any reflection; it is left out.")
        return Observation(
            information=with_strangers_settled(fit.information),
            values=self._values(fit),
            unindexed=(*self._known_strangers(fit), *self._new_strangers(pattern, fit)),
            two_theta_range=(float(scan.two_theta[0]), float(scan.two_theta[-1])),
            verdict=self._verdict(fit),
            reasons=fit.reasons,
            start=scan.start_time,
            end=scan.end_time,
            strangers=self._stranger_areas(fit),
            weight_odds=_weight_odds(fit),
        )

    def _verdict(self, fit: ScanFit) -> str:
        """What is static and not in the library (a casing, a current collector) spoils every fit alike; only a scan that fits
        worse than the survey's sums of scans did is out of line."""
        usual = fit.gof < _OUT_OF_LINE * self._survey.gof
        return "doubtful" if fit.verdict == "rejected" and usual else fit.verdict

    def _values(self, fit: ScanFit) -> dict[tuple[str, str], Estimate]:
        """The estimates that become trajectories, by quantity and phase ("" for those of the whole scan)."""
        place = {name: i for i, name in enumerate(fit.names)}
        values = {("rwp", ""): Estimate(value=fit.rwp, esd=None, unit=""), ("gof", ""): Estimate(value=fit.gof, esd=None, unit="")}
        values |= {("halo_area", name): _estimate(fit, place[f"{start}_area"]) for name, start in fit.halos}
        values["displacement", ""] = _estimate(fit, place["displacement"])
        fwhm = _widths(fit.information)
        for k, phase in enumerate(fit.phases):
            weight, esd = float(fit.weight_fractions[k]), float(fit.weight_esds[k])
            values["weight_fraction", phase] = Estimate(value=weight, esd=esd, unit="")
            values["detection_limit", phase] = Estimate(value=float(fit.detection_limits[k]), esd=None, unit="")
            if fit.significances[k] < _SHOWN_SIGMAS:
                continue
            for quantity, name in self._names[phase].items():
                if (at := place.get(name)) is not None and fit.esds[at] > 0.0:
                    values[quantity, phase] = _estimate(fit, at)
            if phase in fwhm:
                values["fwhm", phase] = Estimate(value=fwhm[phase], esd=None, unit="°")
        return values

    def _stranger_areas(self, fit: ScanFit) -> dict[float, Estimate]:
        """By 2θ, this scan's area of every line of no phase that the survey saw and the fit holds."""
        held = {name: i for i, name in enumerate(fit.names) if name.startswith("line") and name.endswith("_area")}
        return {peak.two_theta.value: _estimate(fit, held[name]) for name, peak in self._strangers.items() if name in held}

    def _known_strangers(self, fit: ScanFit) -> list[Peak]:
        """The lines of no phase that the survey saw, with this scan's areas, where it shows them."""
        areas = self._stranger_areas(fit)
        snr = {where: area.value / area.esd if area.esd else 0.0 for where, area in areas.items()}
        known = [peak for peak in self._strangers.values() if snr.get(peak.two_theta.value, 0.0) >= _LINE_SIGMAS]
        return [replace(peak, area=areas[peak.two_theta.value], snr=snr[peak.two_theta.value]) for peak in known]

    def _new_strangers(self, pattern: Pattern, fit: ScanFit) -> list[Peak]:
        used = fitted_points(with_all_points(pattern), self._settings.refine)
        residual = pattern.intensity[used] - fit.calculated
        peaks = residual_peaks(
            pattern.two_theta[used],
            np.where(pattern.used[used], residual, 0.0),
            1.0 / fit.weight,
            fit.calculated - fit.smooth,
            fwhm=self._survey.fwhm,
            radiation=pattern.instrument.radiation,
            threshold=_LINE_SIGMAS,
        )
        if not peaks or fit.information is None:
            return []
        # Not a line of its own: what stands on a strong line, or is a remnant of one.
        lines = _fitted_lines(fit.information)
        indexed = tuple(IndexedPeak(peak=peak, status="unindexed", assignments=()) for peak in peaks)
        return [one.peak for one in explain_leftovers(indexed, lines, pattern.instrument) if one.status == "unindexed"]


def _value_names(survey: Survey) -> Mapping[str, Mapping[str, str]]:
    """By phase, the parameter that each quantity of a trajectory is."""
    return {
        lines.phase: {
            "scale": f"scale_{tag(lines.phase)}",
            "displacement": f"displacement_{tag(lines.phase)}",
            **{name: f"{name}_{tag(lines.phase)}" for name in free_cell_parameters(lines.crystal_system, lines.cell)},
        }
        for lines in survey.followed
    }


def _estimate(fit: ScanFit, at: int) -> Estimate:
    return Estimate(value=float(fit.values[at]), esd=float(fit.esds[at]), unit=fit.units[at])


def _weight_odds(fit: ScanFit) -> dict[str, float]:
    odds = np.zeros(0) if fit.weight_odds is None else fit.weight_odds
    return {phase: float(value) for phase, value in zip(fit.phases, odds, strict=False) if value > 0.0}


def _widths(information: IntensityInformation | None) -> dict[str, float]:
    """Degrees: full width of each phase's strongest group."""
    strongest: dict[str, tuple[float, float]] = {}
    for group in () if information is None else information.groups:
        strongest[group.phase] = max(strongest.get(group.phase, (-1.0, 0.0)), (group.share, group.fwhm))
    return {phase: fwhm for phase, (_, fwhm) in strongest.items()}


def _fitted_lines(information: IntensityInformation) -> Sequence[FittedLine]:
    groups = (group for group in information.groups if group.role not in (UNEXPLAINED, STEADY) and group.expected > 0.0)
    return [
        FittedLine(phase=group.phase, hkl=group.hkl, two_theta=group.two_theta, area=group.expected, fwhm=group.fwhm) for group in groups
    ]
