"""The HTTP API under `/api/v1`: what the console and other programs ask of a running project."""

from entrepot.app.http.context import ApiContext
from entrepot.app.http.hub import EventHub
from entrepot.app.http.projects import Projects
from entrepot.app.http.server import create_app

__all__ = ["ApiContext", "EventHub", "Projects", "create_app"]
