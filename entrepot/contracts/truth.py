"""The words that are truth values, in any case; what types texts and what drafts contracts must agree on them."""

from __future__ import annotations

TRUE_WORDS = ("true", "1", "yes")
FALSE_WORDS = ("false", "0", "no")
