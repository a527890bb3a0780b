"""Is an HDF5 file safe to open here? A second process tries first: in a damaged file the HDF5 library can run in circles or crash.

The process (probe.py) is started once and asked file by file; it gives itself a few seconds of processor time for each.
"""

import atexit
import os
import subprocess
import sys
import threading
from pathlib import Path

# Seconds of waiting, on a busy machine or where the system knows no limit of processor time.
_WAIT_S = 60.0

_lock = threading.Lock()
_workers: dict[int, subprocess.Popen[str]] = {}


def withstands(path: Path) -> bool:
    """True when another process could open the file and look through it, whatever it found there."""
    with _lock:
        worker = _worker()
        watch = threading.Timer(_WAIT_S, worker.kill)
        watch.start()
        try:
            assert worker.stdin is not None
            assert worker.stdout is not None
            worker.stdin.write(f"{path.resolve()}\n")
            worker.stdin.flush()
            answered = worker.stdout.readline() == "done\n"
        except (OSError, ValueError):
            answered = False
        finally:
            watch.cancel()
        if not answered:
            _end()
        return answered


def _worker() -> subprocess.Popen[str]:
    """This process's own: one that was forked off must not speak through its parent's pipes."""
    worker = _workers.get(os.getpid())
    if worker is None or worker.poll() is not None:
        command = [sys.executable, "-m", "xrdkna.read.exchange.probe"]
        pipe = subprocess.PIPE
        worker = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True, encoding="utf-8", bufsize=1)
        _workers[os.getpid()] = worker
    return worker


@atexit.register
def _end() -> None:
    worker = _workers.pop(os.getpid(), None)
    if worker is None:
        return
    worker.kill()
    worker.wait()
    for stream in (worker.stdin, worker.stdout):
        if stream is not None:
            try:
                stream.close()
            except OSError:  # what was still to be written to a process that is gone
                continue
