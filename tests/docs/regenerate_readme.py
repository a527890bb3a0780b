"""The README's examples: read, run, compared, refreshed.

    python tests/docs/regenerate_readme.py            show which examples no longer say what the program says
    python tests/docs/regenerate_readme.py --write    and put the real output in

An example is a fenced ```console block. A line "$ xrdkna …" is run; the lines below it are what it prints, standard output
and standard error as a terminal would show them, and "[exit status N]" where N is not 0. The commands of one block
share an empty folder in which `samples` is the project's own; blocks do not know of each other.

Text must agree to the letter; a measured number may differ by two units of its last printed place, for another processor
rounds the other way now and then. An output may be shortened: a line that is only "…" stands for any lines, a "…" within a
line for any text in it. --write keeps a shortened output that still fits, and replaces one that does not by what the
command printed, without the middle where that is long.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
ELLIPSIS = "…"
UNFORESEEN = "failed in a way nobody foresaw"  # a defect of the program is never an example of it
ONCE_A_MACHINE = "xrdkna: compiling"  # the wait that only the very first command on a machine has
WIDTH = "110"  # columns of the terminal that the examples are shown for
LONGEST_RUN_S = 300
LAST_DIGITS = 2  # units of the last printed place by which another processor's arithmetic may move a measured number
LONGEST_OUTPUT, HEAD, TAIL = 45, 36, 4  # lines: an output longer than the first is cut to the other two

# A measured number has decimals, or an esd in brackets, or a unit. Plain integers (indices, scans, how many there are) are
# text, and so are digits inside a word or a version.
_NUMBER = re.compile(r"(?<![\w.])(?:\d+\.\d+(?:\(\d+\))?|\d+\(\d+\)|\d+(?= ?(?:%|°|±|min\b|counts\b)))(?!\.?\w)")
_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Example:
    """One command of a block and the lines that follow it."""

    command: str
    expected: str


def blocks_of(text: str) -> list[str]:
    """The contents of the console blocks, in order."""
    return [match.group(1) for match in _BLOCK.finditer(text)]


def examples_of(block: str) -> list[Example]:
    """The commands of one block with their output. Raises ValueError for a block that does not begin with a command."""
    head, *parts = re.split(r"^\$ ", block, flags=re.MULTILINE)
    if head.strip() or not parts:
        raise ValueError(f"a console block must begin with a command: {block[:60]!r}")
    return [Example(command=part.partition("\n")[0], expected=part.partition("\n")[2]) for part in parts]


def fits(expected: str, printed: str) -> bool:
    """True when what was printed is what is expected: text to the letter, measured numbers to the last digit or two,
    ellipses standing for anything. Space at the ends of lines is free."""
    wanted, given = ([line.rstrip() for line in text.strip("\n").splitlines()] for text in (expected, printed))
    return _lines_fit(wanted, given)


def _lines_fit(wanted: list[str], given: list[str]) -> bool:
    if not wanted:
        return not given
    if wanted[0].strip() == ELLIPSIS:
        return any(_lines_fit(wanted[1:], given[k:]) for k in range(len(given) + 1))
    return bool(given) and _line_fits(wanted[0], given[0]) and _lines_fit(wanted[1:], given[1:])


def _line_fits(wanted: str, given: str) -> bool:
    pattern, end = "", 0
    for number in _NUMBER.finditer(wanted):
        # The same digits after the point and the same brackets; only the digits themselves may differ a little.
        pattern += _text_pattern(wanted[end : number.start()]) + "".join(map(_number_pattern, re.findall(r"[\d.]+|[()]", number[0])))
        end = number.end()
    found = re.fullmatch(pattern + _text_pattern(wanted[end:]), given)
    if found is None:
        return False
    digits = [int(group.replace(".", "")) for number in _NUMBER.finditer(wanted) for group in re.findall(r"[\d.]+", number[0])]
    return all(abs(int(group.replace(".", "")) - due) <= LAST_DIGITS for group, due in zip(found.groups(), digits, strict=True))


def _number_pattern(part: str) -> str:
    """For "23.56", "(", "11" or ")"."""
    if part in "()":
        return re.escape(part)
    decimals = len(part.partition(".")[2])
    return rf"(\d+\.\d{{{decimals}}})" if decimals else r"(\d+)"


def _text_pattern(text: str) -> str:
    return re.escape(text).replace(re.escape(ELLIPSIS), ".*")


def run_block(examples: list[Example], folder: Path) -> list[str]:
    """Run the commands of a block one after the other in `folder`; what each printed."""
    if not (folder / "samples").exists() and (ROOT / "samples").is_dir():
        (folder / "samples").symlink_to(ROOT / "samples")
    return [_run(example.command, folder) for example in examples]


def refreshed(text: str, *, say: bool = True) -> str:
    """The README with the output of every example that no longer fits replaced by the real one."""

    def refresh(match: re.Match[str]) -> str:
        examples = examples_of(match.group(1))
        with tempfile.TemporaryDirectory() as folder:
            printed = run_block(examples, Path(folder))
        outputs = [_kept_or_new(old.expected, new) for old, new in zip(examples, printed, strict=True)]
        if say and any(UNFORESEEN in new for new in printed):
            print("fails, left as it was:", *(old.command for old in examples), sep="\n  $ ")  # noqa: T201 - this file is a program
        changed = [old.command for old, new in zip(examples, outputs, strict=True) if old.expected != new]
        if say and changed:
            print("changed:", *changed, sep="\n  $ ")  # noqa: T201 - this file is a program
        return "```console\n" + "".join(f"$ {old.command}\n{new.lstrip()}" for old, new in zip(examples, outputs, strict=True)) + "```"

    return _BLOCK.sub(refresh, text)


def _kept_or_new(expected: str, printed: str) -> str:
    return expected if fits(expected, printed) or UNFORESEEN in printed else shortened(printed)


def shortened(printed: str) -> str:
    """The output as the README shows it: a long one without its middle."""
    lines = printed.strip("\n").splitlines()
    if len(lines) > LONGEST_OUTPUT:
        lines = [*lines[:HEAD], ELLIPSIS, *lines[-TAIL:]]
    return "".join(line.rstrip() + "\n" for line in lines)


def _run(command: str, folder: Path) -> str:
    if not command.startswith("xrdkna "):
        raise ValueError(f"the README runs {command!r}; its examples may only run xrdkna")
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "COLUMNS": WIDTH, "NO_COLOR": "1", "TERM": "dumb"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=LONGEST_RUN_S,
    )
    status = f"[exit status {done.returncode}]\n" if done.returncode else ""
    return "".join(line for line in done.stdout.splitlines(keepends=True) if not line.startswith(ONCE_A_MACHINE)) + status


def main() -> int:
    """0 when every example says what the program says (or now does), 1 when one does not."""
    options = argparse.ArgumentParser(description="Refresh the examples of README.md.")
    options.add_argument("--write", action="store_true", help="write the refreshed README")
    wanted = options.parse_args().write
    old = README.read_text(encoding="utf-8")
    new = refreshed(old)
    if wanted:
        README.write_text(new, encoding="utf-8")
    return 0 if wanted or new == old else 1


if __name__ == "__main__":
    sys.exit(main())
