"""Three ways of writing and the options that read them; tests read these very texts with them."""

from __future__ import annotations

from entrepot.intake.sources.formats import Example

EXAMPLES = (
    Example(
        "German numbers, another encoding, a total at the end",
        """\
Konto;Text;Betrag
0400;Maschinen;1.234,50
0420;#;-17,00
Summe;;1.217,50
""",
        """\
csv:
  encoding: cp1252
  decimal: ","
  thousands: "."
  null_words: ["#"]
  skip_starting: [Summe]
""",
        "Two records. Betrag is 1234.50 and -17.00 where the contract wants a number; Text of the second is null; one record is left out, and announced.",
    ),
    Example(
        "A title, comments, no header, and a delimiter behind every value",
        """\
EXPORT 2026-01-31
# store|units|
ALB|3|
# second page
BOS|7|
""",
        """\
csv:
  skip_lines: 1
  comment: "#"
  delimiter: "|"
  header: false
  columns: [store, units]
  trailing_delimiter: true
""",
        "Two records: ALB 3, BOS 7. A line that is wrong is named as it stands in the file, lines that mean nothing counted.",
    ),
    Example(
        "A delimiter of two characters, apostrophes as quotes, escaped",
        """\
id||note
1||'it\\'s 5 || 6'
2||plain
""",
        """\
csv:
  delimiter: "||"
  quote: "'"
  escape: "\\\\"
""",
        "Two records; the first note is: it's 5 || 6",
    ),
)
