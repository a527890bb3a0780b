"""A command line as a user types it, and the JSON it answers with, held to the contract."""

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from xrdkna.edge.cli import run

Document = dict[str, Any]


@pytest.fixture
def answer(
    tmp_path: Path, contract: ModuleType, numbers_in: Callable[[object], Iterator[float]], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Document]:
    """`xrdkna WORD … --json FILE` as a dictionary; it must succeed, keep the contract's structure, and hold no NaN or Infinity."""
    monkeypatch.delenv("XRDKNA_DEBUG", raising=False)
    structures = {"index": contract.INDEX, "refine": contract.REFINE, "track": contract.TRACK}

    def ask(command: str, *words: object) -> Document:
        target = tmp_path / f"{command}.json"
        assert run([command, *map(str, words), "--quiet", "--json", str(target)]) == 0
        text = target.read_text(encoding="utf-8")
        document: Document = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} in JSON"))
        assert document["schema"] == f"xrdkna.{command}/1"
        assert not contract.mismatches(document, structures[command])
        assert all(math.isfinite(number) for number in numbers_in(document))
        return document

    return ask


@pytest.fixture(scope="session")
def samples(project_root: Path) -> Path:
    """The folder of samples."""
    return project_root / "samples"
