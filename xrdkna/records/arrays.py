"""How records keep arrays: read-only float64 copies, checked once."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from xrdkna.errors import RecordError

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


def frozen_floats(values: npt.ArrayLike, *, name: str, shape: tuple[int | None, ...] = (None,)) -> FloatArray:
    """A read-only, finite float64 copy of `values`; `shape` fixes lengths, None leaves one open.

    Raises RecordError when the shape differs or a number is not finite.
    """
    array = np.array(values, dtype=np.float64, copy=True, order="C")
    _check_shape(array.shape, name=name, shape=shape)
    bad = ~np.isfinite(array)
    if bad.any():
        raise RecordError(f"{name} holds {int(bad.sum())} values that are not finite; leave those points out.")
    array.setflags(write=False)
    return array


def frozen_ints(values: npt.ArrayLike, *, name: str, shape: tuple[int | None, ...] = (None,)) -> IntArray:
    """A read-only int64 copy of `values`. Raises RecordError when the shape differs."""
    array = np.array(values, dtype=np.int64, copy=True, order="C")
    _check_shape(array.shape, name=name, shape=shape)
    array.setflags(write=False)
    return array


def frozen_bools(values: npt.ArrayLike, *, name: str, shape: tuple[int | None, ...] = (None,)) -> BoolArray:
    """A read-only bool copy of `values`. Raises RecordError when the shape differs."""
    array = np.array(values, dtype=np.bool_, copy=True, order="C")
    _check_shape(array.shape, name=name, shape=shape)
    array.setflags(write=False)
    return array


def set_frozen(record: object, **values: object) -> None:
    """Give a frozen dataclass its checked values, inside its own `__post_init__`."""
    for name, value in values.items():
        object.__setattr__(record, name, value)


def require_rising(values: FloatArray, *, name: str) -> None:
    """Raise RecordError unless `values` rises strictly."""
    if values.size > 1 and not np.all(np.diff(values) > 0):
        raise RecordError(f"{name} must rise strictly from each point to the next.")


def require_one_of(value: str, allowed: Iterable[str], *, name: str) -> None:
    """Raise RecordError unless `value` is one of `allowed`."""
    if value not in (choices := tuple(allowed)):
        raise RecordError(f"{name} is {value!r}; it must be one of {', '.join(choices)}.")


def _check_shape(actual: tuple[int, ...], *, name: str, shape: tuple[int | None, ...]) -> None:
    fits = len(actual) == len(shape) and all(n is None or n == m for n, m in zip(shape, actual, strict=True))
    if not fits:
        wanted = "×".join("n" if n is None else str(n) for n in shape)
        raise RecordError(f"{name} has shape {actual}; it must be {wanted}.")
