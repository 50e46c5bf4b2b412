"""Which of a source's columns is which of the contract's."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from entrepot.contracts.model import Column, Contract
from entrepot.kernel.errors import DataError

_FILLERS = re.compile(r"[\s_\-]+")


def match_headers(contract: Contract, found: Sequence[str], place: str) -> Mapping[str, str]:
    """Contract column → the source's column, for those that are there.

    First the exact name, then the other names in order, then both again without regard to case, blanks, `_` and `-`.

    Raises: DataError when a column could be several, when one could be for several, when a required one is missing, or when none is there.
    """
    matched: dict[str, str] = {}
    for column in contract.columns:
        header = _find(column, found, place)
        if header is not None:
            matched[column.name] = header
    _refuse_shared(matched, place)
    missing = [column.name for column in contract.columns if column.required and column.name not in matched]
    if missing:
        raise DataError(
            f"{place}: the required {_word(missing)} {', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing; "
            f"found: {', '.join(found) or 'no column at all'}.",
            hint=f"Add the other name under the custom property `entrepot.headers` of the column in the contract of {contract.dataset}, or correct the source.",
        )
    if not matched and found:
        raise DataError(
            f"{place}: none of its columns is one of the contract's ({', '.join(column.name for column in contract.columns[:8])}); "
            f"found: {', '.join(found[:20])}. Every row would be without any value.",
            hint=f"Is it another file, sheet or table? Else add the other names under `entrepot.headers` in the contract of {contract.dataset}.",
        )
    return matched


def _word(names: Sequence[str]) -> str:
    return "column" if len(names) == 1 else "columns"


def _find(column: Column, found: Sequence[str], place: str) -> str | None:
    names = (column.name, *column.headers)
    for name in names:
        hits = [header for header in found if header == name]
        if hits:
            return _only(column, hits, place)
    plain = {_plain(name) for name in names}
    return _only(column, [header for header in found if _plain(header) in plain], place)


def _only(column: Column, hits: Sequence[str], place: str) -> str | None:
    if len(hits) > 1:
        raise DataError(
            f"{place}: column {column.name} could be any of {', '.join(repr(hit) for hit in hits)}; allowed is one.",
            hint="Name the right one under the custom property `entrepot.headers` of the column in the contract, or remove the other from the source.",
        )
    return hits[0] if hits else None


def _refuse_shared(matched: Mapping[str, str], place: str) -> None:
    for header in set(_repeated(matched.values())):
        claimants = [name for name, taken in matched.items() if taken == header]
        raise DataError(
            f"{place}: the column {header!r} could be any of {', '.join(claimants)}; allowed is one.",
            hint="Change `headers` in the contract so that only one column takes it.",
        )


def _repeated(names: Iterable[str]) -> list[str]:
    seen: set[str] = set()
    return [name for name in names if name in seen or seen.add(name)]  # type: ignore[func-returns-value]


def _plain(name: str) -> str:
    return _FILLERS.sub("", name).casefold()
