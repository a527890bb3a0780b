"""What --refine, --broadening, --axis and --exclude mean: from words to the settings of a whole-pattern fit."""

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from xrdkna.edge.options import FitChoice
from xrdkna.edge.parameters import read_parameters
from xrdkna.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Container

    from xrdkna.refine.settings import ParameterChoice, RefineSettings

# What refine.settings.RefineSettings accepts, asked here so that the sentence names the option.
LARGEST_PARTICLE_UM = 1000.0
_RANGE = re.compile(r"\s*(?P<low>\d*\.?\d+)\s*[-–:]\s*(?P<high>\d*\.?\d+)\s*")


def refine_settings(fit: FitChoice, settings: "RefineSettings") -> "RefineSettings":
    """The settings with what the command line says about the fit. Raises UsageError or RecipeError for what cannot be meant."""
    broadening = dict(_broadening(text) for text in fit.broadening)
    axes = dict(_axis(text) for text in fit.axes)
    texture = fit.texture or settings.texture
    for phase in axes:
        if texture != "march" and broadening.get(phase) != "uniaxial":
            raise UsageError(f"--axis of {phase} serves nothing here; it needs --texture march, or --broadening {phase}=uniaxial.")
    return replace(
        settings,
        parameters=_parameters(fit),
        confidence=tuple(dict.fromkeys(fit.confidence)),
        texture=texture,
        broadening=broadening,
        axes=axes,
        excluded=tuple(_excluded(text) for text in fit.excluded),
        particle_diameter=_particle_size(fit.particle_size_um),
    )


def check_phases_named(settings: "RefineSettings", phases: "Container[str]") -> None:
    """Raise UsageError where --broadening or --axis is about a phase that does not take part."""
    for option, named in (("--broadening", settings.broadening), ("--axis", settings.axes)):
        for phase in named:
            if phase not in phases:
                raise UsageError(
                    f"{option} is about {phase}, which does not take part in this fit; name it in --phases, or check its spelling."
                )


def _parameters(fit: FitChoice) -> "Mapping[str, ParameterChoice]":
    from xrdkna.refine.settings import ParameterChoice

    choices = {} if fit.parameters is None else read_parameters(fit.parameters)
    for name in fit.refined:
        if not name.strip():
            raise UsageError("--refine needs the name of a parameter, as `xrdkna refine` prints it, for example biso_K.")
        said = choices.get(name, ParameterChoice())
        if said.expr is not None or said.vary is False:
            how = "tied" if said.expr is not None else "held"
            raise UsageError(f"--refine {name}: {fit.parameters} says that it is {how}; remove one of the two.")
        choices[name] = replace(said, vary=True)
    return choices


def _broadening(text: str) -> tuple[str, str]:
    from xrdkna.refine.settings import BROADENINGS

    phase, kind = _pair(text, "--broadening", "uniaxial or stephens, as KNa2=uniaxial")
    if kind not in BROADENINGS:
        raise UsageError(f"--broadening {text}: there is no broadening {kind!r}; choose one of {', '.join(BROADENINGS)}.")
    return phase, kind


def _axis(text: str) -> tuple[str, tuple[int, int, int]]:
    phase, indices = _pair(text, "--axis", "three indices, as KNa2=0,0,1")
    words = indices.replace("−", "-").replace(",", " ").split()
    hkl = tuple(int(word) for word in words if re.fullmatch(r"[-+]?\d{1,3}", word))
    if len(words) != 3 or len(hkl) != 3 or not any(hkl):
        raise UsageError(f"--axis {text}: {indices!r} is no plane normal; give three whole numbers, not all zero, as {phase}=0,0,1.")
    return phase, (hkl[0], hkl[1], hkl[2])


def _pair(text: str, option: str, wanted: str) -> tuple[str, str]:
    phase, sign, said = (part.strip() for part in text.rpartition("="))
    if not (sign and phase and said):
        raise UsageError(f"{option} {text!r}: write the name of a phase, = and {wanted}.")
    return phase, said


def _excluded(text: str) -> tuple[float, float]:
    found = _RANGE.fullmatch(text)
    if found is None:
        raise UsageError(f"--exclude {text!r} is no range of angles; write two in degrees 2θ, as 37.5-39.")
    low, high = float(found["low"]), float(found["high"])
    if not (math.isfinite(high) and low < high <= 180.0):
        raise UsageError(f"--exclude {text}: the range must rise and end at 180° at most, as 37.5-39.")
    return low, high


def _particle_size(given: float | None) -> float | None:
    if given is not None and not 0.0 < given <= LARGEST_PARTICLE_UM:
        raise UsageError(
            f"--particle-size {given:g} is no diameter of a grain; give it in µm, above 0 and at most {LARGEST_PARTICLE_UM:g}."
        )
    return given
