"""Documents as they are kept: the bytes that the command line writes, without the places where this service lays its files."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def json_to_keep(document: Mapping[str, Any], folder: Path) -> bytes:
    """As `--json` writes it."""
    from xrdkna.report.document_parts import json_text

    return without_place(json_text(document) + "\n", folder).encode("utf-8")


def without_place(text: str, folder: Path) -> str:
    """A text in which files are called by their names alone."""
    plain = json.dumps(str(folder), ensure_ascii=False)[1:-1]
    return text.replace(f"{plain}/", "").replace(plain, folder.name)
