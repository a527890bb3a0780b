"""The door to threadpoolctl: one thread for small matrices.

A fit solves many systems of some ten to a hundred unknowns. BLAS threads cost more to wake than such a system takes, and on
a busy machine the fit then runs ten times slower; one thread a fit leaves the other cores to other scans.
"""

from contextlib import AbstractContextManager
from functools import cache
from typing import Any


def one_thread() -> AbstractContextManager[Any]:
    """Within this context BLAS runs in one thread."""
    limiter: AbstractContextManager[Any] = _controller().limit(limits=1, user_api="blas")
    return limiter


@cache
def _controller() -> Any:
    # Looking for the libraries takes milliseconds, so it is done once, after scipy has loaded its own.
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
