"""`xrdkna store`: what the person who runs the service does with its store."""

from pathlib import Path

import click

from xrdkna.edge.commands.serve import store_options
from xrdkna.errors import UsageError


@click.group(short_help="Tokens, backup and retention of the service's store.")
def store() -> None:
    """Tokens, backup and retention of the store that `xrdkna serve` uses."""


@store.command(short_help="Make a token.")
@click.argument("name")
@click.option("--project", default="local", show_default=True, help="Whose series the token opens; made where there is none.")
@store_options
def token(*, name: str, project: str, data: Path | None, database: str | None) -> int:
    """Make a token called NAME and print it: it is shown this once and kept nowhere."""
    from xrdkna.edge.store.projects import make_token
    from xrdkna.edge.store.store import default_folder, open_store

    for word in (name, project):
        if not word.strip() or len(word) > 80 or not word.isprintable():
            raise UsageError(f"{word!r} is no name; give one of at most 80 letters.")
    with open_store(data or default_folder(), database) as opened, opened.database.writing() as session:
        made = make_token(session, name=name, project=project)
    click.echo(made)
    return 0


@store.command(short_help="End the validity of a token.")
@click.argument("name")
@store_options
def revoke(*, name: str, data: Path | None, database: str | None) -> int:
    """The tokens called NAME open nothing from now on, and their browsers are signed out."""
    from xrdkna.edge.store.projects import revoke_tokens
    from xrdkna.edge.store.store import default_folder, open_store

    with open_store(data or default_folder(), database) as opened, opened.database.writing() as session:
        ended = revoke_tokens(session, name=name)
    if not ended:
        raise UsageError(f"no valid token is called {name}; nothing was changed.")
    click.echo(f"revoked {ended}")
    return 0


@store.command(short_help="Write the store into one file.")
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE.tar")
@store_options
def backup(*, file: Path, data: Path | None, database: str | None) -> int:
    """Write database and files into FILE.tar; the service may be running."""
    from xrdkna.edge.store.backup import back_up
    from xrdkna.edge.store.store import default_folder, open_store

    with open_store(data or default_folder(), database) as opened:
        count = back_up(opened, file)
    click.echo(f"wrote {file}: {count} files")
    return 0


@store.command(short_help="Lay a backup out as a store.")
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE.tar")
@store_options
def restore(*, file: Path, data: Path | None, database: str | None) -> int:
    """Lay FILE.tar out as the store in --data, which must hold none yet."""
    from xrdkna.edge.store.backup import restore as lay_out
    from xrdkna.edge.store.store import default_folder

    folder = data or default_folder()
    count = lay_out(file, folder, database)
    click.echo(f"restored {count} files to {folder}")
    return 0


@store.command(short_help="Forget ended jobs and files nobody refers to.")
@click.option("--days", default=30.0, show_default=True, type=click.FloatRange(0), help="Keep ended jobs for so long.")
@store_options
def prune(*, days: float, data: Path | None, database: str | None) -> int:
    """What the running service does every hour, now."""
    from xrdkna.edge.store.retention import forget
    from xrdkna.edge.store.store import default_folder, open_store

    with open_store(data or default_folder(), database) as opened:
        count = forget(opened, days=days)
    click.echo(f"removed {count} files")
    return 0
