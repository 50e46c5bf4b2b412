"""Write an input's rows into a pipe, beside what the model's process does with them."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable

import pyarrow as pa


class Feeder(threading.Thread):
    """One input of a running model. The pipe holds little, so no more is read than the function takes."""

    def __init__(self, parameter: str, open_reader: Callable[[], pa.RecordBatchReader]) -> None:
        super().__init__(name=f"feed-{parameter}", daemon=True)
        self.parameter = parameter
        self.error: BaseException | None = None
        self.out, self._in = os.pipe()
        """The end for reading, by its number, which is the same in the process; and the end for writing."""
        self._open = open_reader
        self._give_up: Callable[[], None] = lambda: None

    def close(self) -> None:
        """Close the pipe of an input that was never begun."""
        if self.ident is None:
            os.close(self.out)
            os.close(self._in)

    def begin(self, give_up: Callable[[], None]) -> None:
        """Start, when the process has its end; `give_up` is called when the input cannot be read."""
        os.close(self.out)
        self._give_up = give_up
        self.start()

    def run(self) -> None:
        """Write all rows, or until nobody reads them any more."""
        try:
            with os.fdopen(self._in, "wb", buffering=1 << 20) as sink:
                self._write(sink)
        except OSError as error:
            if error.errno != errno.EPIPE:  # a function need not read to the end
                self._fail(error)
        except BaseException as error:
            self._fail(error)

    def _write(self, sink: object) -> None:
        reader = self._open()
        try:
            with pa.ipc.new_stream(sink, reader.schema) as writer:
                is_empty = True
                for batch in reader:
                    writer.write_batch(batch)
                    is_empty = False
                if is_empty:  # a function that gives a batch for each one then still gives its columns
                    writer.write_batch(pa.RecordBatch.from_pylist([], schema=reader.schema))
        finally:
            reader.close()

    def _fail(self, error: BaseException) -> None:
        self.error = error
        self._give_up()
