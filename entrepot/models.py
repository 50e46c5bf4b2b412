"""Mark a Python function as a model: `from entrepot.models import model`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

__all__ = ["model"]

_Function = TypeVar("_Function", bound=Callable[..., Any])


def model(
    *,
    inputs: Mapping[str, str],
    kind: str = "full",
    contract: str | None = None,
    description: str | None = None,
    deterministic: bool = True,
    memory_mb: int = 1024,
    timeout_s: float = 600,
) -> Callable[[_Function], _Function]:
    """Say what a model's function reads and what it may use; the function itself stays as it is, and can be called in tests.

    The platform reads this without running the file, so every value is written out where it stands.

    Args:
        inputs: parameter → dataset, `{"sales": "silver.sales"}`.
        kind: `full`, the only one there is for Python: the table is written anew as a whole.
        contract: the dataset whose contract holds for the rows, where it is not the model's own.
        deterministic: False lets a function give another result from the same rows.
        memory_mb: what the function may take beyond what its imports take.
        timeout_s: after so long it is ended.

    Example::

        @model(inputs={"sales": "silver.sales"})
        def forecast(sales: pa.Table) -> pa.Table: ...
    """

    def mark(function: _Function) -> _Function:
        return function

    return mark
