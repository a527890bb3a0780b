"""series.toml: what the scan files of a series do not say."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xrdkna.errors import RadiationError, SeriesError
from xrdkna.physics.radiation import radiation_from_text
from xrdkna.read.bytes_in import text_from_bytes
from xrdkna.records.instrument import GEOMETRIES
from xrdkna.records.series import SeriesSetup
from xrdkna.records.values import Notice

_NAME = "series.toml"
_KNOWN = {"radiation": ("name", "wavelength"), "geometry": ("type", "radius_mm"), "cell": ("plating_current",)}


def read_setup(folder: Path) -> tuple[SeriesSetup, tuple[Notice, ...]]:
    """The setup in FOLDER/series.toml (all None without one), and a notice for each key that is not known.

    Raises SeriesError, naming the key, for broken TOML, a wrong type or an impossible value.
    """
    path = folder / _NAME
    if not path.exists():
        return SeriesSetup(), ()
    document = _document(path)
    sections = {name: _section(path, document, name) for name in _KNOWN}
    unknown = [name for name in document if name not in _KNOWN]
    unknown += [f"{name}.{key}" for name, section in sections.items() for key in section if key not in _KNOWN[name]]
    notices = tuple(
        Notice(code="unknown-key", severity="warning", sentence=f"{_NAME} has the key {key}, which means nothing here; it is not used.")
        for key in unknown
    )
    plating = _choice(path, sections["cell"], "cell.plating_current", ("negative", "positive"))
    setup = SeriesSetup(
        radiation=_radiation(path, sections["radiation"]),
        geometry=_choice(path, sections["geometry"], "geometry.type", GEOMETRIES),
        radius_mm=_number(path, sections["geometry"], "geometry.radius_mm", low=10.0, high=10_000.0, unit="millimetres"),
        plating_current=plating or "negative",
    )
    return setup, notices


def _document(path: Path) -> dict[str, Any]:
    try:
        text = text_from_bytes(path.read_bytes())
        return tomllib.loads("" if text is None else text)
    except OSError as problem:
        raise SeriesError(f"{path}: the file cannot be opened ({problem.strerror or problem}).") from problem
    except tomllib.TOMLDecodeError as problem:
        raise SeriesError(f"{path}: this is not valid TOML: {problem}.") from problem


def _section(path: Path, document: Mapping[str, Any], name: str) -> dict[str, Any]:
    section = document.get(name, {})
    if not isinstance(section, dict):
        raise SeriesError(f"{path}: {name} is {section!r}; it must be a section, [{name}], with keys {', '.join(_KNOWN[name])}.")
    return section


def _radiation(path: Path, section: Mapping[str, Any]) -> str | None:
    wavelength = _number(path, section, "radiation.wavelength", low=0.05, high=5.0, unit="ångström")
    name = section.get("name")
    if name is None:
        return None if wavelength is None else f"{wavelength!r}"
    if wavelength is not None:
        raise SeriesError(f"{path}: radiation.name and radiation.wavelength are both given; keep one of them.")
    if not isinstance(name, str):
        raise SeriesError(f'{path}: radiation.name is {name!r}; it must be text such as "CuKa".')
    try:
        radiation_from_text(name)
    except RadiationError as problem:
        raise SeriesError(f"{path}: radiation.name: {problem}") from problem
    return name


def _choice(path: Path, section: Mapping[str, Any], key: str, allowed: tuple[str, ...]) -> str | None:
    value = section.get(key.partition(".")[2])
    if value is None or (isinstance(value, str) and value in allowed):
        return value
    raise SeriesError(f"{path}: {key} is {value!r}; it must be " + " or ".join(f'"{word}"' for word in allowed) + ".")


def _number(path: Path, section: Mapping[str, Any], key: str, *, low: float, high: float, unit: str) -> float | None:
    value = section.get(key.partition(".")[2])
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise SeriesError(f"{path}: {key} is {value!r}; it must be a number of {unit} between {low:g} and {high:g}.")
    return float(value)
