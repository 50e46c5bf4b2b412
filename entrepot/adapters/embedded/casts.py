"""Text to a contract's types: exact, or null.

DuckDB's own casts are too kind for data that nobody has looked at: `'1.5'` becomes the integer 2, `'1_000'` and `'0x1F'` are numbers,
`'1.005'` is rounded, `'2020-01-05x'` and `'2020-01-05 10:00'` are dates, and a timestamp drops its offset. So each text column is cast
once (the candidate), and the candidate counts when its own text is what came; only other spellings go the slower way through a pattern.

What is taken, after blanks around it are cut off (empty is null):

- integer: digits with an optional sign and an optional point with zeros (`17850.0`);
- decimal: digits with an optional sign and point, or with an exponent; no digit but zeros behind the scale;
- double: any decimal writing of a finite number;
- boolean: true, false, 1, 0, yes, no, in any case;
- date: `2020-01-31`, also with a time of midnight; or the column's format, by its own digits (see `written`);
- timestamp: `2020-01-31`, with `T` or a blank `10:00`, `10:00:05`, `10:00:05.123456`, and `Z` or an offset; without one it is read in
  the contract's zone. A wall-clock time that the zone skips or repeats is refused (see `zones`);
- timestamp_local: the same without an offset; an offset is refused, for it would be lost;
- time: `10:00`, `10:00:05`, `10:00:05.123456`, stored as text with six digits of a fraction or none; no 24:00, no leap second.

Dates and times are of the years 1 to 9999 (an instant: in UTC); others no reader of tables could show.

Arrays, objects and maps are typed elsewhere: see `nested`.
"""

from __future__ import annotations

from entrepot.adapters.embedded.quoting import ident, literal
from entrepot.adapters.embedded.written import written_pattern
from entrepot.adapters.embedded.zones import to_instant
from entrepot.contracts.truth import FALSE_WORDS, TRUE_WORDS
from entrepot.contracts.types import NESTED, ColumnType, Kind

BLANKS = "' \t\n\r\u00a0'"
_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME = r"([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,6}0*)?)?"
_FLOAT = r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?"
_OFFSET = r"(Z|z|[+-](0[0-9]|1[0-5])(:?[0-5][0-9])?)"
_MIDNIGHT = r"00:00(:00(\.0+)?)?"


Steps = tuple[str, ...]
"""SQL expressions, computed one after the other: step k of a column is named `step(name, k)`; the last is the typed value."""


def step(name: str, number: int) -> str:
    """The name under which a column's step stands in the next one."""
    return f"{name}_{number}"


def sql_type(column_type: ColumnType) -> str:
    """The type's name in DuckDB."""
    if column_type.kind in NESTED:
        return _nested_type(column_type)
    match column_type.kind:
        case Kind.STRING | Kind.TIME:
            return "VARCHAR"
        case Kind.INTEGER:
            return "BIGINT" if column_type.bits == 64 else "INTEGER"
        case Kind.DECIMAL:
            return f"DECIMAL({column_type.precision},{column_type.scale})"
        case Kind.DOUBLE:
            return "DOUBLE" if column_type.bits == 64 else "FLOAT"
        case Kind.BOOLEAN:
            return "BOOLEAN"
        case Kind.DATE:
            return "DATE"
        case Kind.TIMESTAMP:
            return "TIMESTAMP WITH TIME ZONE"
        case Kind.TIMESTAMP_LOCAL:
            return "TIMESTAMP"
    raise ValueError(column_type.kind)


def _nested_type(column_type: ColumnType) -> str:
    if column_type.is_json:
        return "VARCHAR"
    if column_type.kind is Kind.OBJECT:
        inner = (f"{ident(each.name)} {sql_type(each.type)}" for each in column_type.properties)
        return f"STRUCT({', '.join(inner)})"
    items = sql_type(column_type.items.type) if column_type.items else "VARCHAR"
    if column_type.kind is Kind.MAP:
        return f"MAP({sql_type(column_type.keys.type) if column_type.keys else 'VARCHAR'}, {items})"
    return f"{items}[]"


def trimmed(raw: str) -> str:
    """SQL: a text without blanks around it."""
    return f"trim({raw}, {BLANKS})"


def cast_text(column_type: ColumnType, raw: str, name: str, zone: str) -> Steps:
    """How a text column `raw` is typed; its steps are named after `name`."""
    candidate = step(name, 0)
    if column_type.kind is Kind.TIME:
        return _time(column_type, raw, candidate)
    if column_type.format is not None and column_type.kind in (Kind.DATE, Kind.TIMESTAMP, Kind.TIMESTAMP_LOCAL):
        return _by_format(column_type, raw, name, zone)
    match column_type.kind:
        case Kind.STRING:
            return (raw,)
        case Kind.INTEGER:
            return _integer(column_type, raw, candidate)
        case Kind.DECIMAL:
            return _decimal(column_type, raw, candidate)
        case Kind.DOUBLE:
            return _double(raw, candidate)
        case Kind.BOOLEAN:
            return _boolean(raw)
        case Kind.DATE:
            return _date(raw, candidate)
        case Kind.TIMESTAMP:
            return _instant(raw, name, zone)
        case Kind.TIMESTAMP_LOCAL:
            return (f"TRY_CAST({raw} AS TIMESTAMP)", _local(raw, candidate))
    raise ValueError(column_type.kind)


def _double(raw: str, candidate: str) -> Steps:
    text = trimmed(raw)
    return (
        f"TRY_CAST({raw} AS DOUBLE)",
        f"CASE WHEN regexp_full_match({raw}, '{_FLOAT}') AND isfinite({candidate}) THEN {candidate} "
        f"WHEN {text} <> {raw} AND regexp_full_match({text}, '{_FLOAT}') AND isfinite(TRY_CAST({text} AS DOUBLE)) "
        f"THEN TRY_CAST({text} AS DOUBLE) END",
    )


def _integer(column_type: ColumnType, raw: str, candidate: str) -> Steps:
    name = sql_type(column_type)
    digits = f"regexp_extract({trimmed(raw)}, '^[+-]?[0-9]+')"
    return (
        f"TRY_CAST({raw} AS {name})",
        f"CASE WHEN {candidate}::VARCHAR = {raw} OR {candidate}::VARCHAR || '.0' = {raw} THEN {candidate} "
        rf"WHEN regexp_full_match({trimmed(raw)}, '[+-]?[0-9]+(\.0*)?') THEN TRY_CAST({digits} AS {name}) END",
    )


def _decimal(column_type: ColumnType, raw: str, candidate: str) -> Steps:
    """A candidate whose text starts with what came has lost nothing: `1.50` for `1.5`, `100.00` for `100`."""
    name, scale, text = sql_type(column_type), column_type.scale, trimmed(raw)
    plain = rf"[+-]?([0-9]+(\.[0-9]{{0,{scale}}}0*)?" + (rf"|\.[0-9]{{1,{scale}}}0*)" if scale else r"|\.0+)")
    exponent = r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)[eE][+-]?[0-9]{1,3}"
    return (
        f"TRY_CAST({raw} AS {name})",
        f"CASE WHEN starts_with({candidate}::VARCHAR, {raw}) THEN {candidate} "
        f"WHEN regexp_full_match({text}, '{plain}') THEN TRY_CAST({text} AS {name}) "
        f"WHEN regexp_full_match({text}, '{exponent}') THEN TRY_CAST({_without_exponent(text, scale)} AS {name}) END",
    )


def _without_exponent(text: str, scale: int) -> str:
    """SQL: a number in exponent notation written out with `scale` digits behind the point; null when that loses digits."""
    mantissa = rf"regexp_replace({text}, '[eE].*$', '')"
    digits = f"ltrim(replace(ltrim({mantissa}, '+-'), '.', ''), '0')"
    behind = rf"strlen(regexp_extract({mantissa}, '\.([0-9]*)$', 1))"
    shift = (
        f"(regexp_extract({text}, '[eE](.*)$', 1)::INTEGER - {behind} + {scale})"  # value = digits × 10^(shift - scale)
    )
    sign = f"CASE WHEN starts_with({text}, '-') THEN '-' ELSE '' END"
    whole = (
        f"CASE WHEN {digits} = '' THEN '0' WHEN {shift} BETWEEN 0 AND 76 THEN {digits} || repeat('0', {shift}) "
        f"WHEN {shift} < 0 AND -{shift} < strlen({digits}) AND rtrim(right({digits}, -{shift}), '0') = '' "
        f"THEN left({digits}, strlen({digits}) + {shift}) END"
    )
    padded = f"repeat('0', {scale + 1}) || ({whole})"
    return f"({sign}) || left({padded}, strlen({padded}) - {scale}) || '.' || right({padded}, {scale})"


def _boolean(raw: str) -> Steps:
    lowered = f"lower({trimmed(raw)})"
    return (
        f"CASE WHEN {raw} = 'true' THEN true WHEN {raw} = 'false' THEN false "
        f"WHEN {lowered} IN ({_listed(TRUE_WORDS)}) THEN true WHEN {lowered} IN ({_listed(FALSE_WORDS)}) THEN false END",
    )


def _listed(words: tuple[str, ...]) -> str:
    return ", ".join(literal(word) for word in words)


def _date(raw: str, candidate: str) -> Steps:
    text = trimmed(raw)
    return (
        f"TRY_CAST({raw} AS DATE)",
        f"CASE WHEN strlen({raw}) = 10 AND {candidate}::VARCHAR = {raw} THEN {candidate} "
        f"WHEN regexp_full_match({text}, '{_DATE}([ T]{_MIDNIGHT})?') AND NOT starts_with({text}, '0000') "
        f"THEN TRY_CAST(left({text}, 10) AS DATE) END",
    )


def _time(column_type: ColumnType, raw: str, candidate: str) -> Steps:
    text = trimmed(raw)
    if column_type.format is not None:
        # an offset would be lost
        parsed = "NULL::TIME" if "%z" in column_type.format else f"{_parsed(text, column_type.format)}::TIME"
        return (parsed, time_text(candidate))
    return (f"CASE WHEN regexp_full_match({text}, '{_TIME}') THEN TRY_CAST({text} AS TIME) END", time_text(candidate))


def time_text(value: str) -> str:
    """SQL: a TIME as tables store it, a text with six digits of a fraction or none: such texts sort as the times do."""
    text = f"{value}::VARCHAR"
    return f"CASE WHEN {value} >= TIME '24:00:00' THEN NULL WHEN contains({text}, '.') THEN rpad({text}, 15, '0') ELSE {text} END"


def _local(raw: str, candidate: str) -> str:
    """SQL: a text without offset as a time on a wall clock."""
    text = trimmed(raw)
    return (
        f"CASE WHEN strlen({raw}) BETWEEN 19 AND 26 AND {candidate}::VARCHAR = {raw} THEN {candidate} "
        f"WHEN strlen({raw}) BETWEEN 19 AND 26 AND {candidate}::VARCHAR = replace({raw}, 'T', ' ') THEN {candidate} "
        f"WHEN regexp_full_match({text}, '{_DATE}([ T]{_TIME})?') AND NOT starts_with({text}, '0000') "
        f"THEN TRY_CAST({_with_seconds(text)} AS TIMESTAMP) END"
    )


def _instant(raw: str, name: str, zone: str) -> Steps:
    """Zone-less first: for UTC that needs no calendar."""
    text, candidate, local = trimmed(raw), step(name, 0), step(name, 1)
    return (
        f"TRY_CAST({raw} AS TIMESTAMP)",
        _local(raw, candidate),
        f"CASE WHEN {local} IS NOT NULL THEN {to_instant(local, zone)} "
        f"WHEN {candidate}::VARCHAR || 'Z' = replace({raw}, 'T', ' ') THEN {to_instant(candidate, 'UTC')} "
        f"WHEN regexp_full_match({text}, '{_DATE}[ T]{_TIME} ?{_OFFSET}') AND NOT starts_with({text}, '0000') "
        f"THEN TRY_CAST({_with_seconds(text)} AS TIMESTAMP WITH TIME ZONE) END",
        _in_calendar(step(name, 2)),
    )


def _in_calendar(instant: str) -> str:
    """SQL: an instant of the years 1 to 9999 in UTC."""
    return f"CASE WHEN {in_calendar(instant, 'TIMESTAMP WITH TIME ZONE')} THEN {instant} END"


def in_calendar(value: str, name: str) -> str:
    """SQL: true for a value of the type DATE, TIMESTAMP or TIMESTAMP WITH TIME ZONE in the years 1 to 9999; false for infinities."""
    if name == "DATE":
        return f"({value} BETWEEN DATE '0001-01-01' AND DATE '9999-12-31')"
    offset = "+00" if name == "TIMESTAMP WITH TIME ZONE" else ""
    first, last = "0001-01-01 00:00:00", "9999-12-31 23:59:59.999999"
    return f"({value} BETWEEN '{first}{offset}'::{name} AND '{last}{offset}'::{name})"


def _with_seconds(text: str) -> str:
    """SQL: `10:00` as `10:00:00`, a small z as a large one, and no blank before an offset: as DuckDB reads it."""
    compact = rf"regexp_replace(replace(replace({text}, 'T', ' '), 'z', 'Z'), ' (Z|[+-])', '\1')"
    return rf"regexp_replace({compact}, '^({_DATE} [0-9]{{2}}:[0-9]{{2}})($|Z|[+-])', '\1:00\2')"


def _parsed(text: str, codes: str) -> str:
    """SQL: a text by strptime when it has the look of the format, null otherwise."""
    return f"CASE WHEN regexp_full_match({text}, {literal(written_pattern(codes))}) THEN try_strptime({text}, {literal(codes)}) END"


def _by_format(column_type: ColumnType, raw: str, name: str, zone: str) -> Steps:
    """By strptime. An offset in the text is only of use to an instant; elsewhere it would be lost."""
    codes = column_type.format or ""
    has_offset = "%z" in codes
    if has_offset and column_type.kind is not Kind.TIMESTAMP:
        return (f"NULL::{sql_type(column_type)}",)
    parsed, candidate = _parsed(trimmed(raw), codes), step(name, 0)
    if column_type.kind is Kind.TIMESTAMP:
        found = (
            candidate
            if has_offset
            else f"CASE WHEN {in_calendar(candidate, 'TIMESTAMP')} THEN {to_instant(candidate, zone)} END"
        )
        return (parsed, found, _in_calendar(step(name, 1)))
    inside = in_calendar(candidate, "TIMESTAMP")
    if column_type.kind is Kind.TIMESTAMP_LOCAL:
        return (parsed, f"CASE WHEN {inside} THEN {candidate} END")
    return (parsed, f"CASE WHEN {inside} AND {candidate} = date_trunc('day', {candidate}) THEN {candidate}::DATE END")
