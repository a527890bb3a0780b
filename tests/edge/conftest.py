"""A command line run in this process, and small scans to run it on."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from xrdkna.edge.cli import run

ALUMINIUM = 4.0495  # Å
CU_KA1, CU_KA2 = 1.5405929, 1.5444274
AL_LINES = (((1, 1, 1), 100.0), ((2, 0, 0), 47.0), ((2, 2, 0), 22.0), ((3, 1, 1), 24.0), ((2, 2, 2), 7.0))


@dataclass(frozen=True)
class Ran:
    """What one command line came to."""

    status: int
    out: str
    err: str

    @property
    def sentence(self) -> str:
        """The one sentence of a failure that was foreseen; fails the test for more, less, or one that was not."""
        assert "nobody foresaw" not in self.err, self.err
        return self.any_sentence

    @property
    def any_sentence(self) -> str:
        """The one sentence of any failure."""
        assert "Traceback" not in self.err
        lines = [line for line in self.err.splitlines() if not line.startswith(("note: ", "fit: "))]
        assert len(lines) == 1, f"not one sentence: {self.err!r}"
        assert lines[0].startswith("xrdkna: "), lines[0]
        assert lines[0].endswith((".", "`")), lines[0]
        return lines[0].removeprefix("xrdkna: ")


@pytest.fixture
def xrdkna(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    """Runs `xrdkna WORD …` as the console script would."""
    monkeypatch.delenv("XRDKNA_DEBUG", raising=False)

    def call(*words: object) -> Ran:
        capfd.readouterr()
        status = run([str(word) for word in words])
        captured = capfd.readouterr()
        return Ran(status=status, out=captured.out, err=captured.err)

    return call


def aluminium_counts(two_theta: np.ndarray, *, height: float, seed: int) -> np.ndarray:
    """Poisson counts of aluminium powder, Cu Kα doublet, 0.12° wide lines on 200 counts of background."""
    expected = np.full(two_theta.shape, 200.0)
    for hkl, strength in AL_LINES:
        for wavelength, weight in ((CU_KA1, 1.0), (CU_KA2, 0.5)):
            sine = wavelength * math.hypot(*hkl) / (2.0 * ALUMINIUM)
            offset = (two_theta - 2.0 * math.degrees(math.asin(sine))) / 0.06
            expected += height * strength / 100.0 * weight / (1.0 + offset**2)
    return np.random.default_rng(seed).poisson(expected)


@pytest.fixture(scope="session")
def aluminium(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A .xy file of aluminium that does not say its wavelength."""
    two_theta = np.arange(30.0, 90.0, 0.02)
    path = tmp_path_factory.mktemp("scans") / "aluminium.xy"
    np.savetxt(path, np.column_stack([two_theta, aluminium_counts(two_theta, height=5000.0, seed=7)]), fmt=("%.4f", "%d"))
    return path


@pytest.fixture(scope="session")
def million(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same on a million points."""
    two_theta = np.linspace(30.0, 90.0, 1_000_000)
    path = tmp_path_factory.mktemp("scans") / "million.xy"
    np.savetxt(path, np.column_stack([two_theta, aluminium_counts(two_theta, height=5000.0, seed=8)]), fmt=("%.6f", "%d"))
    return path
