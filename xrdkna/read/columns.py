"""Which column is what, by the names a file gives them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from xrdkna.read.dialect import Dialect
from xrdkna.read.table import split_header

_TWO_THETA = re.compile(
    r"^(?:2[\s_-]*(?:theta|θ|th(?:eta)?)|two[\s_-]*theta|twotheta|ttheta|tth|2th(?:_?deg)?|°\s*2[\s_-]*th.*|angle|position|pos|x|deg|degrees?)"
    r"(?:[\s_./,-]*(?:deg(?:rees?)?|°|obs))?\.?$",
    re.IGNORECASE,
)
_THETA = re.compile(r"^(?:theta|θ|th)(?:[\s_-]*(?:deg(?:rees?)?|°))?$", re.IGNORECASE)
_INTENSITY = re.compile(
    r"^(?:(?:raw|obs(?:erved)?|meas(?:ured)?|net|total|det(?:ector)?)?[\s_.-]*(?:intensit(?:y|ies|aet|ät|é)|counts?|cps|int|yobs|iobs)|i|y|y[\s_-]?obs|"
    r"i[\s_-]?obs|obs|imp|impulse)(?:[\s_./-]*(?:cps|counts?|a\.?u\.?|arb.*|s))*$",
    re.IGNORECASE,
)
_SIGMA = re.compile(
    r"^(?:sigma|sig|σ|esd|e\.s\.d\.?|su|s\.u\.|err(?:or)?s?|e|std(?:dev)?|uncertaint(?:y|ies)|dy|di)(?:[\s_-].*)?$", re.IGNORECASE
)
_OTHER = re.compile(
    r"^(?:y?[\s_-]?calc.*|i[\s_-]?calc|bkg.*|back.*|diff.*|res.*|omega|weights?|time|temp.*|index|no\.?|n|#|point)$", re.IGNORECASE
)
# What an x axis may be that is not an angle 2θ.
_NOT_ANGLE = re.compile(
    r"^(?:d|d[\s_-]?spacing|dspacing|d[\s_-]?value|q|s|1/d|sin.*|q[\s_-].*|2?[\s_-]?th(?:eta)?[\s_-]?rad.*|energy|e[\s_-]?kev|tof|time[\s_-]of.*|"
    r"channel|wave(?:length|number).*|raman.*|omega|chi|phi|azim.*|r)$",
    re.IGNORECASE,
)
_RADIANS = re.compile(r"\brad(?:ians?)?\b|_rad\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Column numbers, from 0, and what their names imply. sigma is None where no name says so; third: it may still be one.

    line: the line of names, "" without one. not_angle: the name of an x axis that is no 2θ. theta: x is called plain theta.
    """

    x: int = 0
    y: int = 1
    sigma: int | None = None
    third: int | None = None
    line: str = ""
    not_angle: str = ""
    theta: bool = False


def find_columns(header: Sequence[str], width: int, dialect: Dialect) -> Columns:
    """The columns of a block `width` wide, from the last line before it that names at least two of them."""
    for line in reversed(header[-15:]):
        names = split_header(line, dialect)
        if sum(map(_is_name, names)) >= 2 and any(map(_is_axis, names)):
            return _from_names(names, line, width)
    return Columns(third=2 if width >= 3 else None)


def _is_name(name: str) -> bool:
    return any(pattern.match(name) for pattern in (_TWO_THETA, _THETA, _INTENSITY, _SIGMA, _OTHER, _NOT_ANGLE))


def _is_axis(name: str) -> bool:
    return any(pattern.match(name) for pattern in (_TWO_THETA, _THETA, _INTENSITY, _NOT_ANGLE))


def _from_names(names: Sequence[str], line: str, width: int) -> Columns:
    """Names beyond the width, or too few, leave the usual order 2θ, intensity, σ in force where they say nothing else."""
    names = names[:width]
    angles = [i for i, name in enumerate(names) if _TWO_THETA.match(name)]
    thetas = [i for i, name in enumerate(names) if _THETA.match(name)]
    x = (angles or thetas or [0])[0]
    intensities = [i for i, name in enumerate(names) if i != x and _INTENSITY.match(name)]
    sigmas = [i for i, name in enumerate(names) if i != x and _SIGMA.match(name)]
    rest = [i for i in range(width) if i != x and i not in sigmas]
    y = (intensities or [i for i in rest if i >= len(names) or not _OTHER.match(names[i])] or rest or [1])[0]
    unnamed = [i for i in range(width) if i not in (x, y) and i >= len(names)]
    not_angle = names[x] if not angles and not thetas and _NOT_ANGLE.match(names[x]) else ""
    if angles and _RADIANS.search(line):
        not_angle = f"{names[x]} in radians"
    return Columns(
        x=x,
        y=y,
        sigma=sigmas[0] if sigmas else None,
        third=unnamed[0] if unnamed and not sigmas else None,
        line=line,
        not_angle=not_angle,
        theta=not angles and bool(thetas),
    )
