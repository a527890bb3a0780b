"""--lebail and --pawley: phases whose intensities are taken from the pattern."""

import functools
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from xrdkna.edge.options import Command
from xrdkna.errors import UsageError

if TYPE_CHECKING:
    from xrdkna.pipeline import Settings


def extraction_options(command: Command) -> Command:
    """--lebail and --pawley, as `intensities`: phase → "lebail" or "pawley"."""

    @click.option(
        "--lebail",
        multiple=True,
        metavar="PHASE",
        help="Take this phase's intensities from the pattern, not from its structure (Le Bail); it gets no weight; repeatable.",
    )
    @click.option(
        "--pawley",
        multiple=True,
        metavar="PHASE",
        help="As --lebail, every intensity a parameter of the least squares (Pawley); repeatable.",
    )
    @functools.wraps(command)
    def with_extraction(*, lebail: tuple[str, ...], pawley: tuple[str, ...], **own: object) -> int:
        if both := sorted({*lebail} & {*pawley}):
            raise UsageError(f"--lebail and --pawley both name {', '.join(both)}; choose one of them.")
        return command(intensities={**dict.fromkeys(lebail, "lebail"), **dict.fromkeys(pawley, "pawley")}, **own)

    return with_extraction


def with_intensities(settings: "Settings", intensities: Mapping[str, str]) -> "Settings":
    """The settings with these phases' intensities taken from the pattern."""
    return replace(settings, refine=replace(settings.refine, intensities=intensities)) if intensities else settings
