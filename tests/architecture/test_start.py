"""Starting is instant: nothing slow is imported before it is needed."""

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest

HEAVY = ("matplotlib", "pymatgen", "xrayutilities", "lmfit", "numba", "scipy", "pandas", "plotly", "jinja2", "rich", "numpy")
SERVICE = ("fastapi", "starlette", "pydantic", "uvicorn", "sqlalchemy", "alembic", "watchfiles", "prometheus_client")
PROGRAM = Path(sys.executable).with_name("xrdkna")
TIME_FOR_HELP = 0.4


def loaded_after(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    return {name.partition(".")[0] for name in done.stdout.split()}


@pytest.mark.parametrize("statement", ["import xrdkna", "import xrdkna.edge.cli"])
def test_importing_loads_no_slow_library(statement: str) -> None:
    assert not loaded_after(statement) & {*HEAVY, *SERVICE}


def test_the_check_above_would_see_a_slow_library() -> None:
    assert "numpy" in loaded_after("import numpy")


def test_every_public_name_is_there_and_no_other_is() -> None:
    import xrdkna

    assert dir(xrdkna) == sorted(xrdkna.__all__)
    for name in xrdkna.__all__:
        assert getattr(xrdkna, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'guess_phases'"):
        xrdkna.guess_phases  # noqa: B018


@pytest.mark.skipif(not PROGRAM.exists(), reason="the package is not installed in this environment")
def test_help_answers_before_a_person_notices_waiting() -> None:
    times = []
    for _ in range(5):
        start = time.perf_counter()
        done = subprocess.run([PROGRAM, "--help"], capture_output=True, text=True, check=True, timeout=60, env=dict(os.environ))
        times.append(time.perf_counter() - start)
        assert "track" in done.stdout
    assert statistics.median(times) < TIME_FOR_HELP, f"took {times} s"
