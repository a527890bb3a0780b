"""--halo: amorphous humps that the user knows to be in the pattern."""

import functools
import math
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from xrdkna.errors import UsageError

if TYPE_CHECKING:
    from xrdkna.pipeline import Settings
    from xrdkna.refine.settings import HaloChoice

Command = Callable[..., int]
# Q in Å⁻¹ of humps that may be called by name alone. The liquid alloy: the project's study of Tai et al. 2021 (Adv. Sci.,
# doi 10.1002/advs.202101866), 23° for Cu Kα₁.
KNOWN_Q = {"liquid-KNa": 1.63}
_SHOW = "write its name and place, as kapton=18.5 (degrees 2θ) or kapton=Q:1.3 (Å⁻¹), and its width after another colon if known, as :8"


def halo_options(command: Command) -> Command:
    """--halo, as `halos`: as typed."""

    @click.option(
        "--halo",
        "halos",
        multiple=True,
        metavar="NAME=PLACE[:WIDTH]",
        help=f"A hump that is there: place in degrees 2θ, or as Q:1.63 in Å⁻¹; width in degrees; {', '.join(KNOWN_Q)} needs no place. "
        "Repeatable.",
    )
    @functools.wraps(command)
    def with_halos(*, halos: tuple[str, ...], **own: object) -> int:
        return command(halos=halos, **own)

    return with_halos


def with_halos(settings: "Settings", halos: tuple[str, ...]) -> "Settings":
    """The settings with these humps in every model. Raises UsageError for words that name none."""
    return replace(settings, refine=replace(settings.refine, halos=tuple(_halo(text) for text in halos))) if halos else settings


def _halo(text: str) -> "HaloChoice":
    from xrdkna.refine.settings import HaloChoice

    name, sign, said = (part.strip() for part in text.partition("="))
    if not name or (sign and not said):
        raise UsageError(f"--halo {text!r} names no hump; {_SHOW}.")
    if not sign:
        known = {key.casefold(): q for key, q in KNOWN_Q.items()}.get(name.casefold())
        if known is None:
            raise UsageError(f"--halo {text!r} does not say where {name} has its hump, which differs from make to make; {_SHOW}.")
        return HaloChoice(name=name, q=known)
    marked = said.casefold().startswith("q:")
    place, colon, width = (part.strip() for part in (said[2:] if marked else said).partition(":"))
    where, fwhm = _number(place, text), _number(width, text) if colon else None
    return HaloChoice(name=name, q=where if marked else None, two_theta=None if marked else where, fwhm=fwhm)


def _number(word: str, text: str) -> float:
    try:
        value = float(word)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise UsageError(f"--halo {text!r}: {word!r} is no number; {_SHOW}.")
    return value
