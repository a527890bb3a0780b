"""Numbers and words at given places of a binary file, with one error for a place that is not there."""

import struct

import numpy as np

from xrdkna.records.arrays import FloatArray


class EndOfFileError(ValueError):
    """The bytes end before what the header foretells; the message is half a sentence."""


def unpack(layout: str, data: bytes, place: int) -> tuple[float | int, ...]:
    """Little-endian numbers at a place, by struct's letters. Raises EndOfFileError where the file does not reach so far."""
    try:
        return struct.unpack_from("<" + layout, data, place)
    except struct.error as problem:
        raise EndOfFileError(f"the file ends at byte {len(data)}, inside a header that should stand at byte {place}") from problem


def integer(data: bytes, place: int) -> int:
    """The unsigned 32-bit number at a place."""
    return int(unpack("I", data, place)[0])


def short(data: bytes, place: int) -> int:
    """The unsigned 16-bit number at a place."""
    return int(unpack("H", data, place)[0])


def single(data: bytes, place: int) -> float:
    """The 32-bit float at a place, rounded to the seven digits it holds: 0.02 and not 0.0199999996."""
    return float(f"{unpack('f', data, place)[0]:.7g}")


def double(data: bytes, place: int) -> float:
    """The 64-bit float at a place."""
    return float(unpack("d", data, place)[0])


def words(data: bytes, place: int, length: int) -> str:
    """The text in a field of fixed length, up to its first zero byte."""
    field = data[place : place + length].split(b"\x00")[0]
    try:
        text = field.decode("utf-8")
    except UnicodeDecodeError:
        text = field.decode("cp1252", errors="replace")
    return "".join(letter if letter.isprintable() or letter == "\n" else " " for letter in text).strip()


def array_at(data: bytes, place: int, number: int, kind: str, *, stride: int | None = None) -> tuple[FloatArray, bool]:
    """(k,) numbers from a place on, k ≤ number, and whether all are there. `kind` is numpy's; stride: bytes from one to the next."""
    size = np.dtype(kind).itemsize
    step = stride or size
    room = max(len(data) - place, 0)
    there = min(number, (room - size) // step + 1 if room >= size else 0)
    if there <= 0:
        return np.zeros(0), number == 0
    window = np.frombuffer(data, dtype=np.uint8, count=(there - 1) * step + size, offset=place)
    column = (
        np.lib.stride_tricks.as_strided(window, shape=(there, size), strides=(step, 1)) if step != size else window.reshape(there, size)
    )
    with np.errstate(invalid="ignore"):  # a signalling NaN is a damaged number like any other, and left out later
        return np.ascontiguousarray(column).view(kind).ravel().astype(np.float64), there == number
