"""`xrdkna watch`: the same as track, kept up to date as scans arrive."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

from xrdkna.edge.alarms import KINDS, Alarm
from xrdkna.edge.echem import clock_from_text, echem_options
from xrdkna.edge.halos import halo_options, with_halos
from xrdkna.edge.marker import marker_from_text
from xrdkna.edge.options import Beam, Outputs, PhaseChoice, beam_options, output_options, phase_options
from xrdkna.edge.output import Answer, check_outputs, write_answer
from xrdkna.edge.progress import announce_compiling
from xrdkna.edge.request import library_of, settings_of

if TYPE_CHECKING:
    from xrdkna.records.track import Track


@click.command(short_help="Follow a folder that is still being written to.")
@click.argument("folder", type=click.Path(path_type=Path))
@echem_options
@click.option("--marker", metavar='"KNa2 103"', help="The reflection to report on.")
@click.option("--webhook", "webhooks", multiple=True, metavar="URL", help="Send alarms there as JSON; repeatable.")
@click.option("--until", multiple=True, type=click.Choice(KINDS), help="Stop at such an alarm; repeatable.")
@click.option("--idle", "idle_s", type=click.FloatRange(0), metavar="SECONDS", help="Stop when nothing has changed for so long.")
@click.option("--poll", "poll_s", default=0.0, type=click.FloatRange(0), metavar="SECONDS", help="Look so often, as network shares need.")
@click.option(
    "--settle", "settle_s", default=0.4, type=click.FloatRange(0.05), metavar="SECONDS", help="A file so long unchanged is complete."
)
@halo_options
@beam_options
@phase_options
@output_options("json", "html", "csv", "plot")
def watch(
    *,
    folder: Path,
    echem: tuple[Path, ...],
    clock_offset: str,
    plating_current: str | None,
    marker: str | None,
    webhooks: tuple[str, ...],
    until: tuple[str, ...],
    idle_s: float | None,
    poll_s: float,
    settle_s: float,
    halos: tuple[str, ...],
    beam: Beam,
    choice: PhaseChoice,
    outputs: Outputs,
) -> int:
    """Follow the series in FOLDER as its scans arrive; every output named is written anew with each answer. Ctrl-C ends it."""
    settings = with_halos(settings_of(beam, choice, marker=None if marker is None else marker_from_text(marker)), halos)
    check_outputs(outputs)
    from xrdkna.edge.watch.loop import Watched, watch_folder
    from xrdkna.edge.watch.webhooks import check_address
    from xrdkna.errors import SeriesError

    if not folder.is_dir():
        raise SeriesError(f"{folder}: there is no such folder.")
    library = library_of(choice)
    if marker is not None:
        library.chosen((settings.marker[0],))
    watched = Watched(
        folder=folder,
        echem=echem,
        clock=clock_from_text(clock_offset),
        plating_current=plating_current,
        settings=settings,
        library=library,
        webhooks=tuple(check_address(address) for address in webhooks),
        until=frozenset(until),
        idle_s=idle_s,
        poll_s=poll_s,
        settle_s=settle_s,
    )
    if not outputs.quiet:
        announce_compiling()
    with _ended_by_signal():
        alarms = watch_folder(watched, answered=lambda track: _written(track, outputs), say=_say)
    click.echo(_exit_line(alarms), err=True)
    return 0


def _written(track: "Track", outputs: Outputs) -> None:
    from xrdkna.report.document import track_document
    from xrdkna.report.figures import plot_track
    from xrdkna.report.html import write_track_html
    from xrdkna.report.table import write_track_csv
    from xrdkna.report.text import track_summary

    answer = Answer(
        summary=lambda: track_summary(track),
        document=lambda: track_document(track),
        csv=lambda path: write_track_csv(track, path),
        html=lambda path: write_track_html(track, path),
        plot=lambda path: plot_track(track, path),
        notices=track.notices,
    )
    write_answer(answer, outputs)


def _say(line: str) -> None:
    click.echo(line, err=True)


def _exit_line(alarms: tuple[Alarm, ...]) -> str:
    if not alarms:
        return "watch ended: no alarm."
    return f"watch ended: {len(alarms)} alarm{'s' if len(alarms) > 1 else ''}: {' '.join(alarm.sentence for alarm in alarms)}"


@contextmanager
def _ended_by_signal() -> Iterator[None]:
    """SIGTERM is the Ctrl-C of a system that ends."""

    def end(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
