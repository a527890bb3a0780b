"""Logs of the service: one JSON object a line on standard error, about what was done, never with data, names of files, or tokens."""

import json
import sys
import time


def log(event: str, **facts: str | float | int | None) -> None:
    """Write one line."""
    moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime()) + "Z"
    sys.stderr.write(json.dumps({"time": moment, "event": event, **facts}) + "\n")
    sys.stderr.flush()
