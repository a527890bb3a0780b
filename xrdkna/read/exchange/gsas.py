"""GSAS powder data: STD, ESD, FXY and FXYE records under a BANK line, angles in hundredths of a degree.

Our own reader: geddes gives the numbers without their uncertainties, GSAS-II's is no library.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from xrdkna.read.bytes_in import text_from_bytes
from xrdkna.read.header import read_header
from xrdkna.read.kinds import ScanFormat
from xrdkna.read.measured import Measured, scans_of
from xrdkna.read.tidy import even_steps
from xrdkna.records.arrays import FloatArray
from xrdkna.records.scan import Scan

_BANK = re.compile(r"^BANK[ \t]+\d+[ \t]+\d+[ \t]+\d+[ \t]+[A-Z_]+.*$", re.MULTILINE)
_LOOK = 65_536
_WIDTH = 8  # columns of one field of STD and ESD records
_FLIGHT = ("RALF", "SLOG", "TIME_MAP", "COND", "CONQ", "EDS")


def recognises(data: bytes) -> bool:
    """True for text with a BANK line."""
    if b"BANK" not in data[:_LOOK]:
        return False
    text = text_from_bytes(data[:_LOOK])
    return text is not None and _BANK.search(text) is not None


def read_gsas_scans(path: Path, data: bytes) -> tuple[Scan, ...]:
    """All banks of a GSAS file. Raises ScanFileError, also where the axis is a time of flight."""
    return scans_of(path, _banks(text_from_bytes(data) or ""))


def _banks(text: str) -> Iterator[Measured | str]:
    marks = list(_BANK.finditer(text))
    facts = read_header(text[: marks[0].start()].split("\n"))
    title = text.partition("\n")[0].strip()
    for i, mark in enumerate(marks):
        end = marks[i + 1].start() if i + 1 < len(marks) else len(text)
        words = mark[0].split()
        number, binning = int(words[2]), words[4]
        if binning in _FLIGHT or not binning.startswith("CONS"):
            yield f"its binning is {binning} (a time of flight or an energy), not steps of 2θ"
            continue
        kind = words[-1] if words[-1].isalpha() else "STD"
        body = [line for line in text[mark.end() : end].split("\n") if line.strip() and not line.startswith("#")]
        columns = _columns(kind, body, words)
        if isinstance(columns, str):
            yield columns
            continue
        angle, intensity, sigma = columns[0][:number], columns[1][:number], columns[2]
        yield Measured(
            two_theta=angle,
            intensity=intensity,
            sigma=None if sigma is None else sigma[:number],
            radiation=facts.radiation,
            radius_mm=facts.radius_mm,
            start_time=facts.start_time,
            end_time=facts.end_time,
            status=f"cut off after {len(intensity)} of {number} points" if len(intensity) < number else "",
            details=dict(facts.details) | {"sample": title},
            notices=facts.notices,
        )


def _columns(kind: str, body: list[str], words: list[str]) -> tuple[FloatArray, FloatArray, FloatArray | None] | str:
    """Angles in degrees, intensities and their σ (None where counting gives it); a string says what cannot be read."""
    try:
        if kind in ("FXYE", "FXY"):
            width = len(kind) - 1
            rows = np.array(" ".join(body).split(), dtype=np.float64)
            table = rows[: rows.size // width * width].reshape(-1, width)
            return table[:, 0] / 100.0, table[:, 1], table[:, 2] if width == 3 else None
        first, step = float(words[5]) / 100.0, float(words[6]) / 100.0
        if kind == "ESD":
            fields = np.array([float(field or 0) for field in _fields(body)])
            pairs = fields[: fields.size // 2 * 2].reshape(-1, 2)
            return even_steps(first, step, len(pairs)), pairs[:, 0], pairs[:, 1]
        if kind == "STD":
            intensity, sigma = _standard(_fields(body))
            return even_steps(first, step, len(intensity)), intensity, sigma
    except (ValueError, IndexError):
        return f"its {kind} records are not all numbers"
    return f"its records are of the kind {kind}, which is not known"


def _fields(body: list[str]) -> list[str]:
    """The fields of fixed width, without the blank ones behind the last number of a line."""
    lines = (line.rstrip().expandtabs(_WIDTH) for line in body)
    return [line[i : i + _WIDTH].strip() for line in lines for i in range(0, len(line), _WIDTH)]


def _standard(fields: list[str]) -> tuple[FloatArray, FloatArray | None]:
    """STD: two digits with the number of detectors (blank: one), six with their mean count; σ = √(I/n)."""
    detectors, counts = [], []
    for field in fields:
        left, _, right = field.rpartition(" ")
        detectors.append(float(left or 1))
        counts.append(float(right))
    number, intensity = np.array(detectors), np.array(counts)
    if np.all(number == 1.0):
        return intensity, None
    return intensity, np.sqrt(np.maximum(intensity, 1.0) / np.maximum(number, 1.0))


GSAS = ScanFormat(name="GSAS", recognises=recognises, read=read_gsas_scans)
