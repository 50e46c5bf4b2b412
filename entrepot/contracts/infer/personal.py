"""Columns that likely hold personal data: by what they are called, and by what their values look like."""

from __future__ import annotations

import re

from entrepot.contracts.infer.forms import FORMS, MARKS
from entrepot.contracts.infer.profile import ColumnProfile

_SHARE = 0.5
"""Of the values must look like it; fewer are chance."""
_PERSONAL_FORMS = {"email", "phone", "iban", "ipv4"}
_WHOSE = "first|last|given|family|full|middle|maiden|sur|fore|contact|customer|cust|client|person|employee|user|guest|holder|owner"
_NAMES = {
    "a name": rf"({_WHOSE})_?names?|surname|vorname|nachname|prenom|apellidos?",
    "an e-mail address": r"e_?mails?(_?addr(ess)?)?|mail",
    "a telephone number": r"(tele)?(phone|fon)(_?n(o|umber|r))?|tel|mobile(_?(no|phone|number))?|fax|cell",
    "an address": r"(street|home|postal|billing|shipping|delivery|mail(ing)?)?_?address(_?(line)?_?[0-9])?|street|strasse|hausn(umme)?r|rue|calle",
    "a date of birth": r"birth_?(day|date)|date_?of_?birth|dob|geburts?_?(tag|datum)|born(_?on)?",
    "an identity number": r"ssn|social_?security.*|passport.*|tax_?(id|number|no)|national_?id|driv(er|ing)_?licen[cs]e.*|steuer_?(id|n(umme)?r)",
    "an account number": r"iban|bic|bank_?account.*|account_?n(o|umber|r)|credit_?card.*|card_?n(o|umber)",
    "a person's trait": r"gender|sex|salary|wage|income|religion|nationality|marital.*|health.*|diagnosis|ethnic.*",
    "a network address": r"ip|ip_?addr(ess)?|client_?ip|mac_?addr(ess)?",
    "a place of a person": r"lat(itude)?|lon(g(itude)?)?|geo_?location",
}
_NAME_PATTERNS = {what: re.compile(pattern) for what, pattern in _NAMES.items()}


def find_personal(column: ColumnProfile, name: str) -> str | None:
    """Why a column may hold personal data, in words; None when nothing speaks for it. `name` is in snake case."""
    for form in MARKS:
        count = column.forms.get(form.name, 0)
        if (
            form.name in _PERSONAL_FORMS
            and column.values
            and count / column.values >= _SHARE
            and not _is_number(column)
            and not (form.name == "phone" and _is_mostly_other(column, count))
        ):
            return f"{count:,} of {column.values:,} values look like {form.said}"
    for what, pattern in _NAME_PATTERNS.items():
        if pattern.fullmatch(name):
            return f"it is called like {what}"
    return None


def _is_mostly_other(column: ColumnProfile, phones: int) -> bool:
    """Dates, IP addresses and codes with leading zeros have the digits and signs of a telephone number."""
    others = [form for form in FORMS if form.codes] + [form for form in MARKS if form.name in ("ipv4", "leading_zero")]
    return any(column.forms.get(form.name, 0) * 2 >= phones for form in others)


def _is_number(column: ColumnProfile) -> bool:
    """Plain numbers and dates are no telephone numbers, although digits are all they need."""
    return bool(column.fitting()) or column.type is not None
