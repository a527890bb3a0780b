"""One zip archive with an answer in all its forms and what it was made from; the same input gives the same bytes.

manifest.json says: the inputs with their SHA-256, the settings, the phases, the versions. Pages and figures are not in it: what draws them
puts names of its own making into the files.
"""

import hashlib
import io
import json
import platform
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from xrdkna.report.output import write_bytes

# Libraries whose numbers enter an answer.
_LIBRARIES = ("xrdkna", "numpy", "scipy", "numba", "lmfit", "pymatgen", "xrayutilities", "gemmi", "h5py")
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the first moment that zip can write
_BLOCK = 2**20


def write_bundle(
    target: str | Path, members: Mapping[str, bytes], *, inputs: Sequence[Path], settings: object, phases: Sequence[str] = ()
) -> None:
    """The archive. members: name → content; inputs: files, or folders with all their files, known by their names alone.

    Raises UsageError when it cannot be written.
    """
    manifest = {
        "schema": "xrdkna.bundle/1",
        "inputs": [_fingerprint(root, path) for root in inputs for path in _files(root)],
        "members": [{"name": name, "sha256": hashlib.sha256(content).hexdigest()} for name, content in sorted(members.items())],
        "phases": list(phases),
        "settings": _plain(settings),
        "versions": {"python": platform.python_version(), **{name: _version(name) for name in _LIBRARIES}},
    }
    text = json.dumps(manifest, indent=2, ensure_ascii=False, sort_keys=True) + "\n"
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in sorted({**members, "manifest.json": text.encode()}.items()):
            info = zipfile.ZipInfo(name, _EPOCH)
            info.compress_type, info.external_attr, info.create_system = zipfile.ZIP_DEFLATED, 0o644 << 16, 3
            archive.writestr(info, content)
    write_bytes(target, stream.getvalue())


def _files(root: Path) -> list[Path]:
    if root.is_file():
        return [root]
    return sorted(path for path in root.rglob("*") if path.is_file() and not path.name.startswith("."))


def _fingerprint(root: Path, path: Path) -> dict[str, object]:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    name = path.name if path == root else f"{root.resolve().name}/{path.relative_to(root).as_posix()}"
    return {"name": name, "bytes": path.stat().st_size, "sha256": digest.hexdigest()}


def _plain(value: Any) -> Any:
    """Settings as JSON: records by their fields, everything else by its text."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in sorted(value.items(), key=lambda pair: str(pair[0]))}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if isinstance(value, (set, frozenset)):
        return sorted(str(each) for each in value)
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
