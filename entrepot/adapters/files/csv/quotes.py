"""Are all quotes where they belong? The CSV parser itself is lenient: it would swallow the rest of a file into one value."""

from __future__ import annotations

import re

_LONGEST_VALUE = 16 << 20
_HINT = (
    "Where records end after that cannot be known. Correct the file, or say how it is written: csv.escape when quotes are "
    "escaped, csv.quote: '' when they mean nothing."
)


class WrongQuote(Exception):
    """A quote is wrong; `offset` is its place among the bytes that were checked."""

    hint = _HINT

    def __init__(self, offset: int, words: str) -> None:
        super().__init__(words)
        self.offset = offset
        self.words = words


class QuoteCheck:
    """Follows a file chunk by chunk, by patterns that run in C.

    A quote that opens a value must close it just before a delimiter or a line end. A quote within an unquoted value
    (`5" pipe`) stands for itself. The fast pattern knows only the first kind; the slow one walks from value to value.
    """

    def __init__(self, delimiter: str, quote: str, escape: str | None) -> None:
        self._quote = quote.encode()
        self._ends = (delimiter.encode(), b"\n", b"\r")
        self._fast, self._slow, self._quoted = _compile(self._quote, self._ends[0], (escape or "").encode())
        self._may_be_fast = not escape
        self._rest = b""
        """What is not decided yet; begins where a value begins."""
        self._decided = 0
        """How many bytes are known to be well-formed."""

    def check(self, chunk: bytes, *, last: bool) -> None:
        """Look at the next chunk.

        Raises: WrongQuote at the first quote that is wrong.
        """
        text = self._rest + chunk if self._rest else chunk
        decided = self._decide(text)
        self._decided += decided
        self._rest = text[decided:]
        if self._rest.startswith(self._quote):
            self._check_open(last)
        if len(self._rest) > _LONGEST_VALUE:
            raise WrongQuote(self._decided, f"a value is longer than {_LONGEST_VALUE:,} bytes")

    def _decide(self, text: bytes) -> int:
        """How far the text is surely well-formed: always to a place where a value begins."""
        if not self._may_be_fast:
            return self._walk(text, 0)
        end = len(text) if self._quote not in text else self._reach(text)
        begin = max(text.rfind(mark, 0, end) for mark in self._ends) + 1
        return begin if end == len(text) else self._walk(text, begin)

    def _reach(self, text: bytes) -> int:
        match = self._fast.match(text)
        return match.end() if match else 0

    def _walk(self, text: bytes, begin: int) -> int:
        match = self._slow.match(text, begin)
        return match.end() if match else begin

    def _check_open(self, last: bool) -> None:
        closed = self._quoted.match(self._rest)
        if closed and (last or closed.end() < len(self._rest)):
            raise WrongQuote(self._decided + closed.end(), "text follows a closing quote")
        if last:
            raise WrongQuote(self._decided, "a quote is opened and never closed")


def _compile(
    quote: bytes, delimiter: bytes, escape: bytes
) -> tuple[re.Pattern[bytes], re.Pattern[bytes], re.Pattern[bytes]]:
    q, d, e = re.escape(quote), re.escape(delimiter), re.escape(escape)
    escaped = rb"|%b[\s\S]" % e if escape else b""
    quoted = rb"%b(?:[^%b%b]++|%b%b%b)*+%b" % (q, q, e, q, q, escaped, q)
    plain = rb"(?:[^%b%b\r\n%b]%b)(?:[^%b\r\n%b]++%b)*+" % (q, d, e, escaped, d, e, escaped)
    opens, closes = rb"[^%b]*+(?<![^%b\r\n])%b[^%b]*+" % (q, d, q, q), rb"%b(?=[%b\r\n])" % (q, d)
    fast = rb"(?:%b%b|%b(?:%b%b[^%b]*+)++%b)*+[^%b]*+" % (opens, closes, opens, q, q, q, closes, q)
    slow = rb"(?:(?:%b|%b)?+[%b\r\n])*+" % (quoted, plain, d)
    return re.compile(fast), re.compile(slow), re.compile(quoted)
