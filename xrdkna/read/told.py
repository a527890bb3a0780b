"""What a file tells of its specimen, whatever it calls it: the name that the operator gave, and the temperature."""

import math
import re
from collections.abc import Mapping
from dataclasses import replace

from xrdkna.records.scan import Scan

_SAMPLE = ("sample", "sampleid", "samplename", "usersamplename", "samplecomment", "sampleident", "specimen", "id")
_TEMPERATURE = re.compile(r"^(?:sample|specimen|stage|set)?\s*temp(?:erature)?\b", re.IGNORECASE)
_NUMBER = re.compile(r"([-+]?\d+(?:[.,]\d+)?(?:[eE][-+]?\d+)?)\s*(°?\s*[CKFckf]\b|°|deg\w*|kelvin|celsius)?", re.IGNORECASE)
_ICE = 273.15
# Kelvin between which a specimen can be.
_POSSIBLE = (0.01, 4000.0)


def with_told(scan: Scan) -> Scan:
    """The scan with the sample's name and temperature taken out of its details, where they are not known otherwise."""
    sample = scan.sample or _sample(scan.details)
    kelvin = scan.temperature_K if scan.temperature_K is not None else _kelvin(scan.details)
    return scan if (sample, kelvin) == (scan.sample, scan.temperature_K) else replace(scan, sample=sample, temperature_K=kelvin)


def _sample(details: Mapping[str, str]) -> str:
    plain = {re.sub(r"[^a-z]", "", key.lower()): value for key, value in details.items()}
    return next((plain[key].strip() for key in _SAMPLE if plain.get(key, "").strip()), "")


def _kelvin(details: Mapping[str, str]) -> float | None:
    """A number without a unit says nothing: 300 is as likely one as the other."""
    for key, value in details.items():
        found = _NUMBER.search(value) if _TEMPERATURE.match(key) else None
        if found is None:
            continue
        unit = (found[2] or "").replace("°", "").replace("eg", "").strip().lower() or _unit_in(key)
        number = float(found[1].replace(",", "."))
        kelvin = {"k": number, "kelvin": number, "c": number + _ICE, "celsius": number + _ICE}.get(unit[:7])
        if kelvin is not None and math.isfinite(kelvin) and _POSSIBLE[0] < kelvin < _POSSIBLE[1]:
            return round(kelvin, 6)
    return None


def _unit_in(key: str) -> str:
    found = re.search(r"[\[(]\s*°?\s*([KC])\s*[\])]", key)
    return found[1].lower() if found else ""
