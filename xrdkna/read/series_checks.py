"""What is uneven in a series and must be said before anybody compares its scans: grids, repeated times, gaps."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from statistics import median

from xrdkna.records.values import Notice

Known = tuple[str, datetime | None, tuple[float, float, int] | None]

# Ends that differ by less are the same: a diffractometer starts within a few thousandths of a degree.
_SAME_END = 0.01
# A step between two scans this many times the usual one is a gap.
_GAP = 3.0
_FEWEST = 4


def unevenness(scans: Sequence[Known]) -> list[Notice]:
    """Notices on the scans, each by name, start and grid, as far as these are known without reading more."""
    return [*_grids(scans), *_repeated(scans), *_gaps(scans)]


def _grids(scans: Sequence[Known]) -> list[Notice]:
    """Each scan keeps its own grid, and no point is made up where one did not measure; but it is to be known."""
    kinds = Counter(_rounded(grid) for _, _, grid in scans if grid is not None)
    if len(kinds) < 2:
        return []
    usual = kinds.most_common(1)[0][0]
    others = [name for name, _, grid in scans if grid is not None and _rounded(grid) != usual]
    sentence = (
        f"{len(others)} of {len(scans)} scans have another range or step than the most (the first is {others[0]}); "
        "each is used on its own points."
    )
    return [Notice(code="different-grids", severity="info", sentence=sentence)]


def _rounded(grid: tuple[float, float, int]) -> tuple[int, int, int]:
    first, last, number = grid
    return round(first / _SAME_END), round(last / _SAME_END), number


def _repeated(scans: Sequence[Known]) -> list[Notice]:
    starts = Counter(start for _, start, _ in scans if start is not None)
    double = next((start for start, number in starts.items() if number > 1), None)
    if double is None:
        return []
    names = [name for name, start, _ in scans if start == double]
    sentence = f"{names[0]} and {names[1]} begin at the same time, {double.isoformat()}; one may be a copy of the other."
    return [Notice(code="times-repeated", severity="warning", sentence=sentence, remedy="List the scans that count in scans.csv.")]


def _gaps(scans: Sequence[Known]) -> list[Notice]:
    timed = [(name, start.replace(tzinfo=None)) for name, start, _ in scans if start is not None]
    steps = [(later[1] - earlier[1]).total_seconds() for earlier, later in pairwise(timed)]
    rising = [step for step in steps if step > 0]
    if len(rising) < _FEWEST or len(rising) < len(steps):
        return []
    usual = median(rising)
    wide = [i for i, step in enumerate(steps) if step > _GAP * usual]
    if not wide:
        return []
    first = wide[0]
    sentence = (
        f"the series has {len(wide)} gaps: {steps[first]:.0f} s pass between {timed[first][0]} and {timed[first + 1][0]}, "
        f"where {usual:.0f} s are usual."
    )
    return [Notice(code="gaps", severity="info", sentence=sentence)]
