"""The modules of the speed comparison, which are scripts beside the tests and not part of the package."""

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest

HERE = Path(__file__).resolve().parent


def _script(name: str) -> ModuleType:
    """Import a script of this folder the way Python does when it is run: with the folder on the path."""
    if str(HERE) not in sys.path:
        sys.path.insert(0, str(HERE))
    return importlib.import_module(name)


@pytest.fixture(scope="session")
def workload() -> ModuleType:
    """The planted patterns."""
    return _script("workload")


@pytest.fixture(scope="session")
def forward() -> ModuleType:
    """Their physics."""
    return _script("forward")


@pytest.fixture(scope="session")
def compare() -> ModuleType:
    """The comparison."""
    return _script("compare")


@pytest.fixture(scope="session")
def xrdkna_side() -> ModuleType:
    """The package as a side of the comparison."""
    return _script("xrdkna_side")
