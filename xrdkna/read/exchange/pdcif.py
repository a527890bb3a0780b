"""Powder CIF: measured profiles, in one block or many, with the data names of either dictionary (_pd_meas_x or _pd_meas.x).

gemmi reads the text (fast, and it keeps what is there); what a profile is, we say here: geddes prefers angles that a refinement has
corrected, and a correction made twice is an error.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np

from xrdkna.errors import RadiationError, RecordError, ScanFileError
from xrdkna.physics.radiation import monochromatic_radiation, radiation_from_text
from xrdkna.read.bytes_in import text_from_bytes
from xrdkna.read.kinds import ScanFormat
from xrdkna.read.measured import Measured, scans_of
from xrdkna.read.tidy import even_steps
from xrdkna.read.times import parse_time
from xrdkna.read.tube import tube_of
from xrdkna.records.arrays import FloatArray
from xrdkna.records.instrument import Radiation
from xrdkna.records.scan import Scan
from xrdkna.records.values import Notice

_LOOK = 8192
# Bytes: a profile of a million points has fifty million, and gemmi takes some ten times the text.
_LARGEST = 64 * 2**20
# As measured before corrected, counts before intensities, the whole before what a background was taken from.
_ANGLES = ("meas_2theta_scan", "proc_2theta_corrected")
_RANGES = ("meas_2theta_range", "proc_2theta_range")
_INTENSITIES = ("meas_counts_total", "meas_intensity_total", "proc_intensity_total", "meas_intensity_net", "proc_intensity_net")
_NET = ("meas_intensity_net", "proc_intensity_net")


@dataclass(frozen=True, slots=True)
class _Block:
    """One data block: names in lower case without their first underscore, dots as underscores."""

    name: str
    single: Mapping[str, str]
    columns: Mapping[str, list[str]]

    def column(self, name: str) -> tuple[FloatArray, FloatArray] | None:
        """(n,) numbers and (n,) their σ from parentheses (NaN where none); NaN for what is no number. None where the name is missing."""
        words = self.columns.get(name)
        return None if words is None else _numbers(words)

    def number(self, name: str) -> float | None:
        """A single number, None where there is none."""
        word = self.single.get(name) or next(iter(self.columns.get(name, ())), None)
        value = float(_numbers([word])[0][0]) if word is not None else np.nan
        return value if np.isfinite(value) else None


def recognises(data: bytes) -> bool:
    """True for text that has a data block before anything but comments."""
    text = text_from_bytes(data[:_LOOK])
    lines = (line.strip() for line in (text or "").split("\n"))
    first = next((line for line in lines if line and not line.startswith("#")), "")
    return first.lower().startswith("data_") and " " not in first


def read_pdcif_scans(path: Path, data: bytes) -> tuple[Scan, ...]:
    """All blocks that hold a measured profile against 2θ. Raises ScanFileError, also for a CIF that holds structures alone."""
    if len(data) > _LARGEST:
        raise ScanFileError(f"{path}: this CIF has more than {_LARGEST >> 20} million bytes; split it into its blocks.")
    blocks = _blocks(path, text_from_bytes(data) or "")
    found = list(_profiles(blocks))
    if not found:
        raise ScanFileError(
            f"{path}: this CIF holds no powder profile (looked for _pd_meas_2theta_scan or its range, and _pd_meas_counts_total or "
            "another intensity); a structure goes with --cif."
        )
    return scans_of(path, found)


def _blocks(path: Path, text: str) -> list[_Block]:
    from gemmi import cif

    try:
        document = cif.read_string(text)
    except (ValueError, RuntimeError) as problem:
        reason = str(problem).replace("\n", " ")[:200]
        raise ScanFileError(f"{path}: the CIF is damaged or cut off ({reason}); export or copy the file again.") from problem
    blocks: list[_Block] = []
    for block in document:
        single: dict[str, str] = {}
        columns: dict[str, list[str]] = {}
        for item in block:
            if item.pair is not None:
                tag, value = cast("tuple[str, str]", item.pair)
                single[_plain(tag)] = cif.as_string(value)
            elif item.loop is not None:
                width, values = item.loop.width(), item.loop.values
                for i, tag in enumerate(item.loop.tags):
                    if (name := _plain(tag)).startswith(("pd_", "diffrn_")):
                        columns[name] = list(values[i::width])
        blocks.append(_Block(block.name, single, columns))
    return blocks


def _plain(tag: str) -> str:
    return tag.lower().lstrip("_").replace(".", "_")


def _profiles(blocks: list[_Block]) -> Iterator[Measured | str]:
    # A profile that was calculated stands in a block of its own beside the measured one.
    measured = [block for block in blocks if not block.name.lower().endswith("_calc")]
    radiations = [radiation for block in blocks if (radiation := _radiation(block)) is not None]
    shared = radiations[0] if len({radiation.wavelength for radiation in radiations}) == 1 else None
    for block in measured:
        name = next((name for name in _INTENSITIES if f"pd_{name}" in block.columns), None)
        if name is None:
            continue
        values = block.column(f"pd_{name}")
        intensity, spread = values if values is not None else (np.zeros(0), np.zeros(0))
        angles = _angles(block, len(intensity))
        if isinstance(angles, str):
            yield angles
            continue
        yield _measured(block, name, angles, intensity, spread, _radiation(block) or shared)


def _measured(
    block: _Block, name: str, angles: FloatArray, intensity: FloatArray, spread: FloatArray, radiation: Radiation | None
) -> Measured:
    times = block.column("pd_meas_step_count_time")
    one_time = block.number("pd_meas_step_count_time")
    kelvin = block.single.get("diffrn_ambient_temperature") or block.single.get("pd_prep_temperature", "")
    net = Notice(
        code="background-subtracted",
        severity="warning",
        sentence="the file gives net intensities only: a background was taken away before, and counting statistics with it.",
    )
    return Measured(
        two_theta=angles,
        intensity=intensity,
        sigma=_sigma(block, name, spread),
        times=times[0] if times is not None and len(times[0]) == len(intensity) else None,
        count_time=one_time,
        radiation=radiation,
        geometry=_geometry(block),
        radius_mm=block.number("pd_instr_dist_spec_detc"),
        start_time=parse_time(block.single.get("pd_meas_datetime_initiated", ""), date_alone=True),
        end_time=parse_time(block.single.get("pd_meas_datetime_completed", ""), date_alone=True),
        details={
            "sample": block.single.get("pd_spec_description") or block.single.get("pd_meas_sample_id", ""),
            "block": block.name,
            "temperature": f"{kelvin} K" if kelvin not in ("", "?", ".") else "",
        },
        notices=(net,) if name in _NET else (),
    )


def _angles(block: _Block, n: int) -> FloatArray | str:
    """(n,) degrees from a column or from a range, or why there are none."""
    for name in _ANGLES:
        column = block.column(f"pd_{name}")
        if column is not None and len(column[0]) == n:
            return column[0]
    for name in _RANGES:
        low, high, step = (block.number(f"pd_{name}_{word}") for word in ("min", "max", "inc"))
        if low is not None and step:
            expected = round((high - low) / step) + 1 if high is not None and np.isfinite((high - low) / step) else n
            return even_steps(low, step, n) if abs(expected - n) <= 1 else f"its range foretells {expected} points, and {n} are there"
    if "pd_meas_time_of_flight" in block.columns:
        return "its axis is a time of flight, not 2θ"
    return "its intensities have no column of angles of the same length"


def _sigma(block: _Block, name: str, spread: FloatArray) -> FloatArray | None:
    """(n,) from the intensities' parentheses, else from a column of uncertainties, else from the weights 1/σ²."""
    if np.mean(np.isfinite(spread)) > 0.5:
        return spread
    given = block.column(f"pd_{name}_su")
    if given is not None and len(given[0]) == len(spread):
        return given[0]
    weights = block.column("pd_proc_ls_weight")
    if name.startswith("proc") and weights is not None and len(weights[0]) == len(spread):
        weight = np.where(weights[0] > 0, weights[0], np.nan)
        return 1.0 / np.sqrt(weight)
    return None


def _radiation(block: _Block) -> Radiation | None:
    """One wavelength or several with their weights; a tube is known by its lines."""
    column = block.column("diffrn_radiation_wavelength") or block.column("diffrn_radiation_wavelength_wavelength")
    alone = block.number("diffrn_radiation_wavelength") or block.number("diffrn_radiation_wavelength_wavelength")
    wavelengths = [float(value) for value in column[0] if 0.05 <= value <= 5.0] if column is not None else []
    if not wavelengths and alone is None:
        return _named(block.single.get("diffrn_radiation_type", ""))
    if not wavelengths:
        return monochromatic_radiation(alone or 0.0) if 0.05 <= (alone or 0.0) <= 5.0 else None
    weighted = block.column("diffrn_radiation_wavelength_wt")
    weights = [float(value) for value in weighted[0]] if weighted is not None and len(weighted[0]) == len(wavelengths) else [1.0]
    if len(wavelengths) == 1:
        return monochromatic_radiation(wavelengths[0])
    if len(weights) < len(wavelengths):
        return tube_of(wavelengths[0], wavelengths[1])
    if len(wavelengths) == 2 and weights[0] > 0:
        return tube_of(wavelengths[0], wavelengths[1], weights[1] / weights[0])
    try:
        return radiation_from_text(",".join(f"{wave!r}:{weight!r}" for wave, weight in zip(wavelengths, weights, strict=True)))
    except (RadiationError, RecordError):
        return tube_of(wavelengths[0])


def _named(words: str) -> Radiation | None:
    """ "Cu K\\a" and "Cu K\\a~1~" by name."""
    try:
        return radiation_from_text(words.replace("\\a", "a").replace("\\b", "b").replace("~", "").replace(" ", "")) if words else None
    except RadiationError:
        return None


def _geometry(block: _Block) -> str | None:
    words = f"{block.single.get('pd_instr_geometry', '')} {block.single.get('pd_spec_mount_mode', '')}".lower()
    if "bragg" in words:
        return "Bragg-Brentano"
    return "Debye-Scherrer" if "debye" in words or "transmission" in words else None


def _numbers(words: list[str]) -> tuple[FloatArray, FloatArray]:
    """ "123.4(12)" is 123.4 with σ 1.2; "." and "?" are none."""
    values, spreads = np.full(len(words), np.nan), np.full(len(words), np.nan)
    for i, word in enumerate(words):
        mantissa, bracket, rest = word.strip("'\"").partition("(")
        try:
            values[i] = float(mantissa)
            if bracket:
                decimals = len(mantissa.partition("e")[0].partition("E")[0].partition(".")[2])
                spreads[i] = float(rest.rstrip(")")) * 10.0**-decimals
        except ValueError:
            continue
    return values, spreads


PDCIF = ScanFormat(name="powder CIF", recognises=recognises, read=read_pdcif_scans)
