"""Fuzz of all readers: python tests/read/fuzz.py --files 20000 --seed 1. Mutated files may give scans or our own errors, nothing else.

Each slice runs in a process of its own, so that a crash is a finding and not the end; a file may take five seconds of processor time and
the process one gibibyte. Measured files beside the project are mutated as well as the made ones.
"""

import argparse
import importlib.util
import io
import json
import resource
import subprocess
import sys
import tempfile
import time
import warnings
import zipfile
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve()
REAL = HERE.parents[3] / "shared" / "real" / "formats"
LONGEST_S, MOST_BYTES = 5.0, 2**30
SLICE = 250
# Measured files longer than this are left to the made ones of their format.
LARGEST_SEED = 120_000
ABSURD = [
    b"-1",
    b"0",
    b"nan",
    b"1e999",
    b"99999999999999999999",
    b"1e-320",
    b"",
    b"<",
    b"&a;",
    b"\x00",
    b"\xff\xff\xff\xff",
    b"..",
    b"(",
    b"'",
]


def seeds() -> list[tuple[str, bytes]]:
    """The made files and the measured ones, by name."""
    spec = importlib.util.spec_from_file_location("made_files", HERE.with_name("made_files.py"))
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    measured = sorted(REAL.iterdir()) if REAL.is_dir() else []
    return [*made.every_file().items(), *((path.name, path.read_bytes()) for path in measured if path.stat().st_size < LARGEST_SEED)]


def mutated(data: bytes, rng: np.random.Generator) -> bytes:
    """One to eight changes; of a zip archive half the time inside a member, packed again so that its checksum is right."""
    if data.startswith(b"PK") and rng.random() < 0.6:
        return _mutated_member(data, rng)
    broken = bytearray(data)
    for _ in range(int(rng.integers(1, 9))):
        if not broken:
            break
        _change(broken, rng)
    return bytes(broken)


def _mutated_member(data: bytes, rng: np.random.Generator) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as new:
        names = old.namelist()
        victim = names[int(rng.integers(len(names)))]
        for name in names:
            content = old.read(name)
            new.writestr(name, mutated(content, rng) if name == victim else content)
    return stream.getvalue()


def _change(data: bytearray, rng: np.random.Generator) -> None:
    place = int(rng.integers(len(data)))
    kind = int(rng.integers(8))
    if kind == 0:
        data[place] ^= 1 << int(rng.integers(8))
    elif kind == 1:
        del data[place:]
    elif kind == 2:
        del data[place : place + int(rng.integers(1, 64))]
    elif kind == 3:
        data[place:place] = data[place : place + int(rng.integers(1, 512))] * int(rng.integers(1, 4))
    elif kind == 4:
        data[place : place + 4] = int(rng.integers(0, 2**32)).to_bytes(4, "little")
    elif kind == 5:
        word = ABSURD[int(rng.integers(len(ABSURD)))]
        data[place : place + int(rng.integers(0, 6))] = word
    elif kind == 6:
        data[place : place + 8] = rng.bytes(8)
    else:
        other = int(rng.integers(len(data)))
        data[place : place + 16] = data[other : other + 16]


def run_slice(seed: int, first: int, number: int, mark: Path) -> dict[str, object]:
    """Mutate and read files first … first + number − 1; what was not as it must be is listed by number."""
    from xrdkna.errors import DataError
    from xrdkna.read.formats import read_scans

    warnings.simplefilter("error")
    parents = seeds()
    bad: list[str] = []
    read, longest, slowest = 0, 0.0, ""
    with tempfile.TemporaryDirectory() as folder:
        for i in range(first, first + number):
            rng = np.random.default_rng([seed, i])
            name, data = parents[i % len(parents)]
            path = Path(folder) / f"{i}-{name}"
            path.write_bytes(mutated(data, rng))
            mark.write_text(f"{i} {name}")
            begun = time.process_time()
            try:
                read_scans(path)
                read += 1
            except DataError as problem:
                if "\n" in str(problem) or len(str(problem)) > 2000:
                    bad.append(f"{i} {name}: the message is no sentence")
            except BaseException as problem:  # noqa: BLE001 – whatever else comes is what the run looks for
                bad.append(f"{i} {name}: {type(problem).__name__}: {str(problem)[:200]}")
            taken = time.process_time() - begun
            if taken > longest:
                longest, slowest = taken, f"{i} {name}"
            if taken > LONGEST_S:
                bad.append(f"{i} {name}: {taken:.1f} s")
            path.unlink()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    if peak > MOST_BYTES:
        bad.append(f"files {first} to {first + number - 1}: {peak / 2**20:.0f} MiB")
    return {"files": number, "read": read, "longest_s": longest, "slowest": slowest, "peak_bytes": peak, "bad": bad}


def main() -> int:
    """Run all slices, say what was found, and end with 1 where anything was."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--slice", type=int, default=None, help=argparse.SUPPRESS)
    parser.add_argument("--mark", type=Path, default=None, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.slice is not None:
        sys.stdout.write(json.dumps(run_slice(chosen.seed, chosen.first, chosen.slice, chosen.mark)))
        return 0
    total: dict[str, float] = {"files": 0, "read": 0, "longest_s": 0.0, "peak_bytes": 0.0}
    bad: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        for first in range(chosen.first, chosen.first + chosen.files, SLICE):
            number = min(SLICE, chosen.first + chosen.files - first)
            result = _in_process(chosen.seed, first, number, Path(folder) / "mark")
            bad += result["bad"]
            for key in total:
                total[key] = total[key] + result[key] if key in ("files", "read") else max(total[key], result[key])
            for line in result["bad"]:
                sys.stdout.write(line + "\n")
                sys.stdout.flush()
    sys.stdout.write(
        f"{total['files']:.0f} files of seed {chosen.seed}: {total['read']:.0f} still read, {len(bad)} findings; "
        f"longest {total['longest_s']:.2f} s of processor time, most memory {total['peak_bytes'] / 2**20:.0f} MiB\n"
    )
    return 1 if bad else 0


def _in_process(seed: int, first: int, number: int, mark: Path) -> dict:
    command = [sys.executable, str(HERE), "--seed", str(seed), "--first", str(first), "--slice", str(number), "--mark", str(mark)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=120 + 20 * number, check=False)
    except subprocess.TimeoutExpired:
        return {"files": number, "read": 0, "longest_s": 0.0, "peak_bytes": 0.0, "bad": [f"hang at file {mark.read_text()}"]}
    if done.returncode != 0:
        where = mark.read_text() if mark.exists() else "the beginning"
        last = done.stderr.strip().split("\n")[-1][:200]
        return {
            "files": number,
            "read": 0,
            "longest_s": 0.0,
            "peak_bytes": 0.0,
            "bad": [f"crash ({done.returncode}) at file {where}: {last}"],
        }
    return json.loads(done.stdout)


if __name__ == "__main__":
    sys.exit(main())
