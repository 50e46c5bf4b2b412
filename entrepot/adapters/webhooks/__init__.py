"""Pushing messages of the outbox to webhooks."""

from entrepot.adapters.webhooks.deliverer import Deliverer, Route

__all__ = ["Deliverer", "Route"]
