"""NeXus and other HDF5 with NXdata in it: one pattern (NXmonopd, NXxrd) or a stack of them (NXazint1d, pyFAI), one row read at a time.

h5py opens the file (read/exchange/hdf.py); which data set is what follows the NeXus conventions (signal and axes), our own reading since
the kept readers of NeXus read a file whole.
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import numpy as np

from xrdkna.errors import ScanFileError
from xrdkna.read.exchange.hdf import HdfError, Node, groups_of, opened
from xrdkna.read.exchange.nexus_facts import Facts, facts_of
from xrdkna.read.exchange.second_process import withstands
from xrdkna.read.kinds import Handle, grid_of, scan_name
from xrdkna.read.measured import Measured, UnusableScanError, scan_of
from xrdkna.read.told import with_told
from xrdkna.records.arrays import FloatArray
from xrdkna.records.instrument import Radiation
from xrdkna.records.scan import Scan

_ANGLES = ("two_theta", "twotheta", "2theta", "tth", "2th", "polar_angle", "two_theta_corrected", "angle")
_RADIAL = (*_ANGLES, "radial_axis", "radial", "q", "x")
_TIMES = ("time", "timestamp", "timestamps", "epoch", "elapsed_time", "frame_time")
_PER_METRE = {"1/angstrom": 1.0, "angstrom^-1": 1.0, "a^-1": 1.0, "1/a": 1.0, "å^-1": 1.0, "1/å": 1.0, "q_a^-1": 1.0}
_PER_METRE |= {"1/nm": 0.1, "nm^-1": 0.1, "q_nm^-1": 0.1}
# Seconds after which a column of times counts from 1970 and not from the beginning of the measurement.
_EPOCH = 1e8
# A pattern longer than this is a picture; a stack longer than this is a damaged header (half a kilobyte is held for each pattern).
_MOST_POINTS, _MOST_SCANS = 4_000_000, 500_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stack:
    """One NXdata: paths of its signal and errors, (n,) its angles, the number of patterns, when each began (seconds or None)."""

    signal: str
    errors: str | None
    angles: FloatArray
    rows: int | None
    seconds: FloatArray | None
    exposure: FloatArray | None
    facts: Facts


def nexus_handles(path: Path) -> list[Handle]:
    """All patterns of a NeXus file in its order, none of them read. Raises ScanFileError."""
    if not withstands(path):
        raise ScanFileError(
            f"{path}: the HDF5 file is damaged, so that reading it takes no end of time or memory; copy or export the file again."
        )
    try:
        with opened(path) as root:
            stacks = _stacks(path, root)
    except HdfError as problem:
        raise ScanFileError(f"{path}: {problem}; copy or export the file again.") from problem
    handles: list[Handle] = []
    for stack in stacks:
        for row in range(stack.rows or 1):
            start, end = _moments(stack, row)
            name = scan_name(path, len(handles) + 1)
            load = partial(_load, path, stack, row, name=name, number=len(handles) + 1)
            handles.append(Handle(name=name, start=start, end=end, grid=grid_of(stack.angles), load=load))
    return handles


def look_through(path: Path) -> None:
    """Open a file and read from it what a caller would: its structure, and the first, middle and last pattern of each stack."""
    try:
        with opened(path) as root:
            for stack in _stacks(path, root):
                for row in {0, (stack.rows or 1) // 2, (stack.rows or 1) - 1}:
                    for place in filter(None, (stack.signal, stack.errors)):
                        node = root.at(place)
                        if node is not None:
                            node.floats(None if stack.rows is None else row)
    except (HdfError, ScanFileError):
        return


def _stacks(path: Path, root: Node) -> list[_Stack]:
    entries = groups_of(root, "NXentry") or [root]
    found: list[_Stack] = []
    reasons: list[str] = []
    for entry in entries:
        for data in _data_groups(entry):
            stack = _stack(root, entry, data)
            if isinstance(stack, _Stack):
                found.append(stack)
                break
            reasons.append(f"{data.path}: {stack}")
    if not found:
        reason = f"; {reasons[0]}" if reasons else ""
        raise ScanFileError(
            f"{path}: this HDF5 file holds no powder pattern (looked for an NXdata group whose signal has an axis of 2θ, as NXmonopd, "
            f"NXxrd and NXazint1d have){reason}."
        )
    return found


def _data_groups(entry: Node) -> list[Node]:
    """The entry's NXdata groups, the one it calls its default first."""
    groups = groups_of(entry, "NXdata")
    default = entry.attribute("default")
    return sorted(groups, key=lambda node: not (default and node.path.startswith(f"{entry.path.rstrip('/')}/{default}")))


def _stack(root: Node, entry: Node, data: Node) -> _Stack | str:
    signal = _signal(data)
    if signal is None or signal.shape is None:
        return "it names no signal"
    shape = tuple(size for size in signal.shape if size != 1) if len(signal.shape) > 2 else signal.shape
    if len(shape) not in (1, 2) or len(signal.shape) > 2:
        return f"its signal has {len(signal.shape)} dimensions: an area scan or a map; integrate it to 2θ and intensity first"
    n, rows = shape[-1], shape[0] if len(shape) == 2 else None
    if not 2 <= n <= _MOST_POINTS or (rows is not None and not 1 <= rows <= _MOST_SCANS):
        return f"its signal has the shape {signal.shape}"
    facts = facts_of(root, entry)
    angles = _angles(data, signal, n, facts.radiation)
    if isinstance(angles, str):
        return angles
    errors = _errors(data, signal)
    return _Stack(
        signal=signal.path,
        errors=errors.path if errors is not None and errors.shape == signal.shape else None,
        angles=angles,
        rows=rows,
        seconds=_column(data, rows, _TIMES),
        exposure=_column(data, rows, ("count_time", "exposure", "exposure_time", "duration")),
        facts=facts,
    )


def _signal(data: Node) -> Node | None:
    """By the group's attribute, by the data set's own (before 2014), or by its usual name."""
    if name := data.attribute("signal"):
        return data.child(name)
    for member in data.children():
        if member.shape is not None and member.attribute("signal") in ("1", "1.0"):
            return member
    return next((child for name in ("I", "data", "intensity") if (child := data.child(name)) is not None), None)


def _angles(data: Node, signal: Node, n: int, radiation: Radiation | None) -> FloatArray | str:
    """(n,) degrees 2θ: the axis that the group names, else a data set with the name of one."""
    named = (data.attribute("axes") or signal.attribute("axes")).replace(":", ",").split(",")
    names = [name.strip() for name in reversed(named) if name.strip() not in ("", ".")]
    reason = "its signal has no axis of 2θ in degrees"
    for name in dict.fromkeys([*names, *_RADIAL]):
        node = data.child(name)
        if node is None or node.shape not in ((n,), (n + 1,), (1, n)):
            continue
        values = node.floats()
        values = 0.5 * (values[1:] + values[:-1]) if len(values) == n + 1 else values
        unit = node.attribute("units").lower().strip()
        if unit in _PER_METRE or (name.lower() == "q" and not unit):
            if radiation is None:
                reason = "its axis is q and the file names no wavelength, so that 2θ is not known"
                continue
            sine = values * _PER_METRE.get(unit, 1.0) * radiation.wavelength / (4.0 * np.pi)
            return np.degrees(2.0 * np.arcsin(np.clip(sine, 0.0, 1.0)))
        if unit.startswith("rad"):
            return np.degrees(values)
        if unit.startswith(("deg", "°", "2th_deg")) or (not unit and name.lower() in _ANGLES):
            return values
    return reason


def _errors(data: Node, signal: Node) -> Node | None:
    name = signal.path.rpartition("/")[2]
    said = signal.attribute("uncertainties") or data.attribute(f"{name}_uncertainties")
    return next((child for each in (said, f"{name}_errors", "errors", f"{name}_error") if each and (child := data.child(each))), None)


def _column(data: Node, rows: int | None, names: tuple[str, ...]) -> FloatArray | None:
    """(rows,) one number for each pattern of a stack."""
    for name in names:
        node = data.child(name) if rows is not None else None
        if node is not None and node.shape == (rows,):
            factor = {"ms": 1e-3, "min": 60.0, "h": 3600.0, "ns": 1e-9}.get(node.attribute("units").lower(), 1.0)
            return node.floats() * factor
    return None


def _moments(stack: _Stack, row: int) -> tuple[datetime | None, datetime | None]:
    facts = stack.facts
    if stack.rows is None or stack.rows == 1:
        return facts.start_time, facts.end_time
    if stack.seconds is None or not np.isfinite(stack.seconds[row]):
        return None, None
    seconds = float(stack.seconds[row])
    if abs(seconds) > _EPOCH:
        start = datetime.fromtimestamp(seconds, UTC) if 0 < seconds < 4e9 else None
    else:
        start = facts.start_time + timedelta(seconds=seconds) if facts.start_time is not None else None
    exposure = float(stack.exposure[row]) if stack.exposure is not None else facts.count_time
    usable = start is not None and exposure is not None and 0 < exposure < _EPOCH
    return start, start + timedelta(seconds=exposure) if usable and start is not None and exposure is not None else None


def _load(path: Path, stack: _Stack, row: int, *, name: str, number: int) -> Scan:
    """One pattern; the file is opened for it and closed again."""
    try:
        with opened(path) as root:
            signal, errors = root.at(stack.signal), root.at(stack.errors) if stack.errors else None
            if signal is None:
                raise HdfError(f"{stack.signal} is no longer there")
            place = None if stack.rows is None else row
            intensity = signal.floats(place)
            sigma = errors.floats(place) if errors is not None else None
    except HdfError as problem:
        raise ScanFileError(f"{path}: {problem}; copy or export the file again.") from problem
    facts, (start, end) = stack.facts, _moments(stack, row)
    measured = Measured(
        two_theta=stack.angles,
        intensity=intensity,
        sigma=sigma,
        count_time=float(stack.exposure[row]) if stack.exposure is not None else facts.count_time,
        radiation=facts.radiation,
        geometry=facts.geometry,
        radius_mm=facts.radius_mm,
        start_time=start,
        end_time=end,
        details=facts.details,
    )
    try:
        return with_told(replace(scan_of(path, measured, number=number), name=name))
    except UnusableScanError as problem:
        raise ScanFileError(f"{path}: pattern {number}: {problem}.") from problem
