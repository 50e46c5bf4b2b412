"""The conformance suites of sources and connectors, for their authors.

    from entrepot.testing.sources import ConnectorConformance, Row, SourceConformance, TypedRow

`docs/how-to/connectors.md` tells how they are used; `examples/connector` is a package that passes them.
"""

from entrepot.testing.sources.connectors import ConnectorConformance
from entrepot.testing.sources.rows import (
    TYPED_ROWS,
    WIDE_TEXTS,
    Row,
    TypedRow,
    batches_of,
    claim_next,
    describe_parts,
    make_rows,
    rows_of,
    take,
    typed_rows_of,
)
from entrepot.testing.sources.suite import SourceConformance, SourceUnderTest

__all__ = [
    "TYPED_ROWS",
    "WIDE_TEXTS",
    "ConnectorConformance",
    "Row",
    "SourceConformance",
    "SourceUnderTest",
    "TypedRow",
    "batches_of",
    "claim_next",
    "describe_parts",
    "make_rows",
    "rows_of",
    "take",
    "typed_rows_of",
]
