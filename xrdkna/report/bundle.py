"""An answer with everything it rests on, as one zip file: the same input gives the same bytes.

manifest.json  schema xrdkna.bundle/1: the command, the inputs by name, size and SHA-256, the settings, the versions of what computed,
               and the SHA-256 of every other member
phases.json    the reference phases that took part, with cells, atoms and sources
answer.json, table.csv, and where there is one series.nxs and fit.cif: the answer in its forms
"""

import dataclasses
import hashlib
import io
import json
import math
import platform
import zipfile
from collections.abc import Iterable, Mapping
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from xrdkna.errors import UsageError
from xrdkna.records.phases import Phase
from xrdkna.report.output import write_bytes

BUNDLE_SCHEMA = "xrdkna.bundle/1"
# What numbers come from; drawing and reading leave them as they are.
_COMPUTING = ("xrdkna", "numpy", "scipy", "numba", "lmfit", "gemmi", "pymatgen", "spglib", "h5py")
# The oldest moment a zip file can tell: a clock would make every bundle another.
_MOMENT = (1980, 1, 1, 0, 0, 0)
_BLOCK = 2**20


def write_bundle(
    target: Path, *, command: str, inputs: Iterable[Path], settings: object, phases: Iterable[Phase], members: Mapping[str, bytes]
) -> None:
    """Write the bundle. inputs: the files that were read. members: the answer's forms by their names in the bundle.

    Raises UsageError when an input cannot be read again, or the bundle cannot be written.
    """
    files = {**members, "phases.json": _json([plain(phase) for phase in phases])}
    manifest = {
        "schema": BUNDLE_SCHEMA,
        "command": command,
        "inputs": [_input(path) for path in sorted(set(inputs), key=lambda path: path.name)],
        "settings": plain(settings),
        "versions": {"python": platform.python_version(), **_versions()},
        "members": {name: hashlib.sha256(files[name]).hexdigest() for name in sorted(files)},
    }
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in (("manifest.json", _json(manifest)), *sorted(files.items())):
            entry = zipfile.ZipInfo(name, _MOMENT)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data)
    write_bytes(target, content.getvalue())


def plain(value: object) -> Any:
    """Records and settings as JSON has them: dataclasses as objects, arrays as lists, what is not finite as null, files by their names."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {item.name: plain(getattr(value, item.name)) for item in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(value[key]) for key in sorted(value, key=str)}
    if isinstance(value, set | frozenset):
        return sorted((plain(part) for part in value), key=str)
    if isinstance(value, tuple | list | np.ndarray):
        return [plain(part) for part in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Path):
        return value.name
    return value if value is None or isinstance(value, str | int) else str(value)


def _input(path: Path) -> dict[str, object]:
    digest, size = hashlib.sha256(), 0
    try:
        with path.open("rb") as stream:
            while block := stream.read(_BLOCK):
                digest.update(block)
                size += len(block)
    except OSError as problem:
        raise UsageError(
            f"--bundle: {path} cannot be read again ({problem.strerror or problem}); leave the inputs where they are."
        ) from problem
    return {"name": path.name, "bytes": size, "sha256": digest.hexdigest()}


def _versions() -> dict[str, str]:
    found = {}
    for name in _COMPUTING:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _json(value: object) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode("utf-8")
