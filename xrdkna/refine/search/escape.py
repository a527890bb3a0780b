"""A fit that ended beside the best minimum, started again from where a phase's lines explain more (`places`)."""

from collections.abc import Callable
from dataclasses import dataclass

from xrdkna.records.arrays import FloatArray
from xrdkna.refine.forward.model import Model
from xrdkna.refine.forward.parameters import Ties
from xrdkna.refine.search.places import AS_GOOD, better_places, differ
from xrdkna.refine.search.solver import Solution

# Other cells tried by a fit in one round, and rounds.
_MOST_TRIALS, _ROUNDS = 4, 4
# A better minimum is better by more than a fit's own tolerance.
_BETTER = 0.5

# Solve from these values with these kinds released, nearly or to the end.
Solve = Callable[[FloatArray, frozenset[str] | None, bool], tuple[Solution, FloatArray]]


@dataclass(frozen=True, slots=True)
class Ended:
    """Where the search ended. rivals: phases that have another cell as good as this one."""

    solution: Solution
    values: FloatArray
    evaluations: int
    rivals: tuple[str, ...]


def escape(
    model: Model, ties: Ties, solution: Solution, values: FloatArray, *, observed: FloatArray, weight: FloatArray, solve: Solve
) -> Ended:
    """The solution, or the better one found by moving a phase to where its lines explain more and fitting again."""
    evaluations, rivals = 0, set[str]()
    for _ in range(_ROUNDS):
        misfit = max(solution.chi_squared / max(observed.size - values.size, 1), 1.0)
        places = better_places(model, ties, values, weight=weight, residual=observed - solution.calculated)
        moved = False
        for place in [place for place in places if place.worth_a_trial(misfit)][:_MOST_TRIALS]:
            term = model.phases[place.phase]
            trial = values.copy()
            trial[term.cell] = place.cell
            for kinds in (frozenset({"background", "scale"}), frozenset({"background", "scale", "position", "cell"}), None):
                found, trial = solve(trial, kinds, False)
                evaluations += found.evaluations
            if found.objective > solution.objective + AS_GOOD * misfit:
                continue
            found, trial = solve(trial, None, True)
            evaluations += found.evaluations
            if found.objective < solution.objective - _BETTER * misfit:
                solution, values, moved = found, trial, True
                break
            if found.objective < solution.objective + AS_GOOD * misfit and differ(model, term, values, trial):
                rivals.add(term.reflections.phase)
        if not moved:
            break
    return Ended(solution, values, evaluations, tuple(sorted(rivals)))
