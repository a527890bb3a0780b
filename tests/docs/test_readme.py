"""The README says what the program does: every example in it is run and compared."""

import importlib.util
import re
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]


def load_tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("regenerate_readme", HERE / "regenerate_readme.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up here
    spec.loader.exec_module(module)
    return module


tool = load_tool()
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = tool.blocks_of(TEXT)
COMMANDS = ("peaks", "index", "refine", "track", "phases", "simulate")
PROGRAM = Path(sys.executable).with_name("xrdkna")


@pytest.mark.skipif(not PROGRAM.exists(), reason="the package is not installed in this environment")
@pytest.mark.parametrize("block", BLOCKS, ids=[block.partition("\n")[0] for block in BLOCKS])
def test_an_example_prints_what_the_readme_shows(block: str, tmp_path: Path) -> None:
    examples = tool.examples_of(block)
    for example, printed in zip(examples, tool.run_block(examples, tmp_path), strict=True):
        assert tool.fits(example.expected, printed), (
            f"$ {example.command}\nprints\n{printed}\nbut README.md shows\n{example.expected}\n"
            "Refresh it with: python tests/docs/regenerate_readme.py --write"
        )


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_an_example(command: str) -> None:
    shown = [example.command for block in BLOCKS for example in tool.examples_of(block)]
    assert any(line.startswith(f"xrdkna {command} ") or line == f"xrdkna {command}" for line in shown)


@pytest.mark.parametrize("heading", ["Try it", "Run the tests"])
def test_a_promised_command_is_one_line_that_sets_itself_up(heading: str) -> None:
    section = TEXT.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    fenced = re.search(r"^```\w*\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    assert fenced is not None, f"no fenced command under {heading!r}"
    (line,) = fenced.group(1).splitlines()
    assert line.startswith("python3 -m venv .venv && .venv/bin/pip install")


def test_the_readme_names_the_licence_of_the_package() -> None:
    licence = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["license"]
    assert licence in TEXT.partition("## Licence")[2]


@pytest.mark.parametrize(
    ("expected", "printed", "same"),
    [
        ("a\nb\n", "a\nb\n", True),
        ("a\nb\n", "a\nc\n", False),
        ("a\n…\nz\n", "a\nb\nc\nz\n", True),
        ("a\n…\nz\n", "a\nz\n", True),
        ("a\n…\nz\n", "a\nb\n", False),
        ("took … s\n", "took 3.2 s\n", True),
        ("took … s\n", "took 3.2 s\nand more\n", False),
        ("", "", True),
        ("", "something\n", False),
        ("a  \n", "a\n", True),
    ],
)
def test_an_ellipsis_stands_for_what_it_says_and_nothing_else_does(expected: str, printed: str, same: bool) -> None:
    assert tool.fits(expected, printed) is same


@pytest.mark.parametrize(
    ("expected", "printed", "same"),
    [
        ("a 4.04967(5) Å", "a 4.04969(7) Å", True),
        ("a 4.04967(5) Å", "a 4.04970(5) Å", False),
        ("a 4.04967(5) Å", "a 4.04967(8) Å", False),
        ("a 4.0497(5) Å", "a 4.04970(5) Å", False),
        ("area 247(4)", "area 249(5)", True),
        ("area 247(4)", "area 250(4)", False),
        ("9.99°", "10.01°", True),
        ("9.9°", "10.2°", False),
        ("to 228 % of it", "to 230 % of it", True),
        ("to 228 % of it", "to 231 % of it", False),
        ("49 ± 43 min", "50 ± 42 min", True),
        ("5 counts", "8 counts", False),
        ("KNa2 (1 0 3)", "KNa2 (1 0 2)", False),
        ("scan 2 → 3", "scan 2 → 4", False),
        ("25 lines", "26 lines", False),
        ("25 lines above 4.87 sigma", "25 peaks above 4.87 sigma", False),
        ("-0.25°", "0.25°", False),
        ("xrdkna 0.1.0", "xrdkna 0.1.1", False),
        ("xrdkna 0.1.0", "xrdkna 0.2.0", False),
        ("K2CO3_1.5H2O", "K2CO3_1.6H2O", False),
        ("ends at 1.5.", "ends at 1.6.", True),
        ("0.5 … h", "0.6 … 2.5 h", True),
        ("…\n1.0 mm\n…", "x\n1.1 mm\n5.0 mm", True),
    ],
)
def test_a_measured_number_may_differ_by_two_in_its_last_digit_and_nothing_else_may(expected: str, printed: str, same: bool) -> None:
    assert tool.fits(expected, printed) is same


def test_refreshing_leaves_a_shortened_output_that_fits_and_replaces_one_that_does_not() -> None:
    fresh = "```console\n$ xrdkna --version\nxrdkna …\n```\n"
    stale = "```console\n$ xrdkna --version\nsomething else\n```\n"
    assert tool.refreshed(fresh, say=False) == fresh
    assert tool.refreshed(stale, say=False).startswith("```console\n$ xrdkna --version\nxrdkna ")
