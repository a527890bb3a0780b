"""The one door to galvani: BioLogic .mpr cycler files."""

import io
import struct
from datetime import datetime
from pathlib import Path

import numpy as np

from xrdkna.errors import CyclingError
from xrdkna.read.cycling_rows import CyclerRows
from xrdkna.records.arrays import FloatArray

# What a damaged file makes the library raise: it trusts the lengths and dates it reads.
_DAMAGED = (ArithmeticError, AssertionError, AttributeError, LookupError, OSError, NotImplementedError, TypeError, ValueError, struct.error)
_MAGIC = b"BIO-LOGIC MODULAR FILE"
# The first byte of a file's settings is its technique; this one leaves the circuit open and records no current.
_OPEN_CIRCUIT = 0x0B
_CURRENTS = ("I/mA", "<I>/mA")
_POTENTIALS = ("Ewe/V", "<Ewe>/V", "Ecell/V", "Ewe-Ece/V")
_STEPS_OF_CHARGE = ("dq/mA.h", "dQ/mA.h")


def is_biologic(data: bytes) -> bool:
    """True for .mpr, by its first bytes."""
    return data.startswith(_MAGIC)


def read_biologic(path: Path, data: bytes) -> CyclerRows:
    """The rows of an .mpr file. Where it keeps only steps of charge (constant-current techniques), the current is their rate.

    Raises CyclingError: cut off or damaged, no start time yet, a technique without time or current.
    """
    from galvani.BioLogic import MPRfile

    try:
        file = MPRfile(io.BytesIO(data))
        columns = {name: np.asarray(file.data[name], dtype=np.float64) for name in file.data.dtype.names or ()}
        started: datetime | None = getattr(file, "timestamp", None)
        technique = next(module["data"][0] for module in file.modules if module["shortname"] == b"VMP Set   ")
    except _DAMAGED as problem:
        raise CyclingError(
            f"{path}: the BioLogic file is cut off, damaged or of an unknown version; copy it again, or export it as .mpt with EC-Lab."
        ) from problem
    if started is None:
        raise CyclingError(
            f"{path}: the BioLogic file does not hold the moment it began (EC-Lab writes it at the end); export it as .mpt with EC-Lab."
        )
    if "time/s" not in columns:
        raise CyclingError(f"{path}: this BioLogic technique records no time; name the file of the cycling itself.")
    seconds = columns["time/s"]
    steps = next((columns[name] for name in _STEPS_OF_CHARGE if name in columns), None)
    return CyclerRows(
        start=started,
        seconds=seconds,
        current=_current(path, columns, seconds, steps, open_circuit=technique == _OPEN_CIRCUIT),
        potential=next((columns[name] for name in _POTENTIALS if name in columns), None),
        charge=None if steps is None else np.asarray(np.cumsum(steps)),
    )


def _current(
    path: Path, columns: dict[str, FloatArray], seconds: FloatArray, steps: FloatArray | None, *, open_circuit: bool
) -> FloatArray:
    """(n,) mA, from the file's current, else from its steps of charge; zero at open circuit."""
    written = next((columns[name] for name in _CURRENTS if name in columns), None)
    if written is not None:
        return written
    if steps is not None and seconds.size > 1:
        length = np.diff(seconds, prepend=2.0 * seconds[0] - seconds[1])
        rate = np.divide(3600.0 * steps, length, out=np.zeros_like(steps), where=length > 0.0)
        rate[0] = rate[1]
        return rate
    if open_circuit:
        return np.zeros(seconds.size)
    raise CyclingError(
        f"{path}: this BioLogic file holds no current (its columns are {', '.join(columns)}); export it as .mpt with EC-Lab."
    )
