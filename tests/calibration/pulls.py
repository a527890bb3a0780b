"""Are the esds right? (fitted − true)/esd of every number a refinement reports, on planted patterns with Poisson counts:

    python tests/calibration/pulls.py [--patterns 200] [--first 0] [--jobs 1] [--json FILE] [--worst 20]

Specimens and patterns come from `plant`. Each is fitted as a user would: what the specimen holds is named, cells and height start where
indexing would put them (0.03 % and 0.01 mm off), halos start a tenth of their width off. A third of the patterns knows its machine
(RefineSettings.profile; texture none, half of them with B factors or one phase's height free), a third has free texture and nothing
known, a third March–Dollase texture and a known machine. The Kα₂ ratio is free where the machine is known: beside free widths and free
texture a pattern may have two minima in it.

Which pulls count is settled by the truth and the esd alone, never by how far off a value came out:
- A number that cannot go below zero (weight, scale, halo area, line breadth) has no symmetric error near zero: it counts where
  the truth is at least FROM_BOUND esds away.
- Size is the reciprocal of a breadth, Scherrer's; its error is symmetric only where small: it counts where the true breadth is RECIPROCAL
  of the breadth's esds.
- Cells, heights, March coefficients, B factors and the ratio have no bound in reach: they always count.
- A halo's centre and width count where its area does.

A fit that says itself that it is in doubt has been honest: the second table is of the patterns whose verdict is "accepted", and how many
are not is said with it.
"""

import argparse
import json
import os
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(threads, "1")
sys.path.insert(0, str(Path(__file__).parent))

import numpy as np  # noqa: E402 - threads are settled before numpy starts any
from plant import Specimen, TruePhase, draw_specimen, expected_counts, true_cell, true_texture  # noqa: E402

from xrdkna.records.instrument import Instrument, InstrumentProfile  # noqa: E402
from xrdkna.records.peaks import Halo  # noqa: E402
from xrdkna.records.refinement import PhaseFit, Refinement  # noqa: E402
from xrdkna.records.scan import Pattern  # noqa: E402
from xrdkna.records.values import Estimate  # noqa: E402
from xrdkna.refine.forward.layout import tag  # noqa: E402
from xrdkna.refine.refine import refine_pattern  # noqa: E402
from xrdkna.refine.settings import ParameterChoice, RefineSettings  # noqa: E402

# Without esds in between, a normal variable leaves half of its errors cut off or folded back at a bound.
FROM_BOUND = 4.0
# 1/x of a breadth x known to 1/10 is biased by a tenth of its esd.
RECIPROCAL = 10.0
MEAN_LIMIT, SD_LIMITS = 0.15, (0.9, 1.2)
_TEXTURE = {"known machine": "none", "free texture": "free", "march": "march"}


@dataclass(frozen=True, kw_only=True)
class Pull:
    """One number of one fit."""

    seed: int
    quantity: str
    name: str
    fitted: float
    true: float
    esd: float
    verdict: str

    @property
    def pull(self) -> float:
        """How many esds it is off."""
        return (self.fitted - self.true) / self.esd


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--patterns", type=int, default=200)
    parser.add_argument("--first", type=int, default=0, help="number of the first specimen")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--worst", type=int, default=0, help="also list so many of the largest pulls")
    parser.add_argument("--json", type=Path, default=None)
    options = parser.parse_args()
    pulls = pulls_of(range(options.first, options.first + options.patterns), jobs=options.jobs)
    sys.stdout.write(table(pulls))
    accepted = [pull for pull in pulls if pull.verdict == "accepted"]
    patterns, kept = ({pull.seed for pull in each} for each in (pulls, accepted))
    sys.stdout.write(f"\naccepted, {len(kept)} patterns of {len(patterns)}:\n{table(accepted)}")
    for pull in sorted(pulls, key=lambda pull: -abs(pull.pull))[: options.worst]:
        sys.stdout.write(
            f"{pull.seed:5d} {pull.name:28s} {pull.fitted:12.6g} true {pull.true:12.6g} esd {pull.esd:9.3g} pull {pull.pull:+.2f}\n"
        )
    if options.json is not None:
        options.json.write_text(
            json.dumps({"summary": summary(pulls), "pulls": [vars_of(pull) for pull in pulls]}, indent=1), encoding="utf-8"
        )


def pulls_of(seeds: Sequence[int], *, jobs: int = 1) -> list[Pull]:
    """The pulls of these specimens that count."""
    if jobs == 1:
        return [pull for seed in seeds for pull in pulls_of_one(seed)]
    with ProcessPoolExecutor(jobs) as pool:
        return [pull for pulls in pool.map(pulls_of_one, seeds, chunksize=4) for pull in pulls]


def pulls_of_one(seed: int) -> list[Pull]:
    """Plant, count, fit, compare."""
    specimen = draw_specimen(seed)
    expected, scales = expected_counts(specimen)
    counts = np.random.default_rng([seed, 1]).poisson(expected).astype(float)
    result = fit(specimen, counts)
    return [replace(pull, verdict=result.verdict) for pull in _compared(specimen, scales, result)]


def fit(specimen: Specimen, counts: np.ndarray, *, library: Sequence[str] = ()) -> Refinement:
    """The refinement of these counts as a user who knows the specimen's phases would ask for it. library: phases whose cells start at
    the library's."""
    rng = np.random.default_rng([specimen.seed, 2])
    u, v, w = specimen.gaussian
    x, y = specimen.machine
    known = InstrumentProfile(u=u, v=v, w=w, x=x, y=y, source="planted")
    settings = RefineSettings(
        texture=_TEXTURE[specimen.kind],
        profile=None if specimen.kind == "free texture" else known,
        degrees_per_background_term=float(rng.choice([4.0, 5.0, 8.0])),
        parameters=_choices(specimen),
    )
    pattern = Pattern(
        name=f"specimen {specimen.seed}",
        two_theta=specimen.two_theta,
        intensity=counts,
        sigma=np.sqrt(np.maximum(counts, 1.0)),
        sigma_source="counts",
        background=np.full(counts.size, float(np.median(counts))),
        used=np.ones(counts.size, dtype=bool),
        instrument=specimen.instrument,
    )
    width = float(np.hypot(np.sqrt(w), x + float(np.median([phase.x for phase in specimen.phases]))))
    return refine_pattern(
        pattern,
        [phase.reflections for phase in specimen.phases],
        settings,
        fwhm=width * float(rng.uniform(0.7, 1.4)),
        halos=[_guess(halo, rng) for halo in specimen.halos],
        initial=_indexed(specimen, rng, library),
    )


def _choices(specimen: Specimen) -> Mapping[str, ParameterChoice]:
    free = [f"displacement_{tag(p.phase.name)}" for p in specimen.phases if p.height_mm] + [
        f"biso_{tag(p.phase.name)}" for p in specimen.phases if p.biso
    ]
    if specimen.kind != "free texture":
        free += [f"ratio_{tag(specimen.instrument.radiation.lines[1].label)}"]
    return {name: ParameterChoice(vary=True) for name in free}


def _indexed(specimen: Specimen, rng: np.random.Generator, library: Sequence[str]) -> dict[str, float]:
    initial = {"displacement": _degrees(specimen.displacement_mm + rng.normal(0.0, 0.01), specimen.instrument)}
    if specimen.instrument.geometry == "Debye-Scherrer":
        initial["zero"] = specimen.zero + rng.normal(0.0, 0.005)
    for phase in [phase for phase in specimen.phases if phase.phase.name not in library]:
        for name, value in true_cell(phase).items():
            initial[f"{name}_{tag(phase.phase.name)}"] = value + 3e-4 * rng.normal() * (value if len(name) == 1 else np.degrees(1.0))
    return initial


def _guess(halo: tuple[float, float, float], rng: np.random.Generator) -> Halo:
    area, center, fwhm = (Estimate(value=value, esd=None, unit="") for value in halo)
    return Halo(
        two_theta=Estimate(value=center.value + 0.1 * fwhm.value * rng.normal(), esd=None, unit="°"),
        fwhm=Estimate(value=fwhm.value * rng.uniform(0.8, 1.25), esd=None, unit="°"),
        area=Estimate(value=area.value * rng.uniform(0.7, 1.4), esd=None, unit="counts·°"),
        snr=20.0,
    )


def _degrees(height_mm: float, instrument: Instrument) -> float:
    assert instrument.radius_mm is not None
    return float(np.degrees(height_mm / instrument.radius_mm)) * (2.0 if instrument.geometry == "Bragg-Brentano" else 1.0)


def _compared(specimen: Specimen, scales: np.ndarray, result: Refinement) -> Iterator[Pull]:
    for (true, fit_of), scale in zip(zip(specimen.phases, result.phases, strict=True), scales, strict=True):
        yield from _of_phase(specimen, true, fit_of, float(scale), result)
    yield from _counted(specimen, "displacement", "displacement", result.phases[0].displacement, specimen.displacement_mm)
    for halo, (area, center, fwhm) in zip(result.halos, specimen.halos, strict=True):
        if (halo.area.esd or 0.0) * FROM_BOUND <= area:
            yield from _counted(specimen, "halo area", "halo", halo.area, area)
            yield from _counted(specimen, "halo centre", "halo", halo.two_theta, center)
            yield from _counted(specimen, "halo fwhm", "halo", halo.fwhm, fwhm)
    for parameter in result.parameters:
        if parameter.refined and parameter.name.startswith("ratio_"):
            yield from _counted(specimen, "Kα₂ ratio", parameter.name, parameter.value, specimen.ratio)


def _of_phase(specimen: Specimen, true: TruePhase, found: PhaseFit, scale: float, result: Refinement) -> Iterator[Pull]:
    name = true.phase.name
    for edge, value in true_cell(true).items():
        yield from _counted(specimen, "cell angle" if len(edge) > 1 else "cell edge", f"{edge} {name}", found.cell[edge], value)
    yield from _far(specimen, "scale", name, found.scale, scale)
    if found.weight_fraction is not None:
        yield from _far(specimen, "weight fraction", name, found.weight_fraction, true.weight)
    x, y = true.x, true.y
    if specimen.kind == "free texture":
        # The machine's share is not known: the apparent size and strain are those of the whole breadth.
        x, y = x + specimen.machine[0], y + specimen.machine[1]
    size, strain = np.degrees(1.0) * 0.9 * specimen.instrument.radiation.wavelength / x, np.radians(y) / 4.0
    if found.size is not None and found.size.esd and found.size.esd / found.size.value**2 * RECIPROCAL <= 1.0 / size:
        yield from _counted(specimen, "size", name, found.size, size)
    if found.strain is not None:
        yield from _far(specimen, "strain", name, found.strain, strain)
    group = {g.hkl: g.members for g in result.information.groups if g.phase == name}
    for text, deviation in found.texture.items():
        hkl = tuple(int(index) for index in text.split())
        if hkl in group:
            yield from _far(specimen, "texture", f"{name} {text}", deviation, true_texture(true, group[hkl]))
    truths = {"march": true.march, "biso": true.biso, "displacement": _degrees(true.height_mm, specimen.instrument)}
    for kind, title in (("march", "March r"), ("biso", "B factor"), ("displacement", "phase displacement")):
        parameter = result.parameter(f"{kind}_{tag(name)}")
        if parameter is not None and parameter.refined:
            yield from _counted(specimen, title, name, parameter.value, truths[kind])


def _far(specimen: Specimen, quantity: str, name: str, found: Estimate, true: float) -> Iterator[Pull]:
    """What is bounded by zero counts where the truth is far from it."""
    if found.esd is not None and true >= FROM_BOUND * found.esd:
        yield from _counted(specimen, quantity, name, found, true)


def _counted(specimen: Specimen, quantity: str, name: str, found: Estimate, true: float) -> Iterator[Pull]:
    if found.esd:
        yield Pull(
            seed=specimen.seed,
            quantity=quantity,
            name=f"{quantity}: {name}",
            fitted=float(found.value),
            true=float(true),
            esd=float(found.esd),
            verdict="",
        )


def summary(pulls: Sequence[Pull]) -> dict[str, dict[str, float]]:
    """By quantity: mean and standard deviation of the pulls, the standard error of each, and how many."""
    by_quantity = defaultdict(list)
    for pull in pulls:
        by_quantity[pull.quantity].append(pull.pull)
    rows = {}
    for quantity, values in by_quantity.items():
        n, mean, sd = len(values), float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
        rows[quantity] = {"n": n, "mean": mean, "mean_se": sd / np.sqrt(n), "sd": sd, "sd_se": sd / np.sqrt(2.0 * max(n - 1, 1))}
    return rows


def table(pulls: Sequence[Pull]) -> str:
    """The summary for people; what lies outside the limits is marked, and whether by less than two of its standard errors."""
    lines = [f"{'quantity':20s} {'mean':>7s} {'±':>6s} {'sd':>7s} {'±':>6s} {'n':>6s}"]
    for quantity, row in summary(pulls).items():
        mean_off = max(abs(row["mean"]) - MEAN_LIMIT, 0.0)
        sd_off = max(row["sd"] - SD_LIMITS[1], SD_LIMITS[0] - row["sd"], 0.0)
        chance = mean_off < 2.0 * row["mean_se"] and sd_off < 2.0 * row["sd_se"]
        remark = "" if mean_off == sd_off == 0.0 else "   outside, within chance" if chance else "   outside"
        lines.append(f"{quantity:20s} {row['mean']:+7.3f} {row['mean_se']:6.3f} {row['sd']:7.3f} {row['sd_se']:6.3f} {row['n']:6d}{remark}")
    return "\n".join(lines) + "\n"


def vars_of(pull: Pull) -> dict[str, float | str]:
    """A pull for JSON."""
    return {
        "seed": pull.seed,
        "name": pull.name,
        "fitted": pull.fitted,
        "true": pull.true,
        "esd": pull.esd,
        "pull": pull.pull,
        "verdict": pull.verdict,
    }


if __name__ == "__main__":
    main()
