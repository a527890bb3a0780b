"""Token buckets: so much at once, so much in the long run."""

import threading
import time
from collections import OrderedDict

# As many clients as are remembered; the one not seen for longest is forgotten first, which favours it.
_MOST_CLIENTS = 10_000


class RateLimit:
    """`burst` requests at once and `rate` a second in the long run, for each client."""

    def __init__(self, *, rate: float, burst: float) -> None:
        self._rate, self._burst = rate, burst
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def allows(self, client: str, *, cost: float = 1.0) -> bool:
        """Take `cost` from the client's bucket; False where it holds less."""
        moment = time.monotonic()
        with self._lock:
            left, seen = self._left.pop(client, (self._burst, moment))
            left = min(self._burst, left + (moment - seen) * self._rate)
            allowed = left >= cost
            self._left[client] = (left - cost if allowed else left, moment)
            if len(self._left) > _MOST_CLIENTS:
                self._left.popitem(last=False)
        return allowed
