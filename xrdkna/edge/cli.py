"""`xrdkna`: the commands, and the one place where a failure becomes a sentence and an exit status."""

import os
import shlex
import sys
import traceback
import warnings
from collections.abc import Sequence
from typing import NoReturn

import click

from xrdkna.edge.commands.index import index
from xrdkna.edge.commands.peaks import peaks
from xrdkna.edge.commands.phases import phases
from xrdkna.edge.commands.refine import refine
from xrdkna.edge.commands.serve import serve
from xrdkna.edge.commands.simulate import simulate
from xrdkna.edge.commands.store import store
from xrdkna.edge.commands.track import track
from xrdkna.edge.commands.watch import watch
from xrdkna.edge.errors import ANSWERED, BROKEN_PIPE, INTERRUPTED, UNREADABLE, WRONG_USE, exit_status, sentence_of
from xrdkna.errors import XrdknaError


def _show_version(context: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        from xrdkna import __version__

        click.echo(f"xrdkna {__version__}")
        context.exit()


class _InOrder(click.Group):
    """Lists its commands in the order of the work, not of the alphabet."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


@click.group(
    cls=_InOrder,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Exit status: 0 answered · 1 declines to answer · 2 wrong use · 3 data unreadable. XRDKNA_DEBUG=1 shows tracebacks.",
)
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version, help="Show the version and exit.")
@click.pass_context
def program(context: click.Context) -> int | None:
    """What is in this diffractogram, and when did it appear.

    \b
    xrdkna index scan.xy --radiation CuKa      which phases, which line is whose
    xrdkna track FOLDER --html report.html     a series: what appears, vanishes, changes, and when
    """
    if context.invoked_subcommand is not None:
        return None
    click.echo(context.get_help(), err=True)
    return WRONG_USE


for command in (peaks, index, refine, track, watch, phases, simulate, serve, store):
    program.add_command(command)


def main() -> NoReturn:
    """The console script."""
    if not (sys.warnoptions or _debugging()):
        warnings.simplefilter("ignore")  # a library's warnings are for its programmers; what a user must know is a notice
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Carry out one command line and return its exit status. Every failure ends here, as one sentence on standard error."""
    try:
        with program.make_context("xrdkna", list(arguments)) as context:
            status = program.invoke(context)
        sys.stdout.flush()
    except click.exceptions.Exit as ended:  # --help and --version
        return ended.exit_code
    except click.ClickException as error:
        return _fail(_with_hint(error), WRONG_USE)
    except XrdknaError as error:
        return _fail(sentence_of(error), exit_status(error))
    except (click.Abort, KeyboardInterrupt):
        return _fail("stopped before there was an answer.", INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains once more while it exits
        return BROKEN_PIPE
    except Exception as error:  # noqa: BLE001 - the one place where nothing may pass
        return _fail(_unforeseen(error, arguments), UNREADABLE)
    return ANSWERED if status is None else int(status)


def _fail(sentence: str, status: int) -> int:
    if _debugging():
        traceback.print_exc()
    click.echo(f"xrdkna: {sentence}", err=True)
    return status


def _with_hint(error: click.ClickException) -> str:
    sentence = " ".join(error.format_message().split())
    context = error.ctx if isinstance(error, click.UsageError) else None
    return f"{sentence} See `{context.command_path} --help`." if context else sentence


def _unforeseen(error: Exception, arguments: Sequence[str]) -> str:
    asked = shlex.join(["xrdkna", *arguments])
    what = f"{type(error).__name__}: {sentence_of(error)}"
    return f"`{asked}` failed in a way nobody foresaw ({what}); please report it with what XRDKNA_DEBUG=1 shows."


def _debugging() -> bool:
    return os.environ.get("XRDKNA_DEBUG", "") not in ("", "0")
