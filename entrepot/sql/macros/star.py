"""`dimension` and `fact`: a star schema with keys that follow from the data."""

from __future__ import annotations

from collections.abc import Sequence

from entrepot.sql.macros.macro import Argument, Call, Macro, Sample, check_fields
from entrepot.sql.macros.values import quote

UNKNOWN = "'unknown'"
"""The key of the row that stands for what is not known; no key made of data looks like it."""


def _render_dimension(call: Call) -> str:
    key, columns = call.columns("key"), call.columns("columns")
    name = call.given["id"].column()
    call.refuse_twice((name, *key, *columns))
    unknown = call.find("unknown")
    shown = {field.lower(): value.sql() for field, value in unknown.fields().items()} if unknown is not None else {}
    plain = [column.strip('"').lower() for column in (*key, *columns)]
    for field in shown:
        if unknown is not None and field not in plain:
            raise unknown.error(
                f"names {field}, which is no column of this dimension", f"Known are {', '.join(plain)}."
            )
    member = ", ".join(shown.get(column, "NULL") for column in plain)
    listed = ", ".join((*key, *columns))
    return f"SELECT {_hash(key)} AS {name}, {listed} FROM {call.table.sql} UNION ALL SELECT {UNKNOWN}, {member}"


def _render_fact(call: Call) -> str:
    keys, joins = [], []
    for number, (name, value) in enumerate(call.given["keys"].fields().items(), 1):
        fields = check_fields(value, ("to", "on"), ("id",))
        dimension = fields["to"].table()
        id = fields["id"].column() if "id" in fields else quote(name)
        found = f"_k{number}._key"
        # The second is always null. It is mentioned without its table, so that check refuses facts that have such a column already.
        keys.append(f"coalesce({found}, {quote(name)}, {UNKNOWN}) AS {quote(name)}")
        # DISTINCT: a dimension with a key twice must not double the facts.
        joins.append(
            f"LEFT JOIN (SELECT DISTINCT {id} AS _key, CAST(NULL AS VARCHAR) AS {quote(name)} FROM {dimension}) AS _k{number} "
            f"ON {found} = {_hash([f'_f.{column}' for column in fields['on'].columns()])}"
        )
    return f"SELECT _f.*, {', '.join(keys)} FROM {call.table.sql} AS _f {' '.join(joins)}"


def _hash(columns: Sequence[str]) -> str:
    """A key's hash; null when a part is null. Lengths keep ('a', 'bc') and ('ab', 'c') apart."""
    texts = [f"CAST({column} AS VARCHAR)" for column in columns]
    if len(texts) == 1:
        return f"md5({texts[0]})"
    parts = (f"CAST(length({text}) AS VARCHAR) || ':' || {text}" for text in texts)
    return f"md5({' || '.join(parts)})"


_PRODUCTS = ("product_key, product_id, product", ("md5('P1'), 'P1', 'Tea'", f"{UNKNOWN}, NULL, '(unknown)'"))

DIMENSION = Macro(
    name="dimension",
    summary="A dimension: a key that never changes, its columns, and a row for what is unknown.",
    table="A table with one row per natural key.",
    arguments=(
        Argument("id", "product_key", "the name of the key's column", needed=True),
        Argument("key", "[product_id]", "the natural key of which it is made", needed=True),
        Argument("columns", "[product, category]", "the other columns", needed=True),
        Argument("unknown", "{product: '(unknown)'}", "what the row for the unknown shows; null where nothing is said"),
    ),
    render=_render_dimension,
    samples=(
        Sample(
            tables={"silver.products": ("product_id, product, cost", ("'P1', 'Tea', 2.10",))},
            call="dimension(silver.products, id := product_key, key := [product_id], columns := [product], unknown := {product: '(unknown)'})",
            columns=_PRODUCTS[0],
            rows=_PRODUCTS[1],
        ),
    ),
    notes=(
        "The key is the MD5 of the natural key as text (32 signs): the same in every build, on every machine and in every table.",
        "Say in the contract that the key is primaryKey: a natural key that stands twice, or is null, is then a reject.",
    ),
)

FACT = Macro(
    name="fact",
    summary="Facts with the keys of their dimensions; what a dimension does not have gets the key of the unknown.",
    table="A table with the natural keys.",
    arguments=(
        Argument(
            "keys",
            "{product_key: {to: gold.products, on: [product_id]}}",
            "each key's name, its dimension and the columns here that are its natural key; id: where it is named otherwise there",
            needed=True,
        ),
    ),
    render=_render_fact,
    samples=(
        Sample(
            tables={
                "silver.sales": ("sale_id, product_id, amount", ("1, 'P1', 3.00", "2, 'P9', 1.00", "3, NULL, 2.00")),
                "gold.products": _PRODUCTS,
            },
            call="fact(silver.sales, keys := {product_key: {to: gold.products, on: [product_id]}})",
            columns="sale_id, product_id, amount, product_key",
            rows=("1, 'P1', 3.00, md5('P1')", f"2, 'P9', 1.00, {UNKNOWN}", f"3, NULL, 2.00, {UNKNOWN}"),
        ),
    ),
    notes=(
        "The natural keys must have one type on both sides: 7 and '007' are different texts.",
        "A product that comes later gets its facts by itself, when the model is computed again.",
    ),
    keeps_columns=True,
)
