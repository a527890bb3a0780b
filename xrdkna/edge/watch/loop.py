"""Following a folder that is still being written to, on the command line."""

import hashlib
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from xrdkna.edge.alarms import UNREADABLE, Alarm, alarms_of
from xrdkna.edge.echem import series_with_cell
from xrdkna.edge.errors import sentence_of
from xrdkna.edge.watch.settled import SETTLE_S, Folder, Stamp, wait_for_changes
from xrdkna.edge.watch.webhooks import post_json
from xrdkna.errors import DataError, DeclinedError

if TYPE_CHECKING:
    from xrdkna.pipeline import Settings
    from xrdkna.records.phases import Library
    from xrdkna.records.track import Track


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What to follow, and when to stop: until: kinds of alarm that end the watch; idle_s: stop after so long without a change."""

    folder: Path
    echem: tuple[Path, ...]
    clock: float | None
    plating_current: str | None
    settings: "Settings"
    library: "Library"
    webhooks: tuple[str, ...] = ()
    until: frozenset[str] = frozenset()
    idle_s: float | None = None
    poll_s: float = 0.0
    settle_s: float = SETTLE_S


def watch_folder(watched: Watched, *, answered: "Callable[[Track], None]", say: Callable[[str], None]) -> tuple[Alarm, ...]:
    """Follow the series anew whenever its folder has changed and come to rest, until Ctrl-C; the alarms met, also by an earlier watch.

    answered: is given each new answer. say: is given a line for each alarm, once, also over restarts, and for what stands in the way.
    """
    folder, stopping = Folder(watched.folder, settle_s=watched.settle_s), threading.Event()
    changes = wait_for_changes(watched.folder, stopping, poll_s=watched.poll_s)
    known = _Known(watched.folder)
    taken: dict[Path, Stamp] = {}
    changed = time.monotonic()
    try:
        while True:
            at_rest = folder.look()
            if at_rest and at_rest != taken:
                track = _followed(watched, folder.unfinished, say)
                taken, changed = at_rest, time.monotonic()
                if track is not None:
                    answered(track)
                    still = folder.look() == at_rest
                    if any(alarm.kind in watched.until for alarm in _announce(track, known, watched, say, still=still)):
                        return known.alarms()
                continue
            if watched.idle_s is not None and not folder.unfinished and time.monotonic() - changed > watched.idle_s:
                return known.alarms()
            _wait(folder, changes, watched)
    except KeyboardInterrupt:
        return known.alarms()
    finally:
        stopping.set()


def _wait(folder: Folder, changes: Iterator[None], watched: Watched) -> None:
    if folder.unfinished or watched.idle_s is not None:
        time.sleep(watched.settle_s / 2)
    else:
        next(changes, None)


def _followed(watched: Watched, unfinished: frozenset[Path], say: Callable[[str], None]) -> "Track | None":
    """The answer for what is there; None, with a sentence, where there is none yet."""
    from xrdkna.pipeline import track_series

    try:
        series = series_with_cell(watched.folder, watched.echem, watched.clock, watched.plating_current, growing=unfinished)
        return track_series(series, watched.library, watched.settings) if series.entries else None
    except (DataError, DeclinedError) as problem:
        say(f"no answer yet: {sentence_of(problem)}")
        return None


def _announce(track: "Track", known: "_Known", watched: Watched, say: Callable[[str], None], *, still: bool) -> list[Alarm]:
    """Tell each alarm that was not told before. A scan that cannot be read may be one that is being written over just now."""
    from xrdkna.report.document import track_document

    told = []
    for alarm in alarms_of(track_document(track)):
        if known.add(alarm, tell=still or alarm.kind != UNREADABLE):
            say(f"alarm: {alarm.kind}: {alarm.sentence}")
            body = {"kind": alarm.kind, "sentence": alarm.sentence, "series": track.name, "name": track.name, "moment": time.time()}
            for address in watched.webhooks:
                if not post_json(address, body):
                    say(f"the webhook {address} did not take the alarm.")
            told.append(alarm)
    return told


class _Known:
    """The alarms of a folder that were told, kept beside the user's other states: nothing is written where measurements lie."""

    def __init__(self, folder: Path) -> None:
        base = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
        self._path = base / "xrdkna" / "watch" / f"{hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:32]}.json"
        self._told: dict[tuple[str, str], str] = {}
        try:
            kept = json.loads(self._path.read_text(encoding="utf-8"))
            self._told = {(str(kind), str(key)): str(sentence) for kind, key, sentence in kept}
        except (OSError, ValueError, TypeError):
            pass  # none was kept, or not by this program: all alarms are new

    def alarms(self) -> tuple[Alarm, ...]:
        """All that were ever told of this folder."""
        return tuple(Alarm(kind=kind, key=key, sentence=sentence) for (kind, key), sentence in self._told.items())

    def add(self, alarm: Alarm, *, tell: bool) -> bool:
        """Whether it is new and to be told; then it is kept as told."""
        if not tell or (alarm.kind, alarm.key) in self._told:
            return False
        self._told[alarm.kind, alarm.key] = alarm.sentence
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            fresh = self._path.with_suffix(".new")
            fresh.write_text(json.dumps([[kind, key, said] for (kind, key), said in self._told.items()]), encoding="utf-8")
            fresh.replace(self._path)
        except OSError:
            return True  # a home that cannot be written: told again after a restart
        return True
