"""What a column of a cycler or a log holds, and in which unit: current, potential or charge, from its name alone."""

import re
from dataclasses import dataclass

MILLIAMPERE = {
    "a": 1e3, "amp": 1e3, "amps": 1e3, "ampere": 1e3, "ma": 1.0, "ua": 1e-3, "µa": 1e-3, "μa": 1e-3, "na": 1e-6,
}  # fmt: skip
VOLT = {"v": 1.0, "volt": 1.0, "volts": 1.0, "mv": 1e-3, "uv": 1e-6, "µv": 1e-6, "μv": 1e-6}
MILLIAMPERE_HOUR = {"ah": 1e3, "a.h": 1e3, "mah": 1.0, "ma.h": 1.0, "µah": 1e-3, "μah": 1e-3, "uah": 1e-3, "c": 1e3 / 3600.0}
UNITS = {"current": MILLIAMPERE, "potential": VOLT, "charge": MILLIAMPERE_HOUR}
"""Factor from a unit, in lower case, to the one kept here: mA, V, mAh."""

_END = r"(?=[\s_/(\[.,:]|$)"
_KIND = r"(?:(?:cell|cycler|total|avg|mean|working)[\s_]?)?"
_NAMES = {
    "charge": re.compile(
        rf"^(?:\(q-qo\)|(?:d(?:is)?[\s_]?)?ch(?:ar)?g(?:e|ing)?[\s_.]*cap(?:acity|\.)?|capacity){_END}",
        re.IGNORECASE,
    ),
    "current": re.compile(rf"^(?:<?i>?|{_KIND}current|strom|amps?|courant){_END}(?![\s_]*range)", re.IGNORECASE),
    "potential": re.compile(
        rf"^(?:<?e(?:we|cell)?>?|u|v|volts?|spannung|tension|{_KIND}(?:voltage|potential)){_END}(?![\s_]*(?:limit|range))", re.IGNORECASE
    ),
}
# Names that are themselves a unit, as Maccor writes them.
_UNIT_NAMES = {"amps": 1e3, "amp": 1e3, "volts": 1.0, "volt": 1.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class CellColumn:
    """quantity: current, potential or charge. factor: to mA, V or mAh; None where the name carries no unit."""

    quantity: str
    factor: float | None


def cell_column(name: str) -> CellColumn | None:
    """What a column of this name holds: "<I>/mA" is a current in mA, "Voltage" a potential without a unit, "Step" is nothing."""
    word = re.sub(r"^<(\w+)/(\w+)>$", r"<\1>/\2", name.strip())  # EC-Lab also writes <Ewe/V>
    for quantity, pattern in _NAMES.items():
        found = pattern.match(word)
        if found is None:
            continue
        behind = re.findall(r"[A-Za-zµμ]+(?:\.h)?", word[found.end() :])
        factor = next((UNITS[quantity][part.lower()] for part in behind if part.lower() in UNITS[quantity]), None)
        return CellColumn(quantity=quantity, factor=_UNIT_NAMES.get(word.lower()) if factor is None else factor)
    return None
