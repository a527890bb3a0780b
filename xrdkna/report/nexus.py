"""A series as NeXus: the patterns as measured (NXazint1d), what the cell did (NXlog), what was found (NXdata) and by what (NXprocess).

Patterns are written one by one, so that a series of any length needs the memory of one. Scans on another grid go into a stack of their
own: no point is made up where nobody measured. The same series gives the same bytes: no clock is read.
"""

import os
import tempfile
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from xrdkna.errors import DataError, UsageError
from xrdkna.records.arrays import FloatArray
from xrdkna.records.instrument import Radiation
from xrdkna.records.scan import Scan
from xrdkna.records.series import Cycling, Series, SeriesEntry
from xrdkna.records.track import Track
from xrdkna.report.values import line_name

_DEFINITION = "NXazint1d"
# Angles that agree to this, in degrees, are one grid.
_SAME_ANGLE = 1e-6


def write_nexus(series: Series, track: Track, path: str | Path) -> None:
    """The series and what `track` says of it. A scan that cannot be read is left out; its name stands under `scans_left_out`.

    Raises UsageError when the file cannot be written.
    """
    import h5py

    target = Path(path)
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    os.close(handle)
    try:
        with h5py.File(temporary, "w", libver=("earliest", "v110")) as file:
            _write(file, series, track)
        os.replace(temporary, target)
    except OSError as problem:
        raise UsageError(f"cannot write {path}: {problem.strerror or problem}; choose a place that can be written to.") from problem
    finally:
        Path(temporary).unlink(missing_ok=True)


def _write(file: Any, series: Series, track: Track) -> None:
    file.attrs.update({"NX_class": "NXroot", "default": "entry", "creator": f"xrdkna {version('xrdkna')}"})
    entry = _group(file, "entry", "NXentry", default="data")
    entry["definition"] = _DEFINITION
    entry["title"] = series.name
    if track.origin is not None:
        entry["start_time"] = track.origin.isoformat()
    process = _group(entry, "process", "NXprocess")
    process["program"], process["version"] = "xrdkna", version("xrdkna")
    process["note"] = "\n".join(notice.sentence for notice in track.notices)
    _patterns(entry, series, track)
    if track.cycling is not None:
        _cell(entry, track.cycling)
    _results(entry, track)


def _patterns(entry: Any, series: Series, track: Track) -> None:
    """One NXdata for each grid, in the order in which the grids are met."""
    stacks: list[tuple[FloatArray, Any]] = []
    lost: list[str] = []
    instrument = _group(entry, "instrument", "NXinstrument")
    for item, scan in _read(series, lost):
        data = next((group for angles, group in stacks if _same(angles, scan.two_theta)), None)
        if data is None:
            data = _stack(entry, "data" if not stacks else f"data_{len(stacks) + 1}", scan)
            stacks.append((scan.two_theta, data))
            if len(stacks) == 1:
                _beam(entry, instrument, scan)
        row = len(data["I"])
        for name in ("I", "I_errors", "time", "duration", "index"):
            data[name].resize(row + 1, axis=0)
        tracked = track.scans[item.index] if item.index < len(track.scans) else None
        start = tracked.start if tracked is not None else float(item.index)
        end = tracked.end if tracked is not None and tracked.end is not None else np.nan
        data["I"][row], data["I_errors"][row] = scan.intensity, scan.sigma
        data["time"][row], data["duration"][row], data["index"][row] = start, end - start, item.index
    if lost:
        entry["scans_left_out"] = "\n".join(lost)


def _read(series: Series, lost: list[str]) -> Iterator[tuple[SeriesEntry, Scan]]:
    for item in series.entries:
        try:
            yield item, item.load()
        except DataError:
            lost.append(item.name)


def _same(one: FloatArray, two: FloatArray) -> bool:
    return len(one) == len(two) and bool(np.all(np.abs(one - two) < _SAME_ANGLE))


def _stack(entry: Any, name: str, scan: Scan) -> Any:
    """An empty stack on the scan's grid, one row a chunk: a pattern is read without its neighbours."""
    n = len(scan.two_theta)
    data = _group(entry, name, "NXdata", signal="I", axes=["time", "radial_axis"])
    data["radial_axis"] = scan.two_theta
    data["radial_axis"].attrs.update({"units": "degree", "long_name": "2theta"})
    for array, units in (("I", "counts"), ("I_errors", "counts")):
        data.create_dataset(array, (0, n), "f8", maxshape=(None, n), chunks=(1, n), compression="gzip", shuffle=True).attrs["units"] = units
    for array, kind, units in (("time", "f8", "s"), ("duration", "f8", "s"), ("index", "i8", "")):
        data.create_dataset(array, (0,), kind, maxshape=(None,), chunks=(1024,)).attrs["units"] = units
    data.attrs["sigma_source"] = scan.sigma_source
    return data


def _beam(entry: Any, instrument: Any, scan: Scan) -> None:
    """Beam, goniometer and specimen as the first pattern has them."""
    instrument["name"] = scan.details.get("instrument", "unknown")
    if scan.radiation is not None:
        _radiation(instrument, scan.radiation)
    if scan.radius_mm is not None:
        detector = _group(instrument, "detector", "NXdetector")
        detector["distance"] = scan.radius_mm
        detector["distance"].attrs["units"] = "mm"
    sample = _group(entry, "sample", "NXsample")
    sample["name"] = scan.sample or "unknown"
    if scan.temperature_K is not None:
        sample["temperature"] = scan.temperature_K
        sample["temperature"].attrs["units"] = "K"
    if scan.geometry is not None:
        entry["geometry"] = scan.geometry


def _radiation(instrument: Any, radiation: Radiation) -> None:
    source = _group(instrument, "source", "NXsource")
    source["type"] = "Fixed Tube X-ray" if radiation.anode is not None else "Synchrotron X-ray Source"
    source["probe"] = "x-ray"
    if radiation.anode is not None:
        source["target_material"] = radiation.anode
        names = ("k_alpha_one", "k_alpha_two")
        for name, line in zip(names, radiation.lines, strict=False):
            source[name] = line.wavelength
            source[name].attrs["units"] = "angstrom"
        if len(radiation.lines) > 1:
            source["ratio_k_alphatwo_k_alphaone"] = radiation.lines[1].weight
    beam = _group(instrument, "monochromator", "NXmonochromator")
    beam["wavelength"] = radiation.wavelength
    beam["wavelength"].attrs["units"] = "angstrom"


def _cell(entry: Any, cycling: Cycling) -> None:
    """The cycler's record, a log for each quantity; times count from its own first one."""
    cell = _group(entry, "electrochemistry", "NXcollection")
    logs: Mapping[str, tuple[FloatArray | None, str]] = {
        "current": (cycling.current, "mA"),
        "potential": (cycling.potential, "V"),
        "charge": (cycling.charge, "mA*h"),
    }
    for name, (values, units) in logs.items():
        if values is None:
            continue
        log = _group(cell, name, "NXlog")
        log["time"], log["value"] = cycling.time, values
        log["time"].attrs.update({"units": "s", "start": cycling.start.isoformat()})
        log["value"].attrs["units"] = units


def _results(entry: Any, track: Track) -> None:
    """Each trajectory as NXdata over the scans; NaN where a scan says nothing."""
    results = _group(entry, "results", "NXcollection")
    scans = np.array([scan.index for scan in track.scans], dtype=np.int64)
    for number, trajectory in enumerate(track.trajectories):
        data = _group(results, f"trajectory_{number:04d}", "NXdata", signal="value", axes=["scan"])
        data["title"] = f"{trajectory.quantity} {line_name(trajectory.phase, trajectory.hkl)}".strip()
        data["scan"] = scans
        for name, values in (("value", trajectory.value), ("value_errors", trajectory.esd)):
            data[name] = np.array([np.nan if value is None else value for value in values], dtype=np.float64)
            data[name].attrs["units"] = trajectory.unit
    results["events"] = "\n".join(event.sentence for event in track.events)


def _group(parent: Any, name: str, kind: str, **attributes: Any) -> Any:
    group = parent.create_group(name)
    group.attrs["NX_class"] = kind
    for key, value in attributes.items():
        group.attrs[key] = value
    return group
