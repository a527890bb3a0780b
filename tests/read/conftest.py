"""Writing small files and reading them back."""

from collections.abc import Callable
from pathlib import Path

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
