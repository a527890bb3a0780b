"""The pieces that every JSON document is made of."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from xrdkna.records.index import Assignment, ScanFacts
from xrdkna.records.instrument import Instrument, Radiation
from xrdkna.records.peaks import Halo, Peak
from xrdkna.records.refinement import ConfidenceInterval
from xrdkna.records.values import Estimate, Notice
from xrdkna.report.halos import halo_q, named_halos
from xrdkna.report.output import write_text
from xrdkna.report.values import ESD_DIGITS, hkl_list, iso_time, number, rounded_to_esd

Json = dict[str, Any]
# Numbers that are not estimates (significances, factors): more digits than anyone can use.
PLAIN_DIGITS = 6


def write_json(document: Mapping[str, Any], target: str | Path) -> None:
    """Write a document as indented UTF-8 JSON to a file, or to standard output for "-".

    Keys keep the document's order; a list of plain numbers or words stays on one line. Raises UsageError when the file
    cannot be written, ValueError should a NaN ever reach it.
    """
    write_text(target, json_text(document) + "\n")


def json_text(value: Any, indent: str = "") -> str:
    """Indented JSON with short lists and short objects on one line."""
    flat = json.dumps(value, ensure_ascii=False, allow_nan=False)
    children = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    nested = any(isinstance(child, (dict, list)) and child for child in children)
    if not children or (isinstance(value, list) and not nested) or len(flat) + len(indent) <= 100:
        return flat
    deeper = indent + "  "
    if isinstance(value, Mapping):
        body = [f"{deeper}{json.dumps(key, ensure_ascii=False)}: {json_text(child, deeper)}" for key, child in value.items()]
        return "{\n" + ",\n".join(body) + f"\n{indent}}}"
    return "[\n" + ",\n".join(deeper + json_text(child, deeper) for child in value) + f"\n{indent}]"


def estimate_json(estimate: Estimate | None) -> Json | None:
    """{"value", "esd", "unit"}; None where there is no estimate."""
    if estimate is None:
        return None
    value = rounded_to_esd(estimate.value, estimate.esd)
    return {"value": value, "esd": number(estimate.esd, ESD_DIGITS), "unit": estimate.unit}


def estimates_json(estimates: Mapping[str, Estimate] | None) -> Json | None:
    """A named set of estimates, as a cell; None where there is none."""
    return None if estimates is None else {name: estimate_json(estimate) for name, estimate in estimates.items()}


def interval_json(interval: ConfidenceInterval) -> Json:
    """{"low", "high", "level"}; null for an end that the data do not close."""
    return {"low": number(interval.low), "high": number(interval.high), "level": number(interval.level)}


def scan_json(facts: ScanFacts) -> Json:
    """What identifies the scan."""
    instrument = facts.instrument
    return {
        "name": facts.name,
        "points": facts.points,
        "two_theta_range": [number(limit) for limit in facts.two_theta_range],
        "start_time": iso_time(facts.start_time),
        "radiation": None if instrument is None else radiation_json(instrument.radiation),
        **(instrument_json(instrument) if instrument is not None else {"geometry": None, "radius_mm": None}),
        "sigma_source": facts.sigma_source,
        "end_time": iso_time(facts.end_time),
        "count_time_s": number(facts.count_time, PLAIN_DIGITS),
        "complete": facts.complete,
        "sample": facts.sample or None,
        "temperature_K": number(facts.temperature_K, PLAIN_DIGITS),
        "attenuation": number(facts.attenuation, PLAIN_DIGITS),
    }


def instrument_json(instrument: Instrument) -> Json:
    """The goniometer."""
    return {"geometry": instrument.geometry, "radius_mm": number(instrument.radius_mm)}


def radiation_json(radiation: Radiation) -> Json:
    """The beam, strongest line first; `wavelength` is that line's, Å."""
    lines = [{"label": line.label, "wavelength": number(line.wavelength), "weight": number(line.weight)} for line in radiation.lines]
    return {"name": radiation.name, "anode": radiation.anode, "wavelength": number(radiation.wavelength), "lines": lines}


def peak_json(peak: Peak) -> Json:
    """The measured part of a peak."""
    return {
        "two_theta": estimate_json(peak.two_theta),
        "d": estimate_json(peak.d_spacing),
        "area": estimate_json(peak.area),
        "fwhm": estimate_json(peak.fwhm),
        "snr": number(peak.snr, PLAIN_DIGITS),
        "eta": number(peak.eta, PLAIN_DIGITS),
        "background": number(peak.background, PLAIN_DIGITS),
    }


def halo_json(halos: Iterable[Halo]) -> Json:
    """The strongest halo, and all of them in `all`."""
    ranked = sorted(halos, key=lambda halo: -halo.snr)
    every = [
        {
            "two_theta": estimate_json(h.two_theta),
            "fwhm": estimate_json(h.fwhm),
            "area": estimate_json(h.area),
            "snr": number(h.snr, PLAIN_DIGITS),
        }
        for h in ranked
    ]
    first = every[0] if every else None
    return {
        "verdict": "present" if every else "absent",
        "two_theta": first["two_theta"] if first else None,
        "fwhm": first["fwhm"] if first else None,
        "all": every,
    }


def halos_json(halos: Iterable[Halo], *, wavelength: float | None) -> list[Json]:
    """Every halo by its name, in the order of the fit; Q is null where no wavelength is known."""
    return [
        {
            "name": name,
            "two_theta": estimate_json(halo.two_theta),
            "q": None if wavelength is None else estimate_json(halo_q(halo.two_theta, wavelength=wavelength)),
            "fwhm": estimate_json(halo.fwhm),
            "area": estimate_json(halo.area),
        }
        for name, halo in named_halos(halos)
    ]


def assignment_json(assignment: Assignment) -> Json:
    """One explanation of a line."""
    return {
        "phase": assignment.phase,
        "hkl": hkl_list(assignment.hkl),
        "two_theta": number(assignment.two_theta),
        "share": number(assignment.share, PLAIN_DIGITS),
    }


def nearest_json(assignment: Assignment, two_theta: float) -> Json:
    """A reflection of the library and how far it is from a line at `two_theta`, degrees, calculated − observed."""
    return {
        "phase": assignment.phase,
        "hkl": hkl_list(assignment.hkl),
        "two_theta": number(assignment.two_theta),
        "off": round(assignment.two_theta - two_theta, 4),
    }


def notices_json(notices: Iterable[Notice]) -> list[Json]:
    """What the reader should know."""
    return [{"code": n.code, "severity": n.severity, "sentence": n.sentence, "remedy": n.remedy} for n in notices]
