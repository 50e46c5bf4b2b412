"""All macros."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from entrepot.sql.macros.clean import CLEAN
from entrepot.sql.macros.convert import CONVERT
from entrepot.sql.macros.daily import DAILY
from entrepot.sql.macros.macro import Macro
from entrepot.sql.macros.star import DIMENSION, FACT

MACROS: Mapping[str, Macro] = MappingProxyType(
    {macro.name: macro for macro in (CLEAN, CONVERT, DAILY, DIMENSION, FACT)}
)

TABLE_ARGUMENTS = ("rates",)
"""Named arguments that are tables."""
