"""The one wait that is not the analysis': numba compiles each kernel once for a machine and keeps it on disk."""

from collections.abc import Callable

from numba.core import event


def when_compiling(tell: Callable[[], None]) -> None:
    """Call `tell` once, when the first kernel of this process has to be compiled; never when all are on disk already."""
    register: Callable[[str, object], None] = event.register
    register("numba:compile", _Once(tell))


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
