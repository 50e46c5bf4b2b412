"""Questions of people over the network: a session that can read the lake's files and nothing else, for so long, for so many rows."""

from __future__ import annotations

import threading
from pathlib import Path

import pyarrow as pa

from entrepot.adapters.embedded.connections import Instance, Settings, open_instance
from entrepot.adapters.embedded.queries import BATCH_ROWS, Resolve, describe_error, open_views
from entrepot.adapters.embedded.quoting import literal
from entrepot.kernel.errors import ProjectError
from entrepot.ports.relations import QueryScan


class GuardedQueries:
    """One question; it can be stopped from another thread."""

    def __init__(self, resolve: Resolve, settings: Settings, zone: str, lake: Path) -> None:
        self._resolve = resolve
        self._settings = settings
        self._zone = zone
        self._lake = lake
        self._instance: Instance | None = None
        self._ended = False
        self._lock = threading.Lock()
        self.was_stopped = False

    def rows(self, scan: QueryScan, *, limit: int, seconds: float) -> tuple[pa.Table, bool]:
        """The first `limit` rows, and whether these are all. When it was stopped there are none: see `was_stopped`.

        Raises: ProjectError for what is wrong with the text, or needs more memory than there is.
        """
        import duckdb

        opened = open_instance(self._settings, self._zone)
        with self._lock:
            self._instance = opened
        timer = threading.Timer(seconds, self.stop)
        timer.daemon = True
        timer.start()
        try:
            sql = open_views(opened.connection, scan, self._resolve)
            self._lock_session(opened)
            with self._lock:
                if self.was_stopped:
                    return pa.table({}), True
            reader = opened.connection.execute(sql).to_arrow_reader(BATCH_ROWS)
            return _first(reader, limit)
        except duckdb.InterruptException:
            self.was_stopped = True
            return pa.table({}), True
        except duckdb.OutOfMemoryException as error:
            said = f"the question needs more than {self._settings.memory_mb} MB of memory."
            raise ProjectError(said, hint="Narrow it: fewer rows, fewer groups.") from error
        except (duckdb.Error, pa.ArrowException, OSError, ProjectError) as error:
            if self.was_stopped:
                return pa.table({}), True
            if isinstance(error, ProjectError):
                raise
            raise ProjectError(describe_error(error)) from error
        finally:
            timer.cancel()
            with self._lock:
                self._ended = True
                opened.close()

    def stop(self) -> None:
        """Stop the question, now or as soon as it begins. Repeatable."""
        with self._lock:
            if self._ended:
                return
            self.was_stopped = True
            if self._instance is not None:
                self._instance.connection.interrupt()

    def _lock_session(self, opened: Instance) -> None:
        """No other file, no setting, no network: the text was checked, and this holds where the check should err."""
        folders = (self._lake, self._lake.resolve(), opened.spill)
        listed = ", ".join(literal(str(path)) for path in folders)
        opened.connection.execute(f"SET allowed_directories = [{listed}]")
        opened.connection.execute("SET enable_external_access = false")
        opened.connection.execute("SET lock_configuration = true")


def _first(reader: pa.RecordBatchReader, limit: int) -> tuple[pa.Table, bool]:
    found: list[pa.RecordBatch] = []
    count = 0
    for batch in reader:
        found.append(batch.slice(0, limit - count + 1))
        count += batch.num_rows
        if count > limit:
            break
    table = pa.Table.from_batches(found, reader.schema)
    reader.close()
    return table.slice(0, limit), count <= limit
