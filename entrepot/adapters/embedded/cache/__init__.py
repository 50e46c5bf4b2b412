"""Caches: answers on disk, shapes of queries, views that several models of a run share. None of them is anybody's only copy."""

from entrepot.adapters.embedded.cache.files import FileCache
from entrepot.adapters.embedded.cache.identity import Identify, lake_identity
from entrepot.adapters.embedded.cache.queries import CachedQueries
from entrepot.adapters.embedded.cache.shapes import CachedShapes
from entrepot.adapters.embedded.cache.views import SharedViews

__all__ = ["CachedQueries", "CachedShapes", "FileCache", "Identify", "SharedViews", "lake_identity"]
