"""xrdkna as a side of the comparison. `python tests/speed/xrdkna_side.py static "series 60" facts` runs it alone.

Times cover everything from the scan's numbers to the finished record: correction, model, fit, esds, verdict. Reading CIF files
is left out, as on the other side.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from bench import START_HUMP_CENTRE, START_HUMP_FWHM, START_HUMP_HEIGHT, Fit, Stopwatch, fit_of, work
from forward import CAGLIOTI, LAST_REFLECTION, RADIUS_MM, RATIOS, TWO_THETA, WAVELENGTHS
from workload import PHASES, STATIC_WEIGHTS, PlantedScan

from xrdkna.correct.scan import prepare_scan
from xrdkna.phases.cif import phase_from_cif
from xrdkna.phases.reflections import reflections_of
from xrdkna.records.instrument import Instrument, InstrumentProfile, Radiation, SpectralLine
from xrdkna.records.peaks import Halo
from xrdkna.records.phases import Phase, Reflections
from xrdkna.records.refinement import Refinement
from xrdkna.records.scan import Pattern, Scan
from xrdkna.records.values import Estimate
from xrdkna.refine.following.chain import follow_patterns
from xrdkna.refine.kernels.voigt_shape import line_shape
from xrdkna.refine.refine import refine_pattern
from xrdkna.refine.settings import ParameterChoice, RefineSettings

# What the other side is told as well: the machine's own line shape and that lines are pseudo-Voigts; and as much freedom as it has: at
# 12° each six background polynomials, no term for air scatter, the zero error held.
SETTINGS = RefineSettings(
    texture="none",
    line_shape="pseudo-voigt",
    profile=InstrumentProfile(u=CAGLIOTI[0], v=CAGLIOTI[1], w=CAGLIOTI[2], source="workload"),
    degrees_per_term_beside_halos=12.0,
    air_scatter_below=0.0,
    parameters={"zero": ParameterChoice(vary=False)},
)
# Width (degrees) of a typical line, to start from.
START_FWHM = 0.12
INSTRUMENT = Instrument(
    radiation=Radiation(
        name="CuKa",
        lines=tuple(
            SpectralLine(label=label, wavelength=wavelength, weight=weight)
            for label, wavelength, weight in zip(("Kα1", "Kα2"), WAVELENGTHS, RATIOS, strict=True)
        ),
        anode="Cu",
    ),
    radius_mm=RADIUS_MM,
)


class Xrdkna:
    """xrdkna, by its own rooms: correct, phases, refine."""

    def __init__(self, widths: str) -> None:
        # Scattering factors come from a library, and compiled code from numba, that are otherwise loaded when first asked for: loading is
        # not fitting, on either side.
        import xrayutilities.materials  # noqa: F401

        line_shape(0.5, True)

        self._widths = widths

    def refine_static(self, scan: PlantedScan, cifs: Mapping[str, Path]) -> Fit:
        """The static pattern from the CIF cells, widths refined."""
        return refine_static_with_xrdkna(scan, _phases(cifs, STATIC_WEIGHTS))

    def refine_series(self, scans: Iterable[PlantedScan], cifs: Mapping[str, Path]) -> Iterator[Fit]:
        """The series, each scan from where the one before ended."""
        settings = _widths_held() if self._widths == "held" else SETTINGS
        return refine_series_with_xrdkna(scans, _phases(cifs, PHASES), settings)

    def facts(self) -> dict[str, object]:
        """Version and settings."""
        return {"program": f"xrdkna {version('xrdkna')}", "setting": f"widths {self._widths}, texture {SETTINGS.texture}"}


def refine_static_with_xrdkna(planted: PlantedScan, phases: Sequence[Phase]) -> Fit:
    """One cold refinement, timed from the structures and the numbers of the scan to the record."""
    scan = _scan(planted)
    with Stopwatch() as watch:
        reflections = _reflections(phases)
        pattern = prepare_scan(scan, INSTRUMENT)
        refinement = refine_pattern(pattern, reflections, SETTINGS, fwhm=START_FWHM, halos=(_hump(),))
    return _fit(planted, refinement, watch)


def refine_series_with_xrdkna(scans: Iterable[PlantedScan], phases: Sequence[Phase], settings: RefineSettings) -> Iterator[Fit]:
    """Scan after scan, each timed from its numbers to the record and started from the one before."""
    reflections = _reflections(phases)
    planted, handed = iter(scans), deque[PlantedScan]()
    watch = Stopwatch()

    def patterns() -> Iterator[Pattern]:
        """Asked for one at a time: the watch starts when a scan's numbers are there."""
        for scan in planted:
            handed.append(scan)
            numbers = _scan(scan)
            watch.start()
            yield prepare_scan(numbers, INSTRUMENT)

    for fit in follow_patterns(patterns(), reflections, settings, fwhm=START_FWHM, halos=(_hump(),)):
        watch.stop()
        weights = dict(zip(fit.phases, fit.weight_fractions.tolist(), strict=True))
        yield fit_of(handed.popleft(), watch, calculated=fit.calculated, weights=weights, verdict=fit.verdict)


def _widths_held() -> RefineSettings:
    """The settings with the planted width of every phase written in."""
    held = {
        f"{letter}_{name}": ParameterChoice(value=width, vary=False)
        for name, phase in PHASES.items()
        for letter, width in (("x", phase.size_width), ("y", phase.strain_width))
    }
    return replace(SETTINGS, parameters={**SETTINGS.parameters, **held})


def _fit(planted: PlantedScan, refinement: Refinement, watch: Stopwatch) -> Fit:
    weights = {fit.phase: fit.weight_fraction.value if fit.weight_fraction else 0.0 for fit in refinement.phases}
    return fit_of(planted, watch, calculated=refinement.calculated, weights=weights, verdict=refinement.verdict)


def _phases(cifs: Mapping[str, Path], names: Iterable[str]) -> list[Phase]:
    return [phase_from_cif(cifs[name], name=name) for name in names]


def _reflections(phases: Sequence[Phase]) -> list[Reflections]:
    return [reflections_of(phase, instrument=INSTRUMENT, two_theta_max=LAST_REFLECTION) for phase in phases]


def _scan(planted: PlantedScan) -> Scan:
    return Scan(
        name="planted", source="workload", two_theta=TWO_THETA, intensity=planted.counts, sigma=planted.sigma, sigma_source="counts"
    )


def _hump() -> Halo:
    area = START_HUMP_HEIGHT * START_HUMP_FWHM
    centre, fwhm = Estimate(value=START_HUMP_CENTRE, esd=None, unit="°"), Estimate(value=START_HUMP_FWHM, esd=None, unit="°")
    return Halo(two_theta=centre, fwhm=fwhm, area=Estimate(value=area, esd=None, unit="counts·°"), snr=100.0)


if __name__ == "__main__":
    work(Xrdkna)
