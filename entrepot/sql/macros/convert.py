"""`convert`: amounts into one currency, at the rate of a day that is stated."""

from __future__ import annotations

from collections.abc import Sequence

from entrepot.sql.macros.macro import Argument, Call, Macro, Sample
from entrepot.sql.macros.values import Value, literal, quote

AMOUNT_TYPE = "DECIMAL(28, 10)"
RULES = ("last_earlier", "exact")
DAYS = 7
"""How old the last earlier rate may be when nothing is said: the longest time without rates of the ECB is five days."""
_MOST_DAYS = 400


def result_columns(call: Call) -> tuple[str, ...]:
    """The names of the columns that are null where a rate is missing: the amounts, and the rate."""
    return (*(name for name, _ in _amounts(call)), _names(call)[0])


def _render(call: Call) -> str:
    into, base = _code(call, "into"), _code(call, "base")
    rate_name, day_name = _names(call)
    amounts = _amounts(call)
    call.refuse_twice((*(name for name, _ in amounts), rate_name, day_name))
    currency, day = call.given["currency"].sql(), f"CAST({call.given['day'].sql()} AS DATE)"
    same = f"{currency} = {into}"
    if into == base:
        rate, rate_day = "_r._rate", "_r._rate_day"
    else:
        # A currency against another: both against the base.
        rate = f"(CASE WHEN {currency} = {base} THEN 1 ELSE _r._rate END / _t._rate)"
        rate_day = f"CASE WHEN {currency} = {base} THEN _t._rate_day ELSE least(_r._rate_day, _t._rate_day) END"
    # Without a rate the column of this name in _r is taken, which is always null. It is mentioned without its table, so that check
    # refuses a table that has such a column already: else its values would be taken for the converted ones.
    columns = [
        "_p.*",
        *(
            f"CASE WHEN {same} THEN CAST({sql} AS {AMOUNT_TYPE}) WHEN {rate} IS NULL THEN {name} "
            f"ELSE CAST(({sql}) / {rate} AS {AMOUNT_TYPE}) END AS {name}"
            for name, sql in amounts
        ),
        f"CASE WHEN {same} THEN 1 WHEN {rate} IS NULL THEN {rate_name} ELSE {rate} END AS {rate_name}",
        f"CASE WHEN {same} THEN {day} WHEN {rate} IS NULL THEN {day_name} ELSE {rate_day} END AS {day_name}",
    ]
    nulls = [f"CAST(NULL AS {AMOUNT_TYPE}) AS {name}" for name, _ in amounts]
    nulls += [f"NULL AS {rate_name}", f"CAST(NULL AS DATE) AS {day_name}"]
    joins = f"LEFT JOIN ({_dated_rates(call, nulls)}) AS _r ON _r._currency = {currency} AND _r._day = {day}"
    if into != base:
        joins += f" LEFT JOIN ({_dated_rates(call, [])}) AS _t ON _t._currency = {into} AND _t._day = {day}"
    return f"SELECT {', '.join(columns)} FROM {call.table.sql} AS _p {joins}"


def _dated_rates(call: Call, nulls: Sequence[str]) -> str:
    """One row for each currency and day that has a rate: its own, or the last one before; and columns that are always null.

    Each rate is laid on its own day and on those after it, and on every day the newest one wins. So a new rate touches a few days only, and the
    join is one of equals: 80 times faster on 5 million rows than one on half-open ranges.
    """
    once = (
        "SELECT currency AS _currency, CAST(day AS DATE) AS _rate_day, "
        # Two rates for one day: none of them is right. A rate of zero is none.
        "CASE WHEN count(*) = 1 AND sum(rate) > 0 THEN sum(rate) END AS _rate "
        f"FROM {call.tables['rates'].sql} WHERE rate IS NOT NULL GROUP BY currency, CAST(day AS DATE)"
    )
    days = _days(call)
    if days == 0:
        columns = ", ".join(("_currency, _rate_day AS _day, _rate_day, _rate", *nulls))
        return f"SELECT {columns} FROM ({once}) AS _once"
    on = "_rate_day + CAST(_after.days AS INTEGER)"
    columns = ", ".join((f"_currency, {on} AS _day, _rate_day, _rate", *nulls))
    return (
        f"SELECT {columns} FROM ({once}) AS _once CROSS JOIN range(0, {days + 1}) AS _after(days) "
        f"QUALIFY rank() OVER (PARTITION BY _currency, {on} ORDER BY _rate_day DESC) = 1"
    )


def _days(call: Call) -> int:
    rule, limit = call.choice("rate", RULES), call.find("within_days")
    if limit is None:
        return DAYS if rule == "last_earlier" else 0
    if rule == "exact":
        raise limit.error("belongs to rate := 'last_earlier'", "An exact rate is that of the day.")
    return limit.number(1, _MOST_DAYS)


def _code(call: Call, name: str) -> str:
    value = call.find(name)
    return literal(_currency(value)) if value is not None else "'EUR'"


def _currency(value: Value) -> str:
    code = value.text()
    if len(code) != 3 or not (code.isalpha() and code.isupper() and code.isascii()):
        raise value.error(f"is {code!r}; a code of three capital letters is expected, 'EUR'")
    return code


def _amounts(call: Call) -> tuple[tuple[str, str], ...]:
    """The names of the converted amounts, and the SQL of the amounts: `[price]` gives price_eur."""
    value = call.given["amounts"]
    if value.sql().startswith("{"):
        return value.named()
    into = call.find("into")
    ending = "_" + (_currency(into).lower() if into is not None else "eur")
    return tuple((quote(column.strip('"') + ending), column) for column in value.columns())


def _names(call: Call) -> tuple[str, str]:
    """The names of the columns with the rate and its day."""
    fields = call.fields("names", (), ("rate", "rate_day"))
    rate = fields["rate"].column() if "rate" in fields else "rate"
    return rate, fields["rate_day"].column() if "rate_day" in fields else "rate_day"


_RATES = (
    "currency, day, rate",
    (
        "'USD', DATE '2026-03-05', 1.25",
        "'USD', DATE '2026-03-06', 1.60",
        "'GBP', DATE '2026-02-02', 0.80",
    ),
)
_PRICES = (
    "product, price, currency, day",
    (
        "'Tea', 4.00, 'USD', DATE '2026-03-05'",
        "'Tea', 4.00, 'USD', DATE '2026-03-08'",
        "'Tea', 4.00, 'GBP', DATE '2026-03-08'",
        "'Tea', 4.00, 'EUR', DATE '2026-03-08'",
    ),
)

CONVERT = Macro(
    name="convert",
    summary="Amounts in one currency, at the rate of a day; the rate and its day stand beside them.",
    table="A table with amounts, a currency and a day.",
    arguments=(
        Argument(
            "amounts",
            "[price]",
            "the amounts; price becomes price_eur, {net: price * quantity} gives a name",
            needed=True,
        ),
        Argument("currency", "currency", "the column with the currency of the amounts", needed=True),
        Argument("day", "valid_from", "the day whose rate holds", needed=True),
        Argument("rates", "silver.fx_rates", "a table with the columns currency, day and rate", needed=True),
        Argument(
            "rate",
            "'last_earlier'",
            "'last_earlier': of days without one the last before; 'exact': of that day only",
            needed=True,
        ),
        Argument(
            "within_days", str(DAYS), f"how many days old a last earlier rate may be; {DAYS} when nothing is said"
        ),
        Argument("into", "'EUR'", "the currency of the result; EUR when nothing is said"),
        Argument(
            "base", "'EUR'", "the currency in whose units rates are stated; EUR, as the ECB does, when nothing is said"
        ),
        Argument("names", "{rate: fx_rate, rate_day: fx_day}", "other names for the columns rate and rate_day"),
    ),
    render=_render,
    samples=(
        Sample(
            tables={"silver.prices": _PRICES, "silver.fx_rates": _RATES},
            call="convert(silver.prices, amounts := [price], currency := currency, day := day, rates := silver.fx_rates, rate := 'last_earlier')",
            columns="product, price, currency, day, price_eur, rate, rate_day",
            rows=(
                "'Tea', 4.00, 'USD', DATE '2026-03-05', 3.2, 1.25, DATE '2026-03-05'",
                "'Tea', 4.00, 'USD', DATE '2026-03-08', 2.5, 1.60, DATE '2026-03-06'",
                "'Tea', 4.00, 'GBP', DATE '2026-03-08', NULL, NULL, NULL",
                "'Tea', 4.00, 'EUR', DATE '2026-03-08', 4, 1, DATE '2026-03-08'",
            ),
        ),
    ),
    notes=(
        "A rate is units of the currency per unit of the base: 1.25 USD are 1 EUR, so an amount is divided by it.",
        f"Nothing is rounded before the end: an amount has ten decimals ({AMOUNT_TYPE}), so sums do not depend on their order. Round where it is shown.",
        "Where there is no rate, or two for one day, the amount, the rate and its day are null. A contract of the model with required "
        "on the amount makes such a row a reject; check warns where there is none.",
    ),
    keeps_columns=True,
)
