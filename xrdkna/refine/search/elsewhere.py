"""A cold fit may end beside the best minimum: other cells, a lost Gaussian share and the other side of a March coefficient are tried."""

from collections.abc import Sequence
from dataclasses import dataclass

from xrdkna.records.arrays import FloatArray
from xrdkna.refine.forward.model import Model
from xrdkna.refine.forward.parameters import Ties
from xrdkna.refine.search.branches import both_branches
from xrdkna.refine.search.escape import Solve, escape
from xrdkna.refine.search.gaussian_share import regain_gaussian
from xrdkna.refine.search.solver import Solution


@dataclass(frozen=True, slots=True)
class Found:
    """The best end of a search and (p,) its values. rivals: phases that another cell suits as well. undecided: what minima that the data
    do not tell apart add to the covariance, (p, p) or nothing."""

    solution: Solution
    values: FloatArray
    rivals: tuple[str, ...] = ()
    undecided: FloatArray | float = 0.0


def search_elsewhere(
    model: Model,
    ties: Ties,
    solution: Solution,
    values: FloatArray,
    *,
    observed: FloatArray,
    weight: FloatArray,
    march: Sequence[int],
    solve: Solve,
) -> Found:
    """The best of what is found from here. march: the March coefficients that are refined; observed, weight: (n,)."""
    ended = escape(model, ties, solution, values, observed=observed, weight=weight, solve=solve)
    solution, values, _ = regain_gaussian(model, ties, ended.solution, ended.values, solve=solve)
    if not march:
        return Found(solution, values, ended.rivals)
    branches = both_branches(model, ties, solution, values, places=march, solve=solve)
    return Found(branches.solution, branches.values, ended.rivals, branches.spread())
