"""What a published list says about each phase: its verdict with reasons, and how well its lines fit one cell."""

import math

import numpy as np

from xrdkna.match.centring import Centring, judge_centring
from xrdkna.match.line_evidence import PhaseWeight, Weighing, lookup_phase
from xrdkna.match.line_list import LineSettings, ListedLines
from xrdkna.match.line_words import Hkl, listed_words, reflection_index, written
from xrdkna.match.merit import count_possible, de_wolff_m, smith_snyder_f
from xrdkna.physics.bragg import d_from_two_theta
from xrdkna.physics.lattice import d_spacings
from xrdkna.records.arrays import BoolArray, IntArray
from xrdkna.records.index import CellFit, PhaseVerdict
from xrdkna.records.values import Estimate

# Missing lines worth a sentence: at least this strong relative to the strongest, and no more than so many.
WORTH_MISSING = 0.1
MOST_MISSING = 5


def judge_phase(
    weight: PhaseWeight, listed: ListedLines, weighing: Weighing, centring: Centring | None, fit: CellFit | None, settings: LineSettings
) -> PhaseVerdict:
    """The verdict on one phase, with its reasons as sentences. No weight fraction: positions weigh nothing."""
    claimed = claimed_lines(weight, listed, weighing)
    counted = counted_lines(weight, listed, weighing, settings)
    reasons = [_evidence(weight, counted, listed)]
    astray = np.flatnonzero(claimed & ~counted)
    if astray.size:
        reasons.append(f"Off this cell: {'; '.join(_astray(weight, int(k), listed) for k in astray)}.")
    if centring is not None:
        reasons.append(f"Lattice of {weight.name}: {centring.sentence}.")
    missing = missing_lines(weight, listed, settings)
    if missing and (counted.any() or claimed.any() or weight.verdict != "absent"):
        reasons.append(f"Expected but not in the list: {listed_words([_missing(weight, m) for m in missing])}.")
    elif missing:
        reasons.append(f"Its strong lines are not in the list: {listed_words([_missing(weight, m) for m in missing[:3]])}.")
    forced = forced_rms(weight, listed, weighing, settings)
    if forced is not None and astray.size:
        reasons.append(f"Forced on the published indices, the best cell and shift still leave {forced:.2f}° rms.")
    if not weight.expected.cluster_counts.any():
        reasons.append("None of its lines falls in the range of the list.")
    reasons.append("A list of positions gives no weight fraction.")
    return PhaseVerdict(
        phase=weight.name,
        role=weight.expected.source.role,
        verdict=weight.verdict,
        significance=weight.significance,
        weight_fraction=None,
        detection_limit=None,
        cell=dict(fit.cell) if fit is not None and weight.verdict != "absent" else None,
        reasons=tuple(reasons),
    )


def fit_of_cell(
    weight: PhaseWeight, listed: ListedLines, weighing: Weighing, centring: Centring | None, settings: LineSettings
) -> CellFit | None:
    """Figures of merit over the lines that fit the phase's cell; None with too few of them: two for a phase that the list names,
    `least_lines` for another, which must also not be absent."""
    counted = np.flatnonzero(counted_lines(weight, listed, weighing, settings))
    # two printed lines of one reflection are one line of the cell
    counted = np.sort(counted[np.unique(weight.best[counted], return_index=True)[1]])
    if counted.size < (2 if weight.named else settings.least_lines) or (weight.verdict == "absent" and not weight.named):
        return None
    cell = weight.fit.cell(weight.index)
    rows = weight.best[counted]
    observed, calculated = listed.two_theta[counted], weight.places[rows]
    wavelength = weight.expected.wavelength
    # Q without the shift, so that M judges the cell; both from the same corrected angles
    bare = weight.expected.places(weight.fit.cells[weight.index])[0][rows]
    d_observed = d_from_two_theta(observed - calculated + bare, wavelength=wavelength)
    d_calculated = d_from_two_theta(bare, wavelength=wavelength)
    # a digit of size u rounds by u/4 on average
    rounding = float(np.mean(listed.step[counted])) / 4.0
    q_rounding = float(np.mean(listed.step[counted] / 4.0 * np.radians(1.0) / np.tan(np.radians(bare) / 2.0) / d_calculated**2))
    scaled = weight.expected.possible_d * float(
        np.median(d_calculated / d_spacings(weight.expected.hkl[rows], weight.expected.source.cell))
    )
    possible = count_possible(scaled, least_d=float(d_calculated.min()))
    m = de_wolff_m(1.0 / d_observed**2, 1.0 / d_calculated**2, possible=possible, least_error=q_rounding)
    f = smith_snyder_f(observed, calculated, possible=possible, least_error=rounding)
    esds = weight.fit.cell_esds(weight.index)
    names = weight.expected.names
    units = ["Å" if name in ("a", "b", "c") else "°" for name in names]
    values = {n: Estimate(value=getattr(cell, n), esd=float(e), unit=u) for n, e, u in zip(names, esds, units, strict=True)}
    rms = float(np.sqrt(np.mean((observed - calculated) ** 2)))
    return CellFit(
        phase=weight.name,
        lines=int(counted.size),
        cell=values,
        figure_of_merit_m=m,
        figure_of_merit_f=f,
        rms_two_theta=rms,
        sentence=_fit_sentence(weight, listed, weighing, counted, (m, f, rms), possible, centring, settings),
    )


def centring_of(weight: PhaseWeight, listed: ListedLines, weighing: Weighing, settings: LineSettings) -> Centring | None:
    """The lattice of a cubic phase judged from the lines that are published as its, or else fit it; None for fewer than two."""
    if weight.expected.source.crystal_system != "cubic":
        return None
    chosen = claimed_lines(weight, listed, weighing) | counted_lines(weight, listed, weighing, settings)
    if (weight.verdict == "absent" and not weight.named) or int(chosen.sum()) < 2:
        return None
    bare = listed.two_theta - weight.fit.shift * weight.expected.shift_pattern(listed.two_theta)
    edge = weight.fit.cell(weight.index).a
    return judge_centring(bare[chosen], edge=edge, wavelength=weight.expected.wavelength)


def claimed_lines(weight: PhaseWeight, listed: ListedLines, weighing: Weighing) -> BoolArray:
    """(n,) the lines that are published as this phase's."""
    names = tuple(other.name for other in weighing.weights)
    return np.array([lookup_phase(line.phase, names) == weight.name for line in listed.lines])


def counted_lines(weight: PhaseWeight, listed: ListedLines, weighing: Weighing, settings: LineSettings) -> BoolArray:
    """(n,) the lines that fit its cell: published as its or as nobody's, and within `agree_sigmas`."""
    names = tuple(other.name for other in weighing.weights)
    free = np.array([lookup_phase(line.phase, names) is None for line in listed.lines])
    claimed = claimed_lines(weight, listed, weighing)
    return np.asarray((weight.off_by <= settings.agree_sigmas) & (claimed | (free & weight.own)))


def missing_lines(weight: PhaseWeight, listed: ListedLines, settings: LineSettings) -> list[int]:
    """Rows of the strong expected lines with no listed line near, strongest first."""
    expected = weight.expected
    gap = np.abs(listed.two_theta[:, None] - weight.places).min(axis=0) if weight.places.size else np.zeros(0)
    reach = np.maximum(settings.resolution, settings.disagree_sigmas * np.hypot(float(np.max(listed.sigma)), weight.esds))
    inside = expected.cluster_counts[expected.cluster] > 0
    rows = np.flatnonzero((gap > reach) & inside & (expected.intensity >= WORTH_MISSING))
    return [int(m) for m in rows[np.argsort(-expected.intensity[rows])][:MOST_MISSING]]


def forced_rms(weight: PhaseWeight, listed: ListedLines, weighing: Weighing, settings: LineSettings) -> float | None:
    """Degrees rms that remain when cell and shift are fitted to the published indices, all of them, within the limits; None
    with fewer lines than can be judged."""
    from scipy.optimize import least_squares

    rows, lines = _indexed_rows(weight, listed, weighing)
    expected = weight.expected
    k = len(expected.names)
    if len(rows) < 3:
        return None

    def misfit(x: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        bare, _ = expected.places(x[:k])
        return np.asarray(listed.two_theta[lines] - (bare + x[k] * expected.shift_pattern(bare))[rows])

    limit = np.append(expected.limit, settings.shift_limit)
    solved = least_squares(misfit, np.zeros(k + 1), bounds=(-limit, limit), x_scale=np.append(np.ones(k), 0.1))
    return float(np.sqrt(np.mean(solved.fun**2)))


def _indexed_rows(weight: PhaseWeight, listed: ListedLines, weighing: Weighing) -> tuple[IntArray, IntArray]:
    claimed = np.flatnonzero(claimed_lines(weight, listed, weighing))
    indices: list[tuple[int, Hkl | None]] = [(int(k), listed.lines[int(k)].hkl) for k in claimed]
    pairs = [(reflection_index(weight, hkl), k) for k, hkl in indices if hkl is not None]
    found = [(m, k) for m, k in pairs if m is not None]
    return np.array([m for m, _ in found], dtype=np.int64), np.array([k for _, k in found], dtype=np.int64)


def _evidence(weight: PhaseWeight, counted: BoolArray, listed: ListedLines) -> str:
    fitting = ", ".join(f"{_angle(listed, int(k))} {written(_hkl(weight, int(weight.best[k])))}" for k in np.flatnonzero(counted))
    lines = int(counted.sum())
    verb = "fit" if lines > 1 else "fits"
    told = f"{lines or 'None'} of {counted.size} lines {verb} one cell of {weight.name}" + (f": {fitting}." if lines else ".")
    if abs(weight.log_evidence) < 0.05:
        return f"{told} The whole list is as likely without {weight.name} as with it."
    likely = math.exp(min(abs(weight.log_evidence), 40.0))
    times = "over a billion" if likely > 1e9 else f"{likely:,.0f}" if likely >= 100.0 else f"{likely:.2g}"
    odds = f"{times} times {'more' if weight.log_evidence > 0 else 'less'} likely with {weight.name} in the sample than without"
    return f"{told} The whole list, with what should be there and is not, is {odds}."


def _astray(weight: PhaseWeight, k: int, listed: ListedLines) -> str:
    hkl = listed.lines[k].hkl
    row = reflection_index(weight, hkl) if hkl is not None else int(weight.best[k])
    if row is None:
        return f"{_angle(listed, k)} (published as {written(hkl or (0, 0, 0))}, no reflection of this phase here)"
    if row < 0:
        return f"{_angle(listed, k)} (no reflection near)"
    shown = written(hkl or _hkl(weight, row))
    return f"{_angle(listed, k)} by {listed.two_theta[k] - weight.places[row]:+.2f}° from {shown}".replace("-", "−")


def _missing(weight: PhaseWeight, row: int) -> str:
    strength = weight.expected.intensity
    strongest = " (the strongest calculated line)" if strength[row] > 0.999 and int((strength > 0.99 * strength[row]).sum()) == 1 else ""
    return f"{written(_hkl(weight, row))} at {weight.expected.reference[row]:.2f}°{strongest}"


def _fit_sentence(
    weight: PhaseWeight,
    listed: ListedLines,
    weighing: Weighing,
    counted: IntArray,
    merits: tuple[float, float, float],
    possible: int,
    centring: Centring | None,
    settings: LineSettings,
) -> str:
    m, f, rms = merits
    n = counted.size
    shown = ", ".join(f"{_angle(listed, int(k))} {written(_hkl(weight, int(weight.best[k])))}" for k in counted)
    shift = f"{weight.fit.shift:+.2f}°".replace("-", "−")
    parts = [
        f"{n} lines fit one cell of {weight.name} to {rms:.3f}° rms ({shown}): M_{n} = {m:.1f} (de Wolff), F_{n} = {f:.1f} "
        f"(Smith–Snyder), {possible} lines possible, shift {shift}"
    ]
    free = len(weight.expected.names) + 1
    if n <= free:
        parts.append(f"{n} lines cannot test the {free} parameters of cell and shift, only their reference values do")
    outside = np.flatnonzero(claimed_lines(weight, listed, weighing))
    outside = outside[~np.isin(outside, counted)]
    if outside.size:
        parts.append("not of this cell: " + ", ".join(_astray(weight, int(k), listed) for k in outside))
        forced = forced_rms(weight, listed, weighing, settings)
        if forced is not None:
            parts.append(f"no allowed cell and shift bring all published indices closer than {forced:.2f}° rms")
    if centring is not None:
        parts.append(centring.sentence)
    return "; ".join(parts) + "."


def _angle(listed: ListedLines, k: int) -> str:
    return f"{listed.two_theta[k]:.3f}".rstrip("0").rstrip(".") + "°"


def _hkl(weight: PhaseWeight, row: int) -> Hkl:
    h, k, last = (int(index) for index in weight.expected.hkl[row])
    return h, k, last
