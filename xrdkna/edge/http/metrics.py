"""What Prometheus reads. The door to prometheus_client."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from sqlalchemy import func, select

from xrdkna.edge.store.database import Database
from xrdkna.edge.store.tables import Alarm, Job, Series, SeriesFile

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.5, 10.0, 60.0)


class Metrics:
    """Counters of one service."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._requests = Counter("xrdkna_requests", "Requests answered.", ("method", "route", "status"), registry=self._registry)
        self._seconds = Histogram("xrdkna_request_seconds", "Time to answer.", ("route",), buckets=_BUCKETS, registry=self._registry)
        self._jobs = Gauge("xrdkna_jobs", "Jobs by kind and state.", ("kind", "state"), registry=self._registry)
        self._rows = Gauge("xrdkna_rows", "What the store holds.", ("what",), registry=self._registry)
        self._workers = Gauge("xrdkna_workers", "Worker processes that live.", registry=self._registry)
        self._streams = Gauge("xrdkna_streams", "Open streams of events.", registry=self._registry)

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """One request was answered."""
        self._requests.labels(method if method in _METHODS else "other", route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def text(self, database: Database, *, workers: int, streams: int) -> bytes:
        """The page for Prometheus."""
        with database.reading() as session:
            self._jobs.clear()
            for kind, state, count in session.execute(select(Job.kind, Job.state, func.count()).group_by(Job.kind, Job.state)):
                self._jobs.labels(kind, state).set(count)
            for what, table in (("series", Series), ("files", SeriesFile), ("alarms", Alarm)):
                self._rows.labels(what).set(session.scalar(select(func.count()).select_from(table)) or 0)
        self._workers.set(workers)
        self._streams.set(streams)
        return generate_latest(self._registry)


_METHODS = ("GET", "POST", "PATCH", "DELETE", "HEAD", "OPTIONS", "PUT")
