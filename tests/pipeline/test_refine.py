"""The whole-pattern fit of one scan: the user's word on its parameters, and phases that are not there."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from xrdkna import Settings, refine_scan
from xrdkna.errors import DeclinedError, XrdknaError
from xrdkna.records.index import Index
from xrdkna.records.phases import Library
from xrdkna.records.refinement import Parameter
from xrdkna.records.scan import Scan
from xrdkna.refine.settings import ParameterChoice

Mesh = Callable[..., Scan]  # conftest's fixture `mesh`


def refined(scan: Scan, library: Library, settings: Settings, *phases: str, **parameters: ParameterChoice) -> Index:
    """The fit with these phases and the user's word on these parameters."""
    chosen = replace(settings, phases=phases, refine=replace(settings.refine, parameters=parameters))
    return refine_scan(scan, library, chosen)


def parameter(answer: Index, name: str) -> Parameter:
    assert answer.refinement is not None
    found = answer.refinement.parameter(name)
    assert found is not None, f"no parameter {name} among {[p.name for p in answer.refinement.parameters]}"
    return found


def test_a_free_fit_recovers_the_planted_cells_within_their_esds(mesh: Mesh, library: Library, settings: Settings) -> None:
    answer = refined(mesh(kna2=0.3), library, settings, "Al", "Al2O3", "KNa2")
    assert answer.verdict == "accepted"
    for name, planted in (("a_Al", 4.0495), ("a_Al2O3", 4.7591), ("c_Al2O3", 12.9918), ("a_KNa2", 7.50), ("c_KNa2", 12.31)):
        estimate = parameter(answer, name).value
        assert estimate.esd is not None
        assert abs(estimate.value - planted) < 5.0 * estimate.esd
        assert estimate.esd / planted < 0.002


def test_planted_weights_are_recovered_within_their_esds(mesh: Mesh, library: Library, settings: Settings) -> None:
    answer = refined(mesh(kna2=0.3), library, settings, "Al", "Al2O3", "KNa2")
    for phase, planted in (("Al", 1.0 / 2.3), ("Al2O3", 1.0 / 2.3), ("KNa2", 0.3 / 2.3)):
        weight = next(verdict.weight_fraction for verdict in answer.phases if verdict.phase == phase)
        assert weight is not None
        assert weight.esd is not None
        assert abs(weight.value - planted) < 4.0 * weight.esd
        assert weight.esd < 0.1


def test_a_held_parameter_stays_where_it_was_put_and_has_no_esd(mesh: Mesh, library: Library, settings: Settings) -> None:
    held = ParameterChoice(value=4.0512, vary=False)
    found = parameter(refined(mesh(), library, settings, "Al", "Al2O3", a_Al=held), "a_Al")
    assert found.value.value == 4.0512
    assert not found.refined
    assert not found.value.esd


def test_a_bound_that_keeps_a_parameter_from_its_best_value_is_reached_and_reported(
    mesh: Mesh, library: Library, settings: Settings
) -> None:
    bound = ParameterChoice(value=4.06, lower=4.056, upper=4.07)
    answer = refined(mesh(), library, settings, "Al", "Al2O3", a_Al=bound)
    found = parameter(answer, "a_Al")
    assert found.value.value == pytest.approx(4.056, abs=1e-4)
    assert found.at_bound
    assert any("a_Al" in notice.sentence for notice in answer.notices) or answer.verdict != "accepted"


def test_tied_cells_keep_their_ratio(mesh: Mesh, library: Library, settings: Settings) -> None:
    tied = ParameterChoice(expr="2.73 * a_Al2O3")
    answer = refined(mesh(), library, settings, "Al", "Al2O3", c_Al2O3=tied)
    a, c = parameter(answer, "a_Al2O3"), parameter(answer, "c_Al2O3")
    assert c.value.value / a.value.value == pytest.approx(2.73, rel=1e-9)
    assert c.value.esd == pytest.approx(2.73 * a.value.esd, rel=1e-3)


def test_a_parameter_that_the_model_does_not_have_is_refused_with_its_name(mesh: Mesh, library: Library, settings: Settings) -> None:
    with pytest.raises(XrdknaError, match="a_Unobtainium"):
        refined(mesh(), library, settings, "Al", "Al2O3", a_Unobtainium=ParameterChoice(value=1.0))


@pytest.mark.parametrize("seed", [11, 12, 13])
def test_a_phase_that_is_not_there_gets_no_weight_and_is_called_absent(seed: int, mesh: Mesh, library: Library, settings: Settings) -> None:
    answer = refined(mesh(seed=seed), library, settings, "Al", "Al2O3", "KNa2")
    verdict = next(verdict for verdict in answer.phases if verdict.phase == "KNa2")
    assert verdict.verdict == "absent"
    assert answer.refinement is not None
    fit = answer.refinement.phase("KNa2")
    assert fit is not None
    if fit.weight_fraction is not None:
        assert fit.weight_fraction.value < max(4.0 * (fit.weight_fraction.esd or 0.0), 1e-3)
    assert verdict.detection_limit is not None
    assert 0.0 < verdict.detection_limit.value < 0.05
    there = {phase.phase for phase in answer.phases if phase.verdict == "present"}
    assert there == {"Al", "Al2O3"}


def test_without_a_choice_the_phases_are_those_that_indexing_finds(mesh: Mesh, library: Library, settings: Settings) -> None:
    few = Library(phases={name: library.phases[name] for name in settings.phases})
    answer = refine_scan(mesh(kna2=0.3), few, replace(settings, phases=()))
    assert {phase.phase for phase in answer.phases} == {"Al", "Al2O3", "KNa2"}


def test_where_indexing_finds_nothing_the_fit_declines(mesh: Mesh, library: Library, settings: Settings) -> None:
    scan = mesh()
    flat = np.random.default_rng(1).poisson(100.0, scan.two_theta.size).astype(float)
    nothing = replace(scan, intensity=flat, sigma=np.sqrt(np.maximum(flat, 1.0)))
    few = Library(phases={name: library.phases[name] for name in settings.phases})
    with pytest.raises(DeclinedError, match="--phases"):
        refine_scan(nothing, few, replace(settings, phases=()))
