"""`xrdkna serve`: the HTTP service and the web page."""

from pathlib import Path

import click

from xrdkna.errors import UsageError


def store_options(command: click.decorators.FC) -> click.decorators.FC:
    """--data and --database: where the service keeps what it has."""
    folder = click.option(
        "--data", "data", type=click.Path(path_type=Path), metavar="DIR", help="Where everything is kept; otherwise the user's data folder."
    )
    database = click.option("--database", metavar="URL", envvar="XRDKNA_DATABASE", help="postgresql://…; otherwise a file in --data.")
    return folder(database(command))


@click.command(short_help="The HTTP service and the web page.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; any but the loopback needs tokens.")
@click.option("--port", default=8765, show_default=True, type=click.IntRange(0, 65535))
@store_options
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1, 64), help="Processes that compute.")
@click.option("--require-token", is_flag=True, help="Ask for a token on the loopback too, as behind a proxy.")
@click.option("--allow-host", "hosts", multiple=True, metavar="NAME", help="A name by which browsers may call the service; repeatable.")
@click.option("--watch", "watched", multiple=True, metavar="FOLDER[=NAME]", help="Follow a folder as a series; repeatable.")
@click.option("--watch-project", default="local", show_default=True, metavar="NAME", help="Whose series the watched folders are.")
@click.option("--poll", "poll_s", default=0.0, metavar="SECONDS", help="Look at watched folders so often, as network shares need.")
@click.option("--settle", "settle_s", default=0.4, show_default=True, metavar="SECONDS", help="A file unchanged for so long is complete.")
@click.option("--webhook", "webhooks", multiple=True, metavar="URL", help="Send alarms there; repeatable.")
@click.option("--max-upload", default=64.0, show_default=True, type=click.FloatRange(0.1, 4096), metavar="MB", help="Largest upload.")
@click.option("--keep-days", default=30.0, show_default=True, type=click.FloatRange(0.01), help="Forget ended jobs after so long.")
@click.option("--certificate", type=click.Path(path_type=Path), metavar="FILE", help="TLS certificate; with --key.")
@click.option("--key", type=click.Path(path_type=Path), metavar="FILE", help="The certificate's key.")
def serve(
    *,
    host: str,
    port: int,
    data: Path | None,
    database: str | None,
    workers: int,
    require_token: bool,
    hosts: tuple[str, ...],
    watched: tuple[str, ...],
    watch_project: str,
    poll_s: float,
    settle_s: float,
    webhooks: tuple[str, ...],
    max_upload: float,
    keep_days: float,
    certificate: Path | None,
    key: Path | None,
) -> int:
    """Answer over HTTP what the other commands answer, and show series live on a page: http://127.0.0.1:8765/."""
    from xrdkna.edge.http.server import serve as run
    from xrdkna.edge.http.settings import ServiceSettings
    from xrdkna.edge.store.store import default_folder, open_store
    from xrdkna.edge.watch.webhooks import check_address

    settings = ServiceSettings(
        host=host,
        port=port,
        token_needed=require_token or not ServiceSettings(host=host).loopback,
        allowed_hosts=hosts,
        workers=workers,
        largest_upload=int(max_upload * 2**20),
        watched=tuple(_watched(text) for text in watched),
        watch_project=watch_project,
        poll_s=poll_s,
        settle_s=settle_s,
        webhooks=tuple(check_address(address) for address in webhooks),
        keep_days=keep_days,
        certificate=certificate,
        key=key,
    )
    if (certificate is None) != (key is None):
        raise UsageError("--certificate and --key go together; give both or none.")
    if settings.token_needed and certificate is None and not settings.loopback:
        click.echo(f"note: {host} is open to others and tokens go there unencrypted; give --certificate and --key, or a proxy.", err=True)
    with open_store(data or default_folder(), database) as store:
        click.echo(f"xrdkna: the page is http{'s' if certificate else ''}://{host}:{port}/, the store {store.folder}", err=True)
        run(store, settings)
    return 0


def _watched(text: str) -> tuple[Path, str]:
    from xrdkna.edge.store.series import plain_name

    place, sign, name = text.rpartition("=")
    folder = Path(place if sign else text)
    if not folder.is_dir():
        raise UsageError(f"--watch {text}: there is no folder {folder}; make it first.")
    return folder, plain_name(name if sign else folder.resolve().name)
