"""Measures for Prometheus: requests by route, and how the platform stands when it is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, MutableMapping
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

MEDIA_TYPE = CONTENT_TYPE_LATEST
_BUCKETS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0)

Gauge = tuple[str, str, dict[str, float]]
"""Name, what it says, value by dataset (or another subject)."""


class Measures:
    """One registry; further parts of the platform may add their own to it."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        names = ("method", "route", "status")
        self._requests = Counter("entrepot_http_requests", "Requests to the API.", names, registry=self.registry)
        self._seconds = Histogram(
            "entrepot_http_request_seconds",
            "How long they took.",
            ("method", "route"),
            buckets=_BUCKETS,
            registry=self.registry,
        )

    def note(self, scope: MutableMapping[str, Any], status: int, seconds: float) -> None:
        """One request: under its route's path as documented, never as sent, so that there are few."""
        route = getattr(scope.get("route"), "path", None) or "other"
        method = scope["method"] if scope["method"] in ("GET", "POST", "PUT", "DELETE", "HEAD") else "other"
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)

    def watch(self, read: Callable[[], Iterable[Gauge]]) -> None:
        """Add gauges that are read each time somebody asks."""
        self.registry.register(_Standing(read))

    def render(self) -> bytes:
        """The text that Prometheus reads."""
        return generate_latest(self.registry)


class _Standing(Collector):
    def __init__(self, read: Callable[[], Iterable[Gauge]]) -> None:
        self._read = read

    def collect(self) -> Iterable[Metric]:
        """As `prometheus_client` asks for it."""
        for name, said, values in self._read():
            family = GaugeMetricFamily(name, said, labels=["subject"])
            for subject, value in values.items():
                family.add_metric([subject], value)
            yield family

    def describe(self) -> Iterable[Metric]:
        """Nothing: reading is left for when it is asked."""
        return ()
