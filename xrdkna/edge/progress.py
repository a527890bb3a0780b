"""How far long work has come: a bar or lines on standard error. The door to rich's progress bars."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

Progress = Callable[[int, int], None]


@contextmanager
def progress_bar(title: str, *, quiet: bool) -> Iterator[Progress | None]:
    """A function to call with (done, total), or None where nobody watches: --quiet, or standard error is not a terminal."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def stage_lines(*, quiet: bool) -> Callable[[str], None] | None:
    """A function that shows one line of a plan on standard error as soon as it is told; None for --quiet.

    Unlike a bar the lines are worth keeping, so a log gets them too.
    """
    return None if quiet else _show_stage


def _show_stage(line: str) -> None:
    click.echo(f"fit: {line}", err=True)


def announce_compiling() -> None:
    """Say on standard error that this first time takes longer, should it come to that."""
    from xrdkna.physics.compiled import when_compiling

    when_compiling(
        lambda: click.echo("xrdkna: compiling the numerical code for this machine; once only, about a minute.", err=True),
    )
