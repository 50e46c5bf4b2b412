"""`daily`: one row per day and group, with sums and counts."""

from __future__ import annotations

from entrepot.sql.macros.macro import Argument, Call, Macro, Sample

_AGGREGATES = {
    "sum": "sum({})",
    "mean": "avg({})",
    "min": "min({})",
    "max": "max({})",
    "distinct": "count(DISTINCT {})",
}
_PREFIXES = {"sum": "", "mean": "mean_", "min": "min_", "max": "max_", "distinct": "distinct_"}


def _render(call: Call) -> str:
    day = f"CAST({call.given['day'].sql()} AS DATE)"
    groups = call.columns("by")
    measures = [measure for name in _AGGREGATES for measure in _measures(call, name)]
    count = call.find("count")
    if count is not None:
        measures.append(f"count(*) AS {count.column()}")
    if not measures:
        raise call.error(
            f"computes nothing; say one of {', '.join((*_AGGREGATES, 'count'))}", "For example: count := rows."
        )
    call.refuse_twice(("day", *groups, *(measure.rpartition(" AS ")[2] for measure in measures)))
    columns = ", ".join((f"{day} AS day", *groups, *measures))
    return f"SELECT {columns} FROM {call.table.sql} GROUP BY {', '.join((day, *groups))}"


def _measures(call: Call, name: str) -> list[str]:
    value = call.find(name)
    if value is None:
        return []
    is_list = value.sql()[:1] != "{"
    prefix = _PREFIXES[name] if is_list else ""
    return [f"{_AGGREGATES[name].format(sql)} AS {_prefixed(prefix, column)}" for column, sql in value.named()]


def _prefixed(prefix: str, column: str) -> str:
    return f'"{prefix}{column[1:]}' if column.startswith('"') else f"{prefix}{column}"


DAILY = Macro(
    name="daily",
    summary="One row per day and group, with sums, counts and the like.",
    table="Any table.",
    arguments=(
        Argument(
            "day",
            "sold_at",
            "the time or date whose day counts; instants are cut in the project's time zone",
            needed=True,
        ),
        Argument("by", "[region]", "the columns that make groups within a day"),
        Argument("sum", "[amount, quantity]", "what is added up; {net: price * quantity} gives a sum a name"),
        Argument("mean", "[price]", "means, named mean_price"),
        Argument("min", "[price]", "smallest values, named min_price"),
        Argument("max", "[price]", "largest values, named max_price"),
        Argument("distinct", "{customers: customer_id}", "how many different values there are"),
        Argument("count", "sales", "the name of a column with the number of rows"),
    ),
    render=_render,
    samples=(
        Sample(
            tables={
                "silver.sales": (
                    "sold_at, region, amount",
                    (
                        "TIMESTAMP '2026-03-01 09:00:00', 'North', 10.00",
                        "TIMESTAMP '2026-03-01 17:30:00', 'North', 2.50",
                        "TIMESTAMP '2026-03-01 11:00:00', 'South', 4.00",
                        "TIMESTAMP '2026-03-02 08:00:00', 'North', 1.00",
                    ),
                )
            },
            call="daily(silver.sales, day := sold_at, by := [region], sum := [amount], count := sales)",
            columns="day, region, amount, sales",
            rows=(
                "DATE '2026-03-01', 'North', 12.50, 2",
                "DATE '2026-03-01', 'South', 4.00, 1",
                "DATE '2026-03-02', 'North', 1.00, 1",
            ),
        ),
    ),
    notes=(
        "Rows without a day make a row with day null, so that totals stay what they are.",
        "Days without rows have no row: nothing is made up.",
    ),
)
