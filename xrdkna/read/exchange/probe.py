"""The process that tries HDF5 files for another one (second_process.py): paths come in by standard input, each is answered by a line.

In a damaged file the HDF5 library can run in circles or crash; here that ends nothing but this process.
"""

import sys
from pathlib import Path

from xrdkna.read.exchange.nexus import look_through

# Seconds of processor time for one file; a good one takes milliseconds.
_PROCESSOR_S = 2
# The largest row and the largest compressed piece that are read, several times over: a damaged length makes the library ask for more.
_MOST_BYTES = 512 * 2**20


def _answer() -> None:
    for line in sys.stdin:
        _allow(_PROCESSOR_S)
        before = _peak()
        look_through(Path(line.rstrip("\n")))
        sys.stdout.write("done\n" if _peak() - before < _MOST_BYTES else "large\n")
        sys.stdout.flush()


def _peak() -> int:
    """Bytes that this process has held at most; 0 where the system does not say."""
    try:
        import resource
    except ImportError:
        return 0
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else 1024 * most


def _allow(seconds: int) -> None:
    """The system ends this process when it takes more; Windows has no such limit, there the waiting ends it."""
    try:
        import resource
    except ImportError:
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + 1 + seconds, hard))


if __name__ == "__main__":
    _answer()
