"""Running the service: one process that answers, workers beside it, until it is told to end. The door to uvicorn."""

import fcntl
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

from xrdkna.edge.http.app import build_app
from xrdkna.edge.http.settings import ServiceSettings
from xrdkna.edge.logs import log
from xrdkna.edge.store.projects import any_token
from xrdkna.edge.store.retention import keep_tidy
from xrdkna.edge.store.store import Store
from xrdkna.edge.watch.feeder import watch_for_service
from xrdkna.edge.watch.webhooks import send_alarms
from xrdkna.edge.work.options import asked_for
from xrdkna.edge.work.supervisor import Workers
from xrdkna.errors import UsageError

# A request in hand is let end for so long when the service is told to.
_GRACE_S = 10


def serve(store: Store, settings: ServiceSettings) -> None:
    """Answer until SIGTERM or Ctrl-C. Raises UsageError where that would not be safe, or another server has the store."""
    import uvicorn

    with store.database.reading() as session:
        if settings.token_needed and not any_token(session):
            raise UsageError(
                f"listening on {settings.host} lets others in, and no token is made yet; make one with `xrdkna store token NAME`, "
                "or leave --host at 127.0.0.1."
            )
    with ExitStack() as open_for_us:
        open_for_us.enter_context(_alone(store.folder))
        workers = open_for_us.enter_context(Workers(store, settings.workers))
        stopping = threading.Event()
        open_for_us.callback(stopping.set)
        # The first person who begins a series need not wait for the reference phases to be read.
        threading.Thread(target=asked_for, args=({},), name="warming", daemon=True).start()
        for run in (keep_tidy, send_alarms, watch_for_service):
            threading.Thread(target=run, args=(store, settings, stopping), name=run.__name__, daemon=True).start()
        config = uvicorn.Config(
            build_app(store, settings, workers),
            host=settings.host,
            port=settings.port,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=30,
            timeout_graceful_shutdown=_GRACE_S,
            ssl_certfile=settings.certificate,
            ssl_keyfile=settings.key,
        )
        for number in (signal.SIGTERM, signal.SIGINT):  # uvicorn ends in order, and then raises once more what it was told
            signal.signal(number, _already_ending)
        log("serving", port=settings.port, workers=settings.workers, token_needed=int(settings.token_needed))
        uvicorn.Server(config).run()
        log("ended")


def _already_ending(number: int, frame: FrameType | None) -> None:
    pass


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """While open, no other server uses the store. The lock goes with the process, however it ends."""
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise UsageError(f"another service uses the store {folder}; stop it, or name another folder with --data.") from error
        yield
