"""Is there a better place for a phase's lines than the one the fit has found? A search of each phase's cell, cheap and wide.

A least-squares fit follows slopes, and between two lines of a crowded pattern slopes lead into side minima. Here one phase is
lifted out of the solution, and what is then unexplained is correlated with its line shape (the matched filter of North 1963);
the pattern of the phase at any other cell then costs only a look-up a line, so that the whole range its bounds allow can be
searched, coarsely with blurred lines first (graduated: Blake & Zisserman 1987).
"""

from dataclasses import dataclass
from itertools import product

import numpy as np

from xrdkna.physics.compiled import compiled
from xrdkna.physics.lattice import d_spacing_derivatives
from xrdkna.records.arrays import FloatArray
from xrdkna.refine.forward.model import LineList, Model, line_list, phase_part
from xrdkna.refine.forward.parameters import Ties
from xrdkna.refine.forward.structure import PhaseTerm

# Lines enough to know a phase by, the strongest first.
_MOST_LINES = 60
# Cells tried in the coarse search; where there are more free parameters, lines are blurred until so many suffice.
_MOST_CELLS = 8_000
# A step of the search moves the line that moves most by this share of its width.
_STEP = 0.6
# Of the coarse search, so many places are followed to the end.
_FOLLOWED = 8
# Lines stronger than this share of the strongest tell one cell from another.
_STRONG = 0.1
# Lines are followed this many widths by the filter.
_REACH = 4.0
# Points a line width on the grid of the filter.
_FINENESS = 6.0
# A phase whose lines take less of χ² than this, anywhere, is too weak to be looked for: noise has cells that suit it as well.
_LEAST_EVIDENCE = 25.0
# Another cell that leaves χ² within this of the best one is as good an answer (three sigmas).
AS_GOOD = 9.0
# Cells are two, not one, when a line differs by this share of a width.
_APART = 0.5
# The search has its lines of one width and takes none for covered by another: its χ² is right to this share.
_ROUGHLY = 0.02
# A phase that explains so many times what is left to gain has found its place.
_SETTLED = 10.0
# Of one phase, so many other cells are worth a trial.
_MOST_OF_ONE = 2


@dataclass(frozen=True, slots=True)
class Place:
    """A cell of phase number `phase` and how much smaller (about) χ² would be with its lines there. cell: (k,) free parameters."""

    phase: int
    cell: FloatArray
    gain: float
    evidence: float

    def worth_a_trial(self, misfit: float) -> bool:
        """Whether a fit from here may end as well as the present one. misfit: χ² a degree of freedom, ≥ 1."""
        return self.evidence > _LEAST_EVIDENCE * misfit and self.gain > _ROUGHLY * self.evidence - AS_GOOD * misfit


def better_places(model: Model, ties: Ties, values: FloatArray, *, weight: FloatArray, residual: FloatArray) -> list[Place]:
    """Of every fitted phase the cells that may explain more than the one it has, the most promising first.

    weight: (n,) 1/σ². residual: (n,) counts. gain, evidence: χ² less than at the present cell, and than without the phase.
    """
    lines = line_list(model, values, phases=model.fitted_phases)
    misfit = float(weight @ residual**2) - residual.size
    to_gain = max(misfit, 0.0) + 3.0 * float(np.sqrt(2.0 * residual.size))
    places: list[Place] = []
    for number, term in enumerate(model.phases[: model.fitted_phases]):
        free = ties.free[term.cell] & (ties.upper[term.cell] > ties.lower[term.cell])
        if free.any() and ties.free[term.scale]:
            lifted = residual + phase_part(model, lines, number) if values[term.scale] > 0.0 else residual
            places += _places_of(model, ties, values, lines, number, free, weight * lifted, weight, to_gain)
    return sorted(places, key=lambda place: -place.gain)


def differ(model: Model, term: PhaseTerm, values: FloatArray, others: FloatArray) -> bool:
    """Whether the strongest lines of a phase lie elsewhere with these other values."""
    here, there = (line_list(model, both, phases=model.fitted_phases) for both in (values, others))
    own = np.flatnonzero(here.owner == model.phases.index(term))
    strong = own[here.unit[own] > _STRONG * here.unit[own].max(initial=0.0)]
    return bool(np.max(np.abs(here.position - there.position)[strong] / here.fwhm[strong], initial=0.0) > _APART)


def _places_of(
    model: Model, ties: Ties, values: FloatArray, lines: LineList, number: int, free: np.ndarray, pull: FloatArray, weight: FloatArray,
    to_gain: float,
) -> list[Place]:  # fmt: skip
    """pull: (n,) weighted counts to be explained. to_gain: χ² that a better fit could be better by."""
    term = model.phases[number]
    searched = _searched_lines(model, term, values, lines, number)
    if searched is None:
        return []
    position, area, fwhm, slopes = searched
    moving = term.cell[free]
    slopes = np.ascontiguousarray(slopes[:, free])
    most = np.max(np.abs(slopes), axis=0)
    low, high = ties.lower[moving] - values[moving], ties.upper[moving] - values[moving]
    width = float(np.median(fwhm))
    steps = _STEP * width / np.maximum(most, 1e-9)
    blur = 1.0
    while np.prod(np.ceil((high - low) / (blur * steps)) + 1.0) > _MOST_CELLS:
        blur *= 1.5
    slots = [model.layout.slots[i] for i in moving]
    mean = np.array([slot.prior_mean for slot in slots]) - values[moving]
    prior = np.array([0.0 if slot.prior_sd is None else slot.prior_sd**-2.0 for slot in slots])
    axes = [np.unique(np.append(np.arange(lo, hi + 0.5 * step, step), 0.0)) for lo, hi, step in zip(low, high, blur * steps, strict=True)]
    cells = np.array(list(product(*axes)))
    judged = _Judge(model.two_theta, pull, weight, position, area, width, slopes, mean, prior)
    here = float(judged.scores(np.zeros((1, moving.size)), 1.0)[0])
    if here > _SETTLED * to_gain:
        return []
    best = _apart(cells, judged.scores(cells, blur), blur * steps)
    while blur > 1.0:
        blur = max(blur / 2.0, 1.0)
        best = np.array([_climbed(judged, cell, blur, steps, low, high) for cell in best])
    best = np.array([_climbed(judged, cell, 1.0, 0.5 * steps, low, high) for cell in best])
    found: list[Place] = []
    scores = judged.scores(best, 1.0)
    tried = [np.zeros(moving.size)]
    for i in np.argsort(-scores):
        if all(np.max(np.abs(slopes[area > _STRONG] @ (best[i] - other))) > _APART * width for other in tried):
            tried.append(best[i])
            full = values[term.cell].copy()
            full[free] += best[i]
            found.append(Place(number, full, float(scores[i]) - here, float(scores[i])))
    return found[:_MOST_OF_ONE]


def _searched_lines(
    model: Model, term: PhaseTerm, values: FloatArray, lines: LineList, number: int
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray] | None:
    """(m,) position, unit area, full width and (m, k) degrees per unit of each cell parameter, of the strongest lines."""
    own = np.flatnonzero(lines.owner == number)
    spectral = len(model.instrument.radiation.lines)
    inside = (lines.position[own] > model.two_theta[0] - 2.0) & (lines.position[own] < model.two_theta[-1] + 2.0) & (lines.unit[own] > 0.0)
    if not inside.any():
        return None
    d, by_cell = d_spacing_derivatives(term.reflections.hkl, term.cell_at(values), system=term.reflections.crystal_system)
    tangent = np.tan(np.radians(np.clip(lines.position[own], 1.0, 178.0) / 2.0))
    slopes = np.degrees(-2.0 * tangent)[:, None] * np.tile(by_cell / d[:, None], (spectral, 1))
    order = np.argsort(-np.where(inside, lines.unit[own], 0.0))[: min(_MOST_LINES, int(inside.sum()))]
    chosen = own[order]
    return lines.position[chosen], lines.unit[chosen] / lines.unit[chosen].max(), lines.fwhm[chosen], slopes[order]


class _Judge:
    """Scores cells (c, k), as shifts from the present one: χ² that the phase would take there in its best amount, less what
    the prior on its cell costs."""

    def __init__(
        self, two_theta: FloatArray, pull: FloatArray, weight: FloatArray, position: FloatArray, area: FloatArray,
        width: float, slopes: FloatArray, mean: FloatArray, prior: FloatArray,
    ) -> None:  # fmt: skip
        self.two_theta, self.pull, self.weight = two_theta, pull, weight
        self.position, self.area, self.width, self.slopes = position, area, width, slopes
        self.mean, self.prior = mean, prior
        self.tables: dict[float, tuple[FloatArray, FloatArray]] = {}

    def scores(self, cells: FloatArray, blur: float) -> FloatArray:
        """(c,) for cells (c, k), lines `blur` times as wide as they are."""
        step = self.width / _FINENESS
        if blur not in self.tables:
            self.tables[blur] = _filtered(self.two_theta, self.pull, self.weight, self.width * blur, step)
        push, size = self.tables[blur]
        scores = np.empty(len(cells))
        _score(np.ascontiguousarray(cells), self.position, self.area, self.slopes, push, size, float(self.two_theta[0]), step, scores)
        return np.asarray(scores - np.sum(self.prior * ((cells - self.mean) ** 2 - self.mean**2), axis=1))


def _apart(cells: FloatArray, scores: FloatArray, steps: FloatArray) -> FloatArray:
    """The best cells that are no neighbours of better ones."""
    chosen: list[FloatArray] = []
    for i in np.argsort(-scores)[: 40 * _FOLLOWED]:
        if all(np.max(np.abs(cells[i] - other) / steps) > 1.5 for other in chosen):
            chosen.append(cells[i])
        if len(chosen) == _FOLLOWED:
            break
    return np.array(chosen)


def _climbed(judged: _Judge, cell: FloatArray, blur: float, steps: FloatArray, low: FloatArray, high: FloatArray) -> FloatArray:
    """The best cell near this one: steps along each parameter, halved when none helps."""
    compass = (
        np.vstack([np.eye(cell.size), -np.eye(cell.size)]) if cell.size > 2 else np.array(list(product((-1.0, 0.0, 1.0), repeat=cell.size)))
    )
    score, scale = float(judged.scores(cell[None, :], blur)[0]), blur
    while scale > 0.2 * blur:
        around = np.clip(cell + compass * steps * scale, low, high)
        scores = judged.scores(around, blur)
        if scores.max() > score + 1e-9:
            cell, score = around[np.argmax(scores)], float(scores.max())
        else:
            scale *= 0.5
    return cell


@compiled
def _filtered(two_theta: FloatArray, pull: FloatArray, weight: FloatArray, width: float, step: float) -> tuple[FloatArray, FloatArray]:
    """On a grid from the first point on: Σ pull·shape and Σ weight·shape² with a line of unit area and Lorentz–Gaussian middle."""
    n = two_theta.size
    count = int((two_theta[n - 1] - two_theta[0]) / step) + 1
    push, size = np.zeros(count), np.zeros(count)
    first = 0
    for k in range(count):
        center = two_theta[0] + k * step
        while first < n and two_theta[first] < center - _REACH * width:
            first += 1
        j = first
        while j < n and two_theta[j] <= center + _REACH * width:
            u = (two_theta[j] - center) / width
            # (1 + 1.66 u²)⁻² has full width 1 at half its height and tails between a Gaussian's and a Lorentzian's.
            bell = 1.0 / (1.0 + 1.6569 * u * u)
            shape = bell * bell / width
            push[k] += pull[j] * shape
            size[k] += weight[j] * shape * shape
            j += 1
    return push, size


@compiled
def _score(
    cells: FloatArray, position: FloatArray, area: FloatArray, slopes: FloatArray, push: FloatArray, size: FloatArray,
    origin: float, step: float, out: FloatArray,
) -> None:  # fmt: skip
    for c in range(cells.shape[0]):
        total, norm = 0.0, 0.0
        for m in range(position.size):
            x = position[m]
            for k in range(cells.shape[1]):
                x += slopes[m, k] * cells[c, k]
            place = (x - origin) / step
            i = int(place)
            if place >= 0.0 and i < push.size - 1:
                f = place - i
                total += area[m] * (push[i] * (1.0 - f) + push[i + 1] * f)
                norm += area[m] * area[m] * (size[i] * (1.0 - f) + size[i + 1] * f)
        out[c] = total * total / norm if total > 0.0 and norm > 0.0 else 0.0
