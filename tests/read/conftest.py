"""Writing small files and reading them back."""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from numpy.typing import NDArray


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Puts text or bytes into a file of a fresh folder and gives its path."""

    def put(content: str | bytes, name: str = "scan.xy", encoding: str = "utf-8") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return path

    return put


@pytest.fixture(scope="session")
def counted() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A pattern of Poisson counts: (2θ, counts), 200 points with one peak."""
    two_theta = np.round(10.0 + 0.02 * np.arange(200), 3)
    expected = 40.0 + 900.0 * np.exp(-(((two_theta - 12.0) / 0.1) ** 2))
    return two_theta, np.random.default_rng(20210607).poisson(expected).astype(float)


@pytest.fixture(scope="session")
def made_files() -> ModuleType:
    """One small file of every format (made_files.py beside this one)."""
    spec = importlib.util.spec_from_file_location("made_files", Path(__file__).with_name("made_files.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
