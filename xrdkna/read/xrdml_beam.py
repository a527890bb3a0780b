"""What an .xrdml file says of its beam: wavelengths, monochromator, radius."""

from dataclasses import dataclass, field, replace

import numpy as np

from xrdkna.errors import RadiationError, RecordError
from xrdkna.physics.bragg import two_theta_from_d
from xrdkna.physics.radiation import WAVELENGTHS, monochromatic_radiation, radiation_from_text, radiation_from_wavelengths, tube_radiation
from xrdkna.read.xml_tree import Node
from xrdkna.read.xrdml_counts import numbers_of
from xrdkna.records.instrument import Radiation
from xrdkna.records.values import Notice

# Lattice parameters in Å of monochromator crystals at room temperature: cubic a, or graphite's c for its (00l).
_CUBIC = {"ge": 5.6579, "si": 5.4310}
_GRAPHITE_C = 6.708
# Crystals perfect enough to part Kα₁ from Kα₂ (eight minutes of arc at Cu (111)).
_PERFECT = ("ge", "si", "quartz", "sio2")


@dataclass(frozen=True, slots=True, kw_only=True)
class Beam:
    """None where the file is silent. monochromator_two_theta: degrees."""

    radiation: Radiation | None = None
    radius_mm: float | None = None
    monochromator_two_theta: float | None = None
    details: dict[str, str] = field(default_factory=dict)
    notices: tuple[Notice, ...] = ()


def beam_of(measurement: Node) -> Beam:
    """The beam of one xrdMeasurement."""
    radiation, notices = _radiation(measurement)
    crystal = measurement.at("incidentBeamPath", "monochromator") or measurement.at("diffractedBeamPath", "monochromator")
    tube = measurement.at("incidentBeamPath", "xRayTube")
    named = {
        "anode": tube.text_at("anodeMaterial") if tube is not None else "",
        "tension (kV)": tube.text_at("tension") if tube is not None else "",
        "current (mA)": tube.text_at("current") if tube is not None else "",
        "intended radiation": _attribute(measurement, "usedWavelength", "intended"),
        "monochromator": crystal.attribute("name") if crystal is not None else "",
        "detector": _attribute(measurement, "diffractedBeamPath", "detector", "name"),
    }
    return Beam(
        radiation=radiation,
        radius_mm=_radius(measurement),
        monochromator_two_theta=_monochromator(crystal, radiation) if crystal is not None and radiation is not None else None,
        details={key: value for key, value in named.items() if value},
        notices=notices,
    )


def _radiation(measurement: Node) -> tuple[Radiation | None, tuple[Notice, ...]]:
    """The lines that reach the detector.

    "Intended: K-Alpha 1" is a choice of the operator for the d axis; behind a β filter or a mirror the specimen still
    sees Kα₂, and such files show it. So Kα₂ is dropped only where the ratio is zero, or where a perfect crystal stands in
    the incident beam and either Kα₁ is intended or the crystal reflects twice or more.
    """
    used = measurement.at("usedWavelength")
    ka1 = _number(used, "kAlpha1")
    anode = measurement.text_at("incidentBeamPath", "xRayTube", "anodeMaterial").capitalize()
    if used is None or ka1 is None or not 0.05 <= ka1 <= 5.0:
        return (tube_radiation(anode) if anode in WAVELENGTHS else None), ()
    ka2, ratio, kb = _number(used, "kAlpha2"), _number(used, "ratioKAlpha2KAlpha1"), _number(used, "kBeta")
    intended = used.attribute("intended").lower().replace("-", "").replace(" ", "")
    ratio = ratio if ratio is None or ratio <= 1.0 else None
    if intended == "kbeta" and kb is not None:
        return _kbeta(ka1, kb), ()
    alone = intended == "kalpha1"
    if _perfect_crystal(measurement, alone=alone):
        return _lines(ka1, None, None), ()
    radiation = _lines(ka1, ka2, ratio)
    if not alone or len(radiation.lines) == 1:
        return radiation, ()
    notice = Notice(
        code="kalpha2-kept",
        severity="info",
        sentence="the file intends Kα₁ but names no crystal that removes Kα₂ and gives its ratio; the doublet is taken.",
        remedy=f"Give --radiation {radiation.anode or ''}Ka1 if Kα₂ was removed.",
    )
    return radiation, (notice,)


def _lines(ka1: float, ka2: float | None, ratio: float | None) -> Radiation:
    """A tube whose anode is not in the table keeps the file's own numbers, unpolarised as every tube."""
    radiation = radiation_from_wavelengths(ka1, ka2, ratio)
    if radiation.anode is not None:
        return radiation
    if ka2 is None or ratio == 0.0:
        return replace(radiation, polarised=0.5)
    try:
        return replace(radiation_from_text(f"{ka1}:1,{ka2}:{ratio or 0.5}"), name=f"{ka1:g} Å doublet")
    except (RadiationError, RecordError):
        return replace(radiation, polarised=0.5)


def _kbeta(ka1: float, kb: float) -> Radiation:
    anode = radiation_from_wavelengths(ka1, None, None).anode
    return tube_radiation(anode, lines=("Kb",)) if anode is not None else replace(monochromatic_radiation(kb), polarised=0.5)


def _perfect_crystal(measurement: Node, *, alone: bool) -> bool:
    path = measurement.at("incidentBeamPath")
    crystals = path.children("monochromator") if path is not None else []
    return any(
        crystal.text_at("crystal").lower() in _PERFECT and (alone or (_number(crystal, "numberOfReflections") or 1) >= 2)
        for crystal in crystals
    )


def _monochromator(crystal: Node, radiation: Radiation) -> float | None:
    """Degrees 2θ of the crystal's reflection, None when the file does not say crystal and hkl."""
    hkl = numbers_of(" ".join(crystal.text_at("hkl", letter) for letter in "hkl"))
    material = crystal.text_at("crystal").lower()
    if hkl is None or len(hkl) != 3 or not np.any(hkl):
        return None
    if material in _CUBIC:
        spacing = _CUBIC[material] / float(np.linalg.norm(hkl))
    elif material in ("graphite", "c") and hkl[2] and not hkl[:2].any():
        spacing = _GRAPHITE_C / abs(float(hkl[2]))
    else:
        return None
    angle = float(two_theta_from_d(np.array([spacing]), wavelength=radiation.wavelength)[0])
    return angle if angle < 180.0 else None


def _radius(measurement: Node) -> float | None:
    """mm: the detector's, which turns displacement into angle; the tube's where only that is given."""
    for path in ("diffractedBeamPath", "incidentBeamPath"):
        radius = _number(measurement.at(path), "radius")
        if radius is not None and 10.0 <= radius <= 10_000.0:
            return radius
    return None


def _number(node: Node | None, name: str) -> float | None:
    values = numbers_of(node.text_at(name)) if node is not None else None
    return float(values[0]) if values is not None and len(values) == 1 and values[0] >= 0 else None


def _attribute(node: Node, *path: str) -> str:
    found = node.at(*path[:-1])
    return found.attribute(path[-1]) if found is not None else ""
