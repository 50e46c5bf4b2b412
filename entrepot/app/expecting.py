"""The project's default of what is expected of deliveries: `expect:` in entrepot.yaml, for datasets of sources whose contracts say nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from entrepot.contracts.expectations import LEAST, Learned
from entrepot.contracts.model import Contract
from entrepot.contracts.row_rules import Severity
from entrepot.kernel.documents import Document, check_keys

KEY = "expect"
_KEYS = ("volume", "arrival", "least", "severity")


def apply_default(
    settings: Document, datasets: Collection[str], contracts: Mapping[str, Contract]
) -> dict[str, Contract]:
    """The contracts, with the project's default for those of `datasets` that have no expectation of their own history.

    Raises: ProjectError when the default is neither `learned` nor a mapping of its keys.
    """
    default = _read(settings)
    if default is None:
        return dict(contracts)
    return {name: _with(contract, default) if name in datasets else contract for name, contract in contracts.items()}


def _with(contract: Contract, default: Learned) -> Contract:
    if contract.says_expect:
        return contract
    return replace(contract, expectations=(*contract.expectations, default))


def _read(settings: Document) -> Learned | None:
    value = settings.value.get(KEY)
    if value is None or value == "learned":
        return None if value is None else Learned()
    if not isinstance(value, Mapping):
        raise settings.error(f"{KEY} is {value!r}; allowed is learned, or a mapping with {', '.join(_KEYS)}.", KEY)
    check_keys(settings, (KEY,), value, _KEYS)
    severity, least = value.get("severity", Severity.WARNING), value.get("least", LEAST)
    if severity not in tuple(Severity):
        raise settings.error(f"severity is {severity!r}; allowed is error or warning.", KEY, "severity")
    if isinstance(least, bool) or not isinstance(least, int) or least < 5:
        raise settings.error(f"least is {least!r}; allowed is a whole number from 5 on.", KEY, "least")
    for key in ("volume", "arrival"):
        if not isinstance(value.get(key, True), bool):
            raise settings.error(f"{key} is {value[key]!r}; allowed is true or false.", KEY, key)
    volume, arrival = value.get("volume", True), value.get("arrival", True)
    return (
        Learned(volume=volume, arrival=arrival, least=least, severity=Severity(severity)) if volume or arrival else None
    )
