"""Which files of a folder have come to rest. The door to watchfiles.

A file that is being written is not read: it counts from when its size and time have stayed the same for a moment. One that changes again
later counts again.
"""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

# Unchanged for so long (seconds), a file is taken as written; part of the second that a scan may take to the page.
SETTLE_S = 0.4
# Where the system tells of changes, the folder is looked through this often all the same: some file systems do not tell of all.
_LOOK_S = 5.0
_STEP_MS = 100

Stamp = tuple[int, int]


class Folder:
    """The files at rest in a folder and its immediate sub-folders, with the stamp (size, time) of each."""

    def __init__(self, folder: Path, *, settle_s: float = SETTLE_S) -> None:
        self._folder, self._settle_s = folder, settle_s
        self._seen: dict[Path, tuple[Stamp, float]] = {}

    def look(self) -> dict[Path, Stamp]:
        """The files at rest now; one that is gone is no longer there."""
        moment, found = time.monotonic(), {}
        for path in _files_in(self._folder):
            stamp = _stamp(path)
            if stamp is None or not stamp[0]:
                continue
            known = self._seen.get(path)
            # A file that was written well before anybody looked need not be waited for.
            old = known is None and time.time() - stamp[1] / 1e9 > 10 * self._settle_s
            found[path] = known if known is not None and known[0] == stamp else (stamp, moment - self._settle_s if old else moment)
        self._seen = found
        return {path: stamp for path, (stamp, since) in found.items() if moment - since >= self._settle_s}

    @property
    def unfinished(self) -> frozenset[Path]:
        """The files that had not been at rest for long enough when last looked at."""
        moment = time.monotonic()
        return frozenset(path for path, (_, since) in self._seen.items() if moment - since < self._settle_s)


def wait_for_changes(folder: Path, stopping: threading.Event, *, poll_s: float = 0.0) -> Iterator[None]:
    """Yields whenever the folder may hold something new: told by the system, or, with poll_s > 0, looked for so often.

    Network shares tell nothing of what others write there: they are polled.
    """
    from watchfiles import watch

    if poll_s > 0:
        while not stopping.wait(poll_s):
            yield
        return
    for _ in watch(
        folder, stop_event=stopping, step=_STEP_MS, debounce=2 * _STEP_MS, rust_timeout=int(_LOOK_S * 1000), yield_on_timeout=True,
        raise_interrupt=False, recursive=True,
    ):  # fmt: skip
        yield


def _files_in(folder: Path) -> Iterator[Path]:
    try:
        below = [folder, *(child for child in folder.iterdir() if child.is_dir() and not child.name.startswith("."))]
    except OSError:
        return  # a share that is away for a moment
    for place in below:
        try:
            yield from sorted(path for path in place.iterdir() if path.is_file() and not path.name.startswith((".", "~")))
        except OSError:
            continue


def _stamp(path: Path) -> Stamp | None:
    try:
        said = path.stat()
    except OSError:
        return None
    return said.st_size, said.st_mtime_ns
