"""Whole-pattern refinement: Pattern and Reflections in, Refinement out."""

from collections.abc import Callable, Mapping, Sequence

from xrdkna.records.peaks import Halo, Peak
from xrdkna.records.phases import Reflections
from xrdkna.records.refinement import Refinement
from xrdkna.records.scan import Pattern
from xrdkna.refine.forward.build import build_model, fitted_points
from xrdkna.refine.forward.parameters import read_ties
from xrdkna.refine.lebail import fit_extracting
from xrdkna.refine.result import refinement_of
from xrdkna.refine.search.fit import fit_model
from xrdkna.refine.settings import RefineSettings
from xrdkna.refine.threads import one_thread
from xrdkna.refine.trust.confidence import with_intervals


def refine_pattern(
    pattern: Pattern,
    reflections: Sequence[Reflections],
    settings: RefineSettings,
    *,
    fwhm: float,
    halos: Sequence[Halo] = (),
    unexplained: Sequence[Peak] = (),
    watched: Sequence[Reflections] = (),
    initial: Mapping[str, float] | None = None,
    start: Mapping[str, float] | None = None,
    texture_sd: Mapping[str, float] | None = None,
    progress: Callable[[str], None] | None = None,
) -> Refinement:
    """Fit the whole pattern with these phases.

    fwhm: degrees, width of a typical line, to start from. halos: humps to put into the background. unexplained: peaks of no
    phase, each a free line. watched: phases held at zero, to learn what the pattern says about them. initial: a guess at some
    parameters, by name. start: parameters from an earlier fit of the same model (then no stages are needed); texture_sd: each
    phase's texture spread from that fit. progress: told each stage as it ends.
    Raises DeclinedError when the pattern has too few points, RecipeError when a parameter choice is not possible.
    """
    with one_thread():
        model = build_model(pattern, reflections, fwhm=fwhm, halos=halos, unexplained=unexplained, watched=watched, settings=settings)
        ties = read_ties(model.layout, settings.parameters)
        used = fitted_points(pattern, settings)
        if any(lines.phase in settings.extracted for lines in reflections):
            fitted = fit_extracting(pattern, used, model, ties, settings, initial=initial, start=start, progress=progress)
        else:
            fitted = fit_model(
                pattern, used, model, ties, settings, initial=initial, start=start, texture_sd=texture_sd, progress=progress
            )  # fmt: skip
        refinement = refinement_of(pattern.name, fitted, radius_mm=pattern.instrument.radius_mm, expressions=dict(ties.expressions))
        return with_intervals(refinement, fitted, ties, settings.confidence) if settings.confidence else refinement
