"""What a reader's fault would have had to be: the words beside a reject whose value never reached a rule."""

from __future__ import annotations

from entrepot.adapters.embedded.quoting import literal

_EXPECTED = {
    "ambiguous_key": "each key once, upper and lower case counting as the same",
    "bad_json": "one JSON value",
    "binary_value": "text or a number, not bytes",
    "cell_error": "a value, not an error of the sheet",
    "duplicate_key": "each key once",
    "empty_list": "a list with an item",
    "formula_without_value": "a formula with its result: calculate the sheet and save it again",
    "half_surrogate": "whole characters",
    "impossible_date": "a date that the calendar has",
    "invalid_text": "text of the file's encoding",
    "json_type": "a JSON value of the column's type",
    "metadata_name": "no value of its own under a name that the contract gives to the message (option metadata)",
    "not_a_json_number": "a number of JSON, not NaN or Infinity",
    "not_a_list": "a list",
    "not_a_log_line": "a line of the log's format",
    "not_an_object": "an object with names and values",
    "not_utf8": "text in UTF-8",
    "nul_character": "text without NUL",
    "number_format": "a number as the source's options decimal and thousands say",
    "ragged_record": "as many fields as there are columns",
    "too_deep": "at most 100 levels",
    "too_long": "a record of the stated width",
    "too_short": "a record of the stated width",
    "undecodable": "text of the file's encoding",
    "unnamed_value": "values under named columns only",
    "unreadable_cell": "a cell that can be read",
}
_OTHERS = "a record that can be read"


def expected_sql(reason: str) -> str:
    """SQL that gives the words for a reason, given the SQL of the reason."""
    cases = " ".join(f"WHEN {literal(name)} THEN {literal(words)}" for name, words in _EXPECTED.items())
    return f"CASE {reason} {cases} ELSE {literal(_OTHERS)} END"
