"""Which records made a row: a SELECT is rewritten to one that hands on, beside each row, what it is made of.

`rewrite` gives the same rows with one more column for every base table: a list of record ids, a count, or a mark. A predicate on the
rows stands outside, and the engine pushes it down. Nothing here opens a connection.
"""

from entrepot.sql.explain.carriers import Carrier, Counts, IdLists, Marks
from entrepot.sql.explain.inputs import Input, NotExplainable, Remark, carried_name
from entrepot.sql.explain.rewrite import Rewritten, rewrite

__all__ = [
    "Carrier",
    "Counts",
    "IdLists",
    "Input",
    "Marks",
    "NotExplainable",
    "Remark",
    "Rewritten",
    "carried_name",
    "rewrite",
]
