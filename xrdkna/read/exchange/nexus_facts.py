"""What a NeXus entry says of beam, specimen and times."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from xrdkna.physics.radiation import monochromatic_radiation
from xrdkna.read.exchange.hdf import Node, groups_of
from xrdkna.read.measured import usable_time
from xrdkna.read.times import parse_time
from xrdkna.read.tube import tube_of
from xrdkna.records.instrument import Radiation

# hc in keV·Å (CODATA 2018)
_HC = 12.398419843
_LENGTHS = {"m": 1e10, "nm": 10.0, "pm": 0.01, "angstrom": 1.0, "a": 1.0, "å": 1.0, "": 1.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """None where the entry is silent."""

    radiation: Radiation | None
    geometry: str | None
    radius_mm: float | None
    start_time: datetime | None
    end_time: datetime | None
    count_time: float | None
    details: Mapping[str, str]


def facts_of(root: Node, entry: Node) -> Facts:
    """The facts of one entry."""
    samples = groups_of(entry, "NXsample")
    sample = next(iter(samples), None)
    return Facts(
        radiation=_radiation(entry),
        geometry=_geometry(entry),
        radius_mm=_radius(entry),
        start_time=parse_time(_text(entry, "start_time")),
        end_time=parse_time(_text(entry, "end_time")),
        count_time=_count_time(entry),
        details={
            "sample": _text(sample, "name") if sample is not None else "",
            "title": _text(entry, "title"),
            "temperature": _temperature(sample),
            "definition": _text(entry, "definition"),
            "instrument": next((_text(group, "name") for group in groups_of(entry, "NXinstrument")), ""),
            "program": root.attribute("creator"),
        },
    )


def number_of(node: Node | None) -> float | None:
    """The single finite number of a data set, the mean of a short one; None otherwise."""
    if node is None or node.shape is None or len(node.shape) > 1 or int(np.prod(node.shape, dtype=np.float64)) > 1_000_000:
        return None
    values = node.floats()
    values = values[np.isfinite(values)]
    return float(np.mean(values)) if values.size else None


def _radiation(entry: Node) -> Radiation | None:
    """A tube by its lines (NXxrd), else a wavelength or an energy of the monochromator, crystal, beam or source."""
    for source in groups_of(entry, "NXsource"):
        lines = [number_of(source.child(name)) for name in ("k_alpha_one", "k_alpha_two", "ratio_k_alphatwo_k_alphaone")]
        anode = _text(source, "xray_tube_material") or _text(source, "target_material")
        if lines[0] is not None or anode:
            return tube_of(*lines, anode=anode)
    for kind in ("NXmonochromator", "NXcrystal", "NXbeam", "NXsource"):
        for group in groups_of(entry, kind):
            for name in ("wavelength", "incident_wavelength"):
                node = group.child(name)
                length = number_of(node)
                if length is not None and node is not None:
                    return _monochromatic(length * _LENGTHS.get(node.attribute("units").lower(), 1.0))
            for name in ("energy", "incident_energy"):
                node = group.child(name)
                energy = number_of(node)
                if energy is not None and node is not None and energy > 0:
                    return _monochromatic(_HC / (energy * (1e-3 if node.attribute("units").lower() == "ev" else 1.0)))
    return None


def _monochromatic(wavelength: float) -> Radiation | None:
    return monochromatic_radiation(round(wavelength, 7)) if 0.05 <= wavelength <= 5.0 else None


def _geometry(entry: Node) -> str | None:
    for detector in groups_of(entry, "NXdetector"):
        if _text(detector, "scan_axis").lower() == "gonio":
            return "Bragg-Brentano"
    said = f"{_text(entry, 'geometry')}".lower()
    return "Bragg-Brentano" if "bragg" in said else "Debye-Scherrer" if "debye" in said else None


def _radius(entry: Node) -> float | None:
    for detector in groups_of(entry, "NXdetector"):
        node = detector.child("distance")
        distance = number_of(node)
        if distance is not None and node is not None:
            return distance * {"m": 1000.0, "cm": 10.0}.get(node.attribute("units").lower(), 1.0)
    return None


def _count_time(entry: Node) -> float | None:
    for group in (*groups_of(entry, "NXdetector"), *groups_of(entry, "NXmonitor"), *groups_of(entry, "NXobject")):
        for name in ("count_time", "preset", "frame_time", "exposure_time"):
            if (seconds := usable_time(number_of(group.child(name)))) is not None:
                return seconds
    return None


def _temperature(sample: Node | None) -> str:
    node = sample.child("temperature") if sample is not None else None
    value = number_of(node)
    return "" if value is None or node is None else f"{value:g} {node.attribute('units') or 'K'}"


def _text(node: Node | None, name: str) -> str:
    child = node.child(name) if node is not None else None
    return child.text() if child is not None else ""
