"""The options of a command by name, as a series or a request holds them, to what the pipeline takes."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from xrdkna.edge.echem import clock_from_text
from xrdkna.edge.halos import with_halos
from xrdkna.edge.marker import marker_from_text
from xrdkna.edge.options import Beam, PhaseChoice
from xrdkna.edge.request import library_of, settings_of

if TYPE_CHECKING:
    from xrdkna.pipeline import Settings
    from xrdkna.records.phases import Library

_WHOLE_LIBRARY = PhaseChoice(names=(), cifs=(), folders=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """settings: for the pipeline. clock: seconds, None for "auto". plating_current: None as series.toml says."""

    settings: "Settings"
    library: "Library"
    clock: float | None
    plating_current: str | None


def asked_for(options: Mapping[str, Any]) -> Asked:
    """Options by their names on the command line, as text or numbers. Raises UsageError and its kind as the commands do."""
    names = tuple(name.strip() for name in str(options.get("phases") or "").split(",") if name.strip())
    beam = Beam(
        radiation=options.get("radiation"),
        radius_mm=options.get("radius"),
        geometry=options.get("geometry"),
        monochromator_two_theta=options.get("monochromator"),
    )
    marker = options.get("marker")
    chosen = None if marker is None else marker_from_text(marker)
    settings = with_halos(settings_of(beam, PhaseChoice(names=names, cifs=(), folders=()), marker=chosen), tuple(options.get("halo") or ()))
    library = _library()
    library.chosen(names)
    if chosen is not None:
        library.chosen((chosen[0],))
    return Asked(
        settings=settings,
        library=library,
        clock=clock_from_text(str(options.get("clock_offset") or "0")),
        plating_current=options.get("plating_current"),
    )


@cache
def _library() -> "Library":
    """Read once a process: the CIF files of the reference library do not change under a running service."""
    return library_of(_WHOLE_LIBRARY)
