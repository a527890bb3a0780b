"""rietx, the fastest peer, in its fastest setting: one stage, no closing pass, no history, no telemetry, one `Refinement` for all.

`python tests/speed/peer_rietx.py static "series 60" facts` needs rietx, numpy and gemmi, nothing of xrdkna. Each scan starts from
where the one before ended, because a `Refinement` keeps its state. Times cover `Refinement.fit`
alone, with the structure factors and the report it makes; reading files and building its records is left out.
"""

import warnings
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench import (
    START_HUMP_CENTRE,
    START_HUMP_FWHM,
    START_HUMP_HEIGHT,
    START_SIZE_WIDTH,
    START_STRAIN_WIDTH,
    Fit,
    Stopwatch,
    fit_of,
    work,
)
from forward import CAGLIOTI, RADIUS_MM, TWO_THETA, WAVELENGTHS
from workload import CHEBYSHEV, PHASES, STATIC_WEIGHTS, PlantedScan

COMMON = (
    "phases.*.scale",
    "phases.*.cell.*",
    "instrument.geometry.sample_displacement",
    "instrument.background.*",
    "instrument.extra_components.*",
)
WIDTH_PATHS = ("phases.*.lor_size", "phases.*.lor_strain")

# The relative fall of χ² at which a stage ends. rietx has 1e-9, which costs two more of six iterations a scan and changes neither
# the sixth digit of Rwp nor a weight by 0.002 wt%; looser than this saves no iteration.
TOLERANCE = 0.1


class Rietx:
    """rietx as a side of the comparison."""

    def __init__(self, widths: str) -> None:
        try:
            import rietx
        except ImportError:
            raise SystemExit("rietx is not installed here; install the extra `bench`, or give --peer-python.") from None
        # Its peak finder divides by zero on flat stretches and says so; that is no matter of this comparison.
        warnings.simplefilter("ignore")
        self._rietx: Any = rietx
        self._widths = widths

    def refine_static(self, scan: PlantedScan, cifs: Mapping[str, Path]) -> Fit:
        """26 parameters: a scale, cell, size and strain of each phase, displacement, six background terms, the hump."""
        widths = dict.fromkeys(STATIC_WEIGHTS, (START_SIZE_WIDTH, START_STRAIN_WIDTH))
        return self._fit(self._refinement(scan, cifs, widths), scan, self._plan(*COMMON, *WIDTH_PATHS))

    def refine_series(self, scans: Iterable[PlantedScan], cifs: Mapping[str, Path]) -> Iterator[Fit]:
        """25 parameters: scales, cells, displacement, background, hump; 35 with the widths of the phases."""
        widths = {name: (phase.size_width, phase.strain_width) for name, phase in PHASES.items()}
        moving = COMMON if self._widths == "held" else (*COMMON, *WIDTH_PATHS)
        plan, refinement = self._plan(*moving), None
        for scan in scans:
            refinement = refinement or self._refinement(scan, cifs, widths)
            yield self._fit(refinement, scan, plan)

    def facts(self) -> dict[str, object]:
        """Versions, backend, and whether the compiled kernels run."""
        missing = self._rietx.capabilities().compiled_kernels_unavailable
        kernels = f"rietx-kernels {version('rietx-kernels')}" if missing is None else f"numpy only ({missing})"
        return {
            "program": f"rietx {version('rietx')}",
            "setting": f"widths {self._widths}, one stage, no closing pass, ftol {TOLERANCE:g}, lm, numpy with {kernels}",
        }

    def _fit(self, refinement: Any, scan: PlantedScan, plan: Any) -> Fit:
        data = self._rietx.PatternData(two_theta=TWO_THETA.tolist(), intensity=scan.counts.tolist(), sigma=scan.sigma.tolist())
        with Stopwatch() as watch:
            result = refinement.fit(data, plan=plan, telemetry=False)
        weights = {quantity.name: quantity.weight_fraction or 0.0 for quantity in result.qpa.phases}
        return fit_of(scan, watch, calculated=result.y_calc, weights=weights, verdict=result.status)

    def _plan(self, *moving: str) -> Any:
        stage = self._rietx.Stage("all", list(moving), ftol=TOLERANCE)
        return self._rietx.RefinementPlan(stages=[stage], closing_window_tol=None)

    def _refinement(self, scan: PlantedScan, cifs: Mapping[str, Path], widths: Mapping[str, tuple[float, float]]) -> Any:
        """A refinement ready to start. widths: Lorentzian X and Y (degrees) by phase, which says who takes part."""
        phases = []
        for name, (size, strain) in widths.items():
            phase = self._rietx.Structure.from_cif(cifs[name], phase_name=name).phases[0]
            phase.lor_size.value, phase.lor_strain.value = size, strain
            phases.append(phase)
        structure = self._rietx.Structure(phases=phases)
        return self._rietx.Refinement(structure, self._instrument(scan), history=False)

    def _instrument(self, scan: PlantedScan) -> Any:
        rietx = self._rietx
        instrument = rietx.Instrument.bragg_brentano(radiation="CuKa", goniometer_radius_mm=RADIUS_MM)
        for line, wavelength in zip(instrument.source.lines, WAVELENGTHS, strict=True):
            line.wavelength.value = wavelength
        for name, value in zip("uvwxy", (*CAGLIOTI, 0.0, 0.0), strict=True):
            getattr(instrument.profile, name).value = value
        level = float(sorted(scan.counts)[len(scan.counts) // 2])
        flat = [rietx.Parameter(value=value) for value in (level, *(0.0 for _ in CHEBYSHEV[1:]))]
        instrument.background = rietx.BackgroundChebyshev(coefficients=flat)
        hump = rietx.HumpComponent(
            position=rietx.Parameter(value=START_HUMP_CENTRE),
            height=rietx.Parameter(value=START_HUMP_HEIGHT, min=0.0),
            fwhm=rietx.Parameter(value=START_HUMP_FWHM, min=1.0),
        )
        instrument.extra_components = [hump]
        return instrument


if __name__ == "__main__":
    work(Rietx)
