"""Mutated bytes: damaged, cut, doubled, spliced and nested versions of real inputs; the same for the same dice."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

LARGEST = 64 << 10
"""Bytes of an input; a reader has 5 seconds for it."""

COMMON = (
    b"\0", b"\r", b"\n", b"\r\n", b"\t", b" ", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\xff", b"\xc3", b"\xed\xa0\x80",
    b"\xe2\x80\xa8", b"\xc2\x85", b"\x0c", b"\x1a", b"\x1b", b"\xf0\x9f\x92\xa9", b"-1", b"0", b"1e999", b"-0.0", b"NaN",
    b"99999999999999999999999999", b"1" * 5000, b"a" * 3000, b"null", b"true", b"2026-02-30", b"0001-01-01", b"\\", b"''", b'""',
)  # fmt: skip
YAML = (
    b": ", b"- ", b"? ", b"# ", b"| ", b"> ", b"---\n", b"...\n", b"{", b"}", b"[", b"]", b", ", b"&a ", b"*a", b"<<: *a\n",
    b"<<: [*a, *a]\n", b"!!python/object:os.system ", b"!!binary ", b"!!set {a, b}", b"!!int 'x'", b"!!float .inf", b"!!timestamp ",
    b"!!omap [a: 1]", b"!foo ", b"%YAML 1.1\n", b"%TAG ! x\n", b"yes", b"no", b"~", b"0o7", b"0x1F", b"1_000", b".nan", b"12:30:45",
    b"2026-01-01", b"2026-01-01T00:00:00Z", b"'", b'"', b"\"\\x00\"", b"\"\\ud800\"", b"? [a]\n: b\n", b"1: 2\n", b"null: 1\n",
    b"true: x\n", b"[1, 2]: 3\n",
)  # fmt: skip
DELIMITED = (
    b",",
    b";",
    b"|",
    b'"',
    b'""',
    b'"""',
    b"'",
    b'",',
    b',"',
    b'"\n',
    b'"\r\n"',
    b"\n\n",
    b"\r\r",
    b",,,,",
    b"#",
    b'\\"',
    b"\\,",
)
JSON = (
    b"{", b"}", b"[", b"]", b",", b":", b'"', b'"a":1', b"{}", b"[]", b"\\u0000", b"\\ud800", b"\\uD83D\\uDCA9", b"1E400",
    b"-", b"1.", b".5", b"01", b"Infinity", b"tru", b"//", b"'a'",
)  # fmt: skip
SQL = (
    b"/* --- \n", b"--- */", b"SELECT ", b" FROM ", b" WHERE ", b" JOIN ", b"(", b")", b",", b";", b"--", b"/*", b"*/", b"'", b'"', b"$$",
    b" UNION ALL ", b"WITH RECURSIVE x AS (", b" OVER (PARTITION BY ", b" QUALIFY ", b"CAST(1 AS ", b"now()", b"random()", b"*",
    b"read_csv('/etc/passwd')", b"DROP TABLE x", b"COPY x TO 'y'", b"ATTACH 'x'", b"PRAGMA x", b"INSTALL x", b"?", b"$1", b":a",
    b"x'00'", b"E'\\x'", b"::", b"[1:2]", b"{a: 1}", b"LATERAL ", b"UNNEST(", b"VALUES (1)", b"EXISTS (", b"NOT ",
)  # fmt: skip


def mutate(data: bytes, others: Sequence[bytes], tokens: Sequence[bytes], dice: random.Random) -> bytes:
    """One to six changes at random places."""
    for _ in range(dice.choice((1, 1, 1, 2, 3, 6))):
        change = dice.choice(_CHANGES)
        data = change(data, others, tokens, dice)[:LARGEST]
    return data


def _flip(data: bytes, others: Sequence[bytes], tokens: Sequence[bytes], dice: random.Random) -> bytes:
    if not data:
        return bytes([dice.randrange(256)])
    at = dice.randrange(len(data))
    return data[:at] + bytes([data[at] ^ (1 << dice.randrange(8))]) + data[at + 1 :]


def _delete(data: bytes, others: Sequence[bytes], tokens: Sequence[bytes], dice: random.Random) -> bytes:
    begin, end = _span(data, dice)
    return data[:begin] + data[end:]


def _insert(data: bytes, others: Sequence[bytes], tokens: Sequence[bytes], dice: random.Random) -> bytes:
    at = dice.randint(0, len(data))
    return data[:at] + dice.choice(tokens) + data[at:]


def _replace(data: bytes, others: Sequence[bytes], tokens: Sequence[bytes], dice: random.Random) -> bytes:
    begin, end = _word(data, dice)
    return data[:begin] + dice.choice(tokens) + data[end:]


def _repeat(data: bytes, others: Sequence[bytes], tokens: Sequence[bytes], dice: random.Random) -> bytes:
    begin, end = _span(data, dice)
    return data[:end] + data[begin:end] * dice.choice((1, 2, 10)) + data[end:]


def _nest(data: bytes, others: Sequence[bytes], tokens: Sequence[bytes], dice: random.Random) -> bytes:
    at = dice.randint(0, len(data))
    return data[:at] + dice.choice(tokens) * dice.choice((10, 100, 1000, 5000)) + data[at:]


def _truncate(data: bytes, others: Sequence[bytes], tokens: Sequence[bytes], dice: random.Random) -> bytes:
    return data[: dice.randint(0, len(data))]


def _splice(data: bytes, others: Sequence[bytes], tokens: Sequence[bytes], dice: random.Random) -> bytes:
    other = dice.choice(others)
    begin, end = _span(other, dice)
    at = dice.randint(0, len(data))
    return data[:at] + other[begin:end] + data[at:]


def _swap_lines(data: bytes, others: Sequence[bytes], tokens: Sequence[bytes], dice: random.Random) -> bytes:
    lines = data.splitlines(keepends=True)
    if len(lines) > 1:
        one, two = dice.randrange(len(lines)), dice.randrange(len(lines))
        lines[one], lines[two] = lines[two], lines[one]
    return b"".join(lines)


def _swap_words(data: bytes, others: Sequence[bytes], tokens: Sequence[bytes], dice: random.Random) -> bytes:
    begin, end = _word(data, dice)
    other = dice.choice(others)
    first, last = _word(other, dice)
    return data[:begin] + other[first:last] + data[end:]


def _indent(data: bytes, others: Sequence[bytes], tokens: Sequence[bytes], dice: random.Random) -> bytes:
    lines = data.splitlines(keepends=True)
    if lines:
        at = dice.randrange(len(lines))
        lines[at] = lines[at].lstrip(b" ") if dice.random() < 0.5 else b"  " * dice.choice((1, 2, 50)) + lines[at]
    return b"".join(lines)


def _span(data: bytes, dice: random.Random) -> tuple[int, int]:
    begin = dice.randint(0, len(data))
    return begin, min(len(data), begin + dice.choice((1, 2, 8, 40, 400)))


def _word(data: bytes, dice: random.Random) -> tuple[int, int]:
    """A run of letters and digits near a random place: what a value mostly is."""
    begin = dice.randint(0, len(data))
    while begin < len(data) and not data[begin : begin + 1].isalnum():
        begin += 1
    end = begin
    while end < len(data) and (data[end : end + 1].isalnum() or data[end] in b"_.-"):
        end += 1
    return begin, end


_Change = Callable[[bytes, Sequence[bytes], Sequence[bytes], random.Random], bytes]
_CHANGES: tuple[_Change, ...] = (
    _flip, _delete, _insert, _insert, _replace, _replace, _repeat, _nest, _truncate, _splice, _swap_lines, _swap_words, _swap_words, _indent,
)  # fmt: skip
