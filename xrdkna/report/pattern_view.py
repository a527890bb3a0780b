"""A fitted pattern laid out for drawing: choices the figure on paper and the page share."""

import numpy as np

from xrdkna.records.arrays import FloatArray
from xrdkna.records.index import Index
from xrdkna.records.refinement import Refinement

# More rows than this and phases that are absent lose theirs: a library of thirty would bury the three that matter.
ROWS_FOR_ABSENT = 8


def tick_row_names(index: Index, fit: Refinement) -> list[str]:
    """Phases that get a row of reflection marks: strongest contribution first, then those that only have marks."""
    weight = {name: float(part.sum()) for name, part in fit.contributions.items()}
    names = sorted({**fit.ticks, **{phase.phase: () for phase in fit.phases}}, key=lambda name: -weight.get(name, 0.0))
    absent = {verdict.phase for verdict in index.phases if verdict.verdict == "absent"}
    return names if len(names) <= ROWS_FOR_ABSENT else [name for name in names if name not in absent]


def height_at(two_theta: FloatArray, intensity: FloatArray, place: float) -> float:
    """The highest point within 0.1 degrees of a place: where a mark must stand clear of."""
    near = intensity[np.abs(two_theta - place) <= 0.1]
    return float(near.max()) if near.size else float(np.interp(place, two_theta, intensity)) if two_theta.size else 0.0


def stick_heights(index: Index) -> tuple[list[float], bool]:
    """(heights of the lines of a published list, whether they are intensities): all equal where the list gives none."""
    areas = [max(indexed.peak.area.value, 0.0) for indexed in index.peaks]
    known = any(area > 0.0 for area in areas)
    return (areas if known else [1.0] * len(areas)), known
