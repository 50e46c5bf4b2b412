"""One kept result as bytes: a mark, the hash of what follows, the key in full, the rows as an Arrow stream.

Arrow streams have no checksum of their own: without the hash a flipped bit would be a wrong number.
"""

from __future__ import annotations

import hashlib

import pyarrow as pa

from entrepot.ports.cache import CacheKey

_MARK = b"EPC1"
_HASH_BYTES = 32


def encode(key: CacheKey, rows: pa.Table) -> bytes | None:
    """The bytes of an entry; None for rows that would not come back as they are."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_table(rows)
    body = _head(key) + sink.getvalue().to_pybytes()
    made = _MARK + _hash(body) + body
    back = decode(key, made)
    return made if back is not None and back.schema.equals(rows.schema, check_metadata=True) else None


def decode(key: CacheKey, found: bytes) -> pa.Table | None:
    """The rows of an entry; None when it is damaged or of another key. The rows share the memory of `found`."""
    start = len(_MARK) + _HASH_BYTES
    body = memoryview(found)[start:]
    if found[: len(_MARK)] != _MARK or found[len(_MARK) : start] != _hash(body):
        return None
    head = _head(key)
    if bytes(body[: len(head)]) != head:
        return None
    try:
        return pa.ipc.open_stream(pa.py_buffer(body[len(head) :])).read_all()
    except (pa.ArrowException, OSError):  # written whole by another version of the library
        return None


def _head(key: CacheKey) -> bytes:
    return f"{key.room}/{key.digest}\n".encode()


def _hash(body: bytes | memoryview) -> bytes:
    return hashlib.blake2b(body, digest_size=_HASH_BYTES).digest()
