"""A TOML table read strictly: every key is asked for once, and one that nobody asked for is a mistake."""

import math
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import numpy as np

from xrdkna.errors import RecipeError
from xrdkna.simulate.schedule import SCHEDULE_AXES, Schedule, constant_schedule, schedule_per_scan

_MISSING = object()


class Table:
    """One table of a recipe. Every method raises RecipeError with a sentence that names the file, the key and the remedy."""

    def __init__(self, path: Path, place: str, content: Mapping[str, object], *, scans: int = 1) -> None:
        self.path, self.place, self.content, self.scans = path, place, content, scans
        self.asked: set[str] = set()

    def has(self, key: str) -> bool:
        """Is the key there? It counts as known from now on."""
        self.asked.add(key)
        return key in self.content

    def text(self, key: str, default: str | None = None) -> str:
        """A string that is not empty."""
        value = self._take(key, default)
        if not isinstance(value, str) or not value.strip():
            raise self.error(key, f"is {value!r}", "write a text in quotation marks")
        return value

    def number(self, key: str, default: float | None = None, *, low: float = -math.inf, high: float = math.inf) -> float:
        """A finite number between low and high, both allowed."""
        return self._checked_number(key, self._take(key, default), low=low, high=high)

    def optional_number(self, key: str, *, low: float = -math.inf, high: float = math.inf) -> float | None:
        """The number, or None where the key is absent."""
        return self.number(key, low=low, high=high) if self.has(key) else None

    def integer(self, key: str, default: int | None = None, *, low: int, high: int) -> int:
        """A whole number between low and high."""
        value = self._take(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise self.error(key, f"is {value!r}", f"give a whole number from {low} to {high}")
        return value

    def numbers(self, key: str, *, length: int | None = None) -> tuple[float, ...]:
        """A list of finite numbers, `length` of them if that is given."""
        value = self._take(key, None)
        if not isinstance(value, list) or not value or (length is not None and len(value) != length):
            raise self.error(key, f"is {value!r}", f"give a list of {length or 'one or more'} numbers")
        return tuple(self._checked_number(key, item) for item in value)

    def hkl(self, key: str) -> tuple[int, int, int]:
        """Miller indices [h, k, l], not all zero."""
        value = self._take(key, None)
        whole = isinstance(value, list) and all(isinstance(x, int) and not isinstance(x, bool) for x in value)
        if not isinstance(value, list) or not whole or len(value) != 3 or not any(value):
            raise self.error(key, f"is {value!r}", "give three whole numbers [h, k, l], not all zero")
        return (value[0], value[1], value[2])

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of strings."""
        value = self._take(key, None)
        if not isinstance(value, list) or not value or not all(isinstance(item, str) and item for item in value):
            raise self.error(key, f"is {value!r}", "give a list of texts")
        return tuple(value)

    def schedule(self, key: str, default: float | None = None, *, low: float = -math.inf, high: float = math.inf) -> Schedule:
        """A number, { scan = [..], value = [..] }, { seconds = [..], value = [..] } or { per_scan = [one number a scan] }."""
        value = self._take(key, default)
        if not isinstance(value, Mapping):
            return constant_schedule(self._checked_number(key, value, low=low, high=high))
        inner = Table(self.path, f"{self.place}.{key}" if self.place else key, value)
        schedule = self._per_scan(inner) if inner.has("per_scan") else _points(inner)
        inner.finish()
        for number in schedule.value:
            self._checked_number(key, float(number), low=low, high=high)
        return schedule

    def table(self, key: str) -> "Table":
        """The table of this name; empty where it is absent."""
        value = self._take(key, {})
        if not isinstance(value, Mapping):
            raise self.error(key, f"is {value!r}", f"write it as a table [{key}]")
        return Table(self.path, f"{self.place}.{key}" if self.place else key, value, scans=self.scans)

    def tables(self, key: str) -> tuple["Table", ...]:
        """The tables [[key]], in order; none where it is absent."""
        value = self._take(key, [])
        if not isinstance(value, list) or not all(isinstance(item, Mapping) for item in value):
            raise self.error(key, f"is {value!r}", f"write each one as a table [[{key}]]")
        place = f"{self.place}.{key}" if self.place else key
        return tuple(Table(self.path, f"{place}[{i + 1}]", item, scans=self.scans) for i, item in enumerate(value))

    def finish(self) -> None:
        """Raise RecipeError for a key that nobody asked for."""
        for key in self.content:
            if key not in self.asked:
                raise self.error(key, "is not known", f"remove it, or use one of {', '.join(sorted(self.asked))}")

    def error(self, key: str, wrong: str, remedy: str) -> RecipeError:
        """The sentence."""
        where = f"{self.place}.{key}" if self.place else key
        return RecipeError(f"{self.path.name}: {where} {wrong}; {remedy}.")

    def _per_scan(self, inner: "Table") -> Schedule:
        values = inner.numbers("per_scan")
        if len(values) != self.scans:
            raise inner.error("per_scan", f"holds {len(values)} numbers for {self.scans} scans", "give one number for each scan")
        return schedule_per_scan(np.array(values))

    def _take(self, key: str, default: object) -> object:
        self.asked.add(key)
        value = self.content.get(key, _MISSING)
        if value is not _MISSING:
            return value
        if default is None:
            raise self.error(key, "is missing", "add it")
        return default

    def _checked_number(self, key: str, value: object, *, low: float = -math.inf, high: float = math.inf) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise self.error(key, f"is {value!r}", "give a finite number")
        if not low <= value <= high:
            allowed = f"between {low:g} and {high:g}" if math.isfinite(low) and math.isfinite(high) else f"of {low:g} or more"
            raise self.error(key, f"is {value:g}", f"give a number {allowed}")
        return float(value)


def _points(inner: Table) -> Schedule:
    axes = [axis for axis in SCHEDULE_AXES if inner.has(axis)]
    if len(axes) != 1:
        raise inner.error(
            "scan", f"has {'both axes' if axes else 'no axis'}", "give one of scan and seconds, with value, or per_scan alone"
        )
    at = inner.numbers(axes[0])
    value = inner.numbers("value", length=len(at))
    if any(later < earlier for earlier, later in pairwise(at)):
        raise inner.error(axes[0], "goes back", "list its points in rising order (two equal ones make a step)")
    return Schedule(axis=axes[0], at=np.array(at), value=np.array(value))
