"""The door to numba: decorators for the loops that are hot, and the one wait that is not the analysis'.

A kernel is compiled once for a machine and kept on disk, in a folder of its own for each state of the sources: numba itself looks only
at the file a kernel is written in, not at what it calls, and would go on with yesterday's.
"""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

from numba import config, njit
from numba.core import event

Function = TypeVar("Function", bound=Callable[..., object])


def compiled(function: Function) -> Function:
    """Compile at first use, sums in whatever order is fastest."""
    return _kept(function, fastmath=True)


def compiled_inline(function: Function) -> Function:
    """As `compiled`, written out where it is called: for a formula inside a loop that is to be vectorised."""
    return _kept(function, fastmath=True, inline="always")


def compiled_strictly(function: Function) -> Function:
    """Compile at first use, arithmetic in the order it is written: where infinities, ties or rounding decide."""
    return _kept(function)


def when_compiling(tell: Callable[[], None]) -> None:
    """Call `tell` once, when the first kernel of this process has to be compiled; never when all are on disk already."""
    register: Callable[[str, object], None] = event.register
    register("numba:compile", _Once(tell))


def _kept(function: Function, **options: Any) -> Function:
    """njit with its results kept in this package's own folder; where a user has set NUMBA_CACHE_DIR, there."""
    numba_config: Any = config
    chosen = numba_config.CACHE_DIR
    try:
        numba_config.CACHE_DIR = chosen or str(_FOLDER)
        return cast(Function, njit(cache=True, boundscheck=False, **options)(function))
    finally:
        numba_config.CACHE_DIR = chosen


def _state_of_sources() -> str:
    """A name that changes with every edit of a file that holds kernels."""
    package = Path(__file__).resolve().parents[1]
    texts = (path.read_bytes() for path in sorted(package.rglob("*.py")))
    return hashlib.sha256(b"".join(text for text in texts if b"@compiled" in text)).hexdigest()[:16]


class _Once(event.Listener):
    def __init__(self, tell: Callable[[], None]) -> None:
        self._tell: Callable[[], None] | None = tell

    def on_start(self, _: event.Event) -> None:
        """A kernel is about to be compiled."""
        if self._tell is not None:
            tell, self._tell = self._tell, None
            tell()

    def on_end(self, _: event.Event) -> None:
        """A kernel is compiled."""


_CACHE_HOME = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
_FOLDER = _CACHE_HOME / "xrdkna" / f"kernels-{_state_of_sources()}"
