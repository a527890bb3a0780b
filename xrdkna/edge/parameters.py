"""The user's word on parameters of a fit, from a TOML file.

[a_KNa2]                                # the name that `xrdkna refine` prints
value = 7.50                            # where to start
lower = 7.40                            # bounds
upper = 7.60

[zero]
value = 0.0
vary = false                            # held

[b_K2CO3]
expr = "1.7445 * a_K2CO3"               # tied to others (an expression as lmfit writes it)
"""

import math
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from xrdkna.errors import RecipeError

if TYPE_CHECKING:
    from xrdkna.refine.settings import ParameterChoice

KEYS = ("value", "lower", "upper", "vary", "expr")


def read_parameters(path: Path) -> "dict[str, ParameterChoice]":
    """The choices by parameter name. Raises RecipeError for a file that cannot be read, or a key or value that cannot be meant."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise RecipeError(f"{path}: the file cannot be read ({error.strerror}); check the name given with --parameters.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: this is not TOML ({error}); write one table [NAME] for each parameter.") from error
    return {name: _choice(path, name, table) for name, table in tables.items()}


def _choice(path: Path, name: str, table: object) -> "ParameterChoice":
    from xrdkna.refine.settings import ParameterChoice

    if not isinstance(table, Mapping):
        raise RecipeError(f"{path}: {name} is {table!r}; write a table [{name}] with {', '.join(KEYS)}.")
    unknown = [key for key in table if key not in KEYS]
    if unknown:
        raise RecipeError(f"{path}: [{name}] holds {', '.join(unknown)}, which means nothing here; use {', '.join(KEYS)}.")
    vary, expr = table.get("vary"), table.get("expr")
    if vary is not None and not isinstance(vary, bool):
        raise RecipeError(f"{path}: vary of [{name}] is {vary!r}; write true or false.")
    if expr is not None and not (isinstance(expr, str) and expr.strip()):
        raise RecipeError(f"{path}: expr of [{name}] is {expr!r}; write an expression in quotation marks.")
    if expr is not None and vary is not None:
        raise RecipeError(f"{path}: [{name}] has both vary and expr; a tied parameter follows the others, so remove vary.")
    value, lower, upper = (_number(path, name, key, table.get(key)) for key in ("value", "lower", "upper"))
    return ParameterChoice(value=value, lower=lower, upper=upper, vary=vary, expr=expr)


def _number(path: Path, name: str, key: str, given: object) -> float | None:
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, int | float) or not math.isfinite(given):
        raise RecipeError(f"{path}: {key} of [{name}] is {given!r}; give a finite number.")
    return float(given)
