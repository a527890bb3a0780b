"""What every test may need: where the project is, and the measured files beside it."""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import settings

os.environ["MPLBACKEND"] = "Agg"  # figures without a screen

# A machine that is busy with other tests is slow, which is no fault of the property under test.
settings.register_profile("xrdkna", deadline=None)
settings.load_profile("xrdkna")

ROOT = Path(__file__).resolve().parents[1]
REAL = ROOT.parent / "shared" / "real"


def pytest_configure(config: pytest.Config) -> None:
    """Compile the numerical kernels once, before the workers start: each would compile all of them for itself, and programs that
    tests run would announce it in their output. Where they lie compiled on disk this costs a second."""
    if hasattr(config, "workerinput") or config.option.collectonly:
        return
    warm = "from xrdkna.edge.cli import main; main()"
    analysis = ["index", str(ROOT / "samples" / "contaminated.xy"), "--radiation", "CuKa", "--quiet"]
    commands = [[sys.executable, "-c", warm, *analysis]]
    program = Path(sys.executable).with_name("xrdkna")
    if program.exists():
        commands.append([str(program), *analysis])
    for running in [subprocess.Popen(command, cwd=ROOT) for command in commands]:
        running.wait()


@pytest.fixture(scope="session")
def project_root() -> Path:
    """The folder that holds pyproject.toml."""
    return ROOT


@pytest.fixture(scope="session")
def real_file() -> Callable[[str], Path]:
    """Path of a measured file that lives beside the project; the test is skipped where it is absent."""

    def find(name: str) -> Path:
        path = REAL / name
        if not path.exists():
            pytest.skip(f"the measured file {name} is not beside this checkout")
        return path

    return find


@pytest.fixture(scope="session")
def contract() -> ModuleType:
    """The structure of every JSON document, written out from the contract, and `mismatches` that holds a document to it."""
    path = ROOT / "tests" / "report" / "test_document.py"
    spec = importlib.util.spec_from_file_location("contract_of_documents", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def numbers_in() -> Callable[[object], Iterator[float]]:
    """Every number of a JSON document."""

    def numbers(value: object) -> Iterator[float]:
        if isinstance(value, dict | list):
            for child in value.values() if isinstance(value, dict) else value:
                yield from numbers(child)
        elif isinstance(value, int | float):
            yield float(value)

    return numbers
