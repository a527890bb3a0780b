"""What the person who runs the service chooses."""

from dataclasses import dataclass
from pathlib import Path

from xrdkna.edge.store.projects import LOCAL_PROJECT
from xrdkna.edge.watch.settled import SETTLE_S

LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSettings:
    """host, port: where to listen. token_needed: everybody must show a token. allowed_hosts: names by which browsers may call the
    service, beside those of the loopback; empty elsewhere: any. watched: folders to follow, each with the name of its series."""

    host: str = "127.0.0.1"
    port: int = 8765
    token_needed: bool = False
    allowed_hosts: tuple[str, ...] = ()
    # One for quick work, so that a look at a scan never waits for a series, and one for the series.
    workers: int = 2
    # A million points as text are 30 MB, a day of a cycler's record the same.
    largest_upload: int = 64 * 2**20
    # A request that takes longer has lost its client: proxies and browsers give up after two minutes.
    request_timeout_s: float = 120.0
    # A client's requests a second in the long run, and at once: a page asks for ten things, a drop of a folder for hundreds.
    rate: float = 200.0
    burst: float = 1000.0
    # Wrong tokens from one address: a person mistypes twice, a program that guesses is stopped.
    wrong_tokens_a_minute: float = 10.0
    # A project's files in all: a thousand scans of a megabyte, several times over.
    project_quota: int = 20 * 2**30
    watched: tuple[tuple[Path, str], ...] = ()
    webhooks: tuple[str, ...] = ()
    # Seconds between looks at a watched folder; 0: told by the system where it can, which network shares cannot.
    poll_s: float = 0.0
    # Seconds for which a file of a watched folder must stay unchanged to be taken.
    settle_s: float = SETTLE_S
    watch_project: str = LOCAL_PROJECT
    # Days after which done jobs and what nobody refers to are forgotten; series stay until somebody removes them.
    keep_days: float = 30.0
    certificate: Path | None = None
    key: Path | None = None

    @property
    def loopback(self) -> bool:
        """Can only this machine reach it?"""
        return self.host in LOOPBACK or self.host.startswith("127.")
