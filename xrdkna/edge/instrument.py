"""The instrument file: what a refinement of a standard says of the machine, kept for the scans that follow.

A TOML file with the sections [radiation], [geometry] (both as in series.toml) and [profile], whose keys are the fields of
`InstrumentProfile`. Only [profile] with u, v and w must be there.
"""

import json
import math
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xrdkna.errors import RecipeError, RecordError

if TYPE_CHECKING:
    from xrdkna.pipeline.settings import Machine
    from xrdkna.records.instrument import InstrumentProfile

_TITLE = """\
# An X-ray diffractometer, as a refinement of a standard found it. Give this file to later runs with --instrument.
# The command line overrides it, and it overrides what the header of a scan says.
"""
_SECTIONS = {"radiation": ("name", "monochromator_two_theta"), "geometry": ("type", "radius_mm")}
# What each key means, for whoever opens the file. A field that is not described here is written without a word.
_MEANING = {
    "name": "as in --radiation: CuKa, MoKa1, a wavelength in Å, or Å:weight pairs",
    "monochromator_two_theta": "degrees 2θ of the crystal in the beam (26.4: graphite for Cu Kα); no line: no crystal",
    "type": "Bragg-Brentano, Debye-Scherrer or transmission (a plate that bisects the beams)",
    "radius_mm": "goniometer radius, from the axis to the receiving slit",
    "source": "which scan, of which phases, measured when",
    "u": "degrees², Gaussian FWHM² = u·tan²θ + v·tanθ + w (Caglioti)",
    "v": "degrees²",
    "w": "degrees²",
    "x": "degrees, Lorentzian FWHM = x/cosθ + y·tanθ, the standard's own size broadening included",
    "y": "degrees, the standard's own strain included",
    "sample": "axial divergence: half the height of the lit specimen over the radius (Finger, Cox & Jephcoat)",
    "detector": "axial divergence: half the height of the receiving slit over the radius",
    "source_height": "axial divergence: half the height of the source over the radius; 0: parallel in the axial direction",
    "soller": "degrees, full opening of the Soller slits; 0: none",
    "divergence": "degrees, full opening of the divergence slit on a flat specimen; 0: not counted",
    "tail_share": "tube tails: share of the intensity that comes from beside the tube's focus; 0: none",
    "tail_low": "degrees 2θ below a line that the tails are spread over",
    "tail_high": "degrees 2θ above a line that the tails are spread over",
    "zero": "degrees, added to every calculated 2θ",
}
_NEEDED = "an instrument file needs u, v and w in degrees², as `xrdkna refine STANDARD --save-instrument FILE.toml` writes them."


@dataclass(frozen=True, slots=True, kw_only=True)
class InstrumentFile:
    """What an instrument file holds."""

    profile: "InstrumentProfile"
    machine: "Machine"


def read_instrument(path: Path) -> InstrumentFile:
    """The instrument in a file. Raises RecipeError for a file that cannot be read, and for a key or value that cannot be meant."""
    from xrdkna.pipeline.settings import Machine

    document = _document(path)
    unknown = [name for name in document if name not in (*_SECTIONS, "profile")]
    if unknown:
        raise RecipeError(
            f"{path}: {unknown[0]} means nothing in an instrument file; it has the sections [radiation], [geometry], [profile]."
        )
    radiation, geometry = (_section(path, document, name, known) for name, known in _SECTIONS.items())
    return InstrumentFile(
        profile=_profile(path, document),
        machine=Machine(
            radiation=_radiation(path, radiation),
            geometry=_geometry(path, geometry),
            radius_mm=_number(path, "geometry.radius_mm", geometry.get("radius_mm"), low=10.0, high=10_000.0),
            monochromator_two_theta=_number(
                path, "radiation.monochromator_two_theta", radiation.get("monochromator_two_theta"), low=0.0, high=170.0
            ),
            source=str(path),
        ),
    )


def instrument_text(profile: "InstrumentProfile", machine: "Machine") -> str:
    """The file that `read_instrument` reads back, with a word on each key."""
    radiation: dict[str, object] = {}
    if machine.radiation is not None:
        from xrdkna.physics.radiation import text_from_radiation

        radiation["name"] = text_from_radiation(machine.radiation)
    radiation["monochromator_two_theta"] = machine.monochromator_two_theta
    sections: dict[str, dict[str, object]] = {
        "radiation": radiation,
        "geometry": {"type": machine.geometry, "radius_mm": machine.radius_mm},
        "profile": {field.name: getattr(profile, field.name) for field in fields(profile)},
    }
    blocks = [_TITLE]
    for name, entries in sections.items():
        rows = [(key, _literal(value), _MEANING.get(key, "")) for key, value in entries.items() if value is not None]
        width = max((len(f"{key} = {literal}") for key, literal, _ in rows), default=0)
        # The source is a sentence: beside it a comment would stand off the page.
        lines = [
            f"{f'{key} = {literal}':<{0 if key == 'source' else min(width, 40)}}  # {said}".rstrip(" #") for key, literal, said in rows
        ]
        blocks.append("\n".join([f"[{name}]", *lines, ""]))
    return "\n".join(blocks)


def _literal(value: object) -> str:
    # json writes a basic string as TOML wants it
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def _document(path: Path) -> dict[str, Any]:
    if path.is_dir():
        raise RecipeError(f"{path}: this is a folder; name the instrument file that --save-instrument wrote.")
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise RecipeError(f"{path}: the file cannot be read ({error.strerror}); check the name given with --instrument.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(
            f"{path}: this is not an instrument file ({error}); make one with `xrdkna refine STANDARD --save-instrument FILE.toml`."
        ) from error


def _section(path: Path, document: Mapping[str, Any], name: str, known: tuple[str, ...]) -> Mapping[str, Any]:
    section = document.get(name, {})
    if not isinstance(section, Mapping):
        raise RecipeError(f"{path}: {name} is {section!r}; write a section [{name}] with {', '.join(known)}.")
    unknown = [key for key in section if key not in known]
    if unknown:
        raise RecipeError(f"{path}: [{name}] holds {', '.join(unknown)}, which means nothing here; use {', '.join(known)}.")
    return section


def _profile(path: Path, document: Mapping[str, Any]) -> "InstrumentProfile":
    from xrdkna.records.instrument import InstrumentProfile

    known = fields(InstrumentProfile)
    if "profile" not in document:
        raise RecipeError(f"{path}: there is no section [profile]; {_NEEDED}")
    section = _section(path, document, "profile", tuple(field.name for field in known))
    missing = [field.name for field in known if field.default is MISSING and field.name not in section]
    if missing:
        raise RecipeError(f"{path}: [profile] does not say {', '.join(missing)}; {_NEEDED}")
    values: dict[str, Any] = {}
    for key, value in section.items():
        values[key] = _text(path, f"profile.{key}", value) if key == "source" else _number(path, f"profile.{key}", value)
    try:
        return InstrumentProfile(**values)
    except RecordError as error:
        raise RecipeError(f"{path}: {error}") from error


def _radiation(path: Path, section: Mapping[str, Any]) -> Any:
    from xrdkna.errors import RadiationError
    from xrdkna.physics.radiation import radiation_from_text

    if "name" not in section:
        return None
    try:
        return radiation_from_text(_text(path, "radiation.name", section["name"]))
    except RadiationError as error:
        raise RadiationError(f"{path}: {error}") from error


def _geometry(path: Path, section: Mapping[str, Any]) -> str | None:
    from xrdkna.records.instrument import GEOMETRIES

    given = section.get("type")
    if given is not None and given not in GEOMETRIES:
        raise RecipeError(f"{path}: geometry.type is {given!r}; write one of {', '.join(GEOMETRIES)}.")
    return given


def _text(path: Path, key: str, given: object) -> str:
    if not isinstance(given, str):
        raise RecipeError(f"{path}: {key} is {given!r}; write a text in quotation marks.")
    return given


def _number(path: Path, key: str, given: object, *, low: float = -math.inf, high: float = math.inf) -> float | None:
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, int | float) or not math.isfinite(given):
        raise RecipeError(f"{path}: {key} is {given!r}; give a finite number.")
    if not low <= given <= high:
        raise RecipeError(f"{path}: {key} is {given:g}; it must lie between {low:g} and {high:g}.")
    return float(given)
