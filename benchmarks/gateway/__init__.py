"""Durable accepts over HTTP: `python -m benchmarks.gateway`."""
