"""Five layouts, from a title above a table to months over weeks over measures; tests read sheets like these with them."""

from __future__ import annotations

from entrepot.intake.sources.formats import Example

EXAMPLES = (
    Example(
        "A title above, a total below",
        """\
      A             B   C        D
  1   Sell-out report ALBANY
  2   (blank)
  3   Week ending       Volume   Avg. price
  4   2024-01-07        778      3.05
  5   Total             778""",
        """\
excel:
  header_row: 3
  expect: {A1: Sell-out report *}
  add: [{name: partner, cell: A1, like: Sell-out report *}]
  leave_out: [{column: Week ending, like: Total*}]
""",
        "A record: Week ending, Volume, Avg. price, partner. Column B has neither name nor value and is none.",
    ),
    Example(
        "Numbers as German text, the header repeated, notes below",
        """\
      A            B       C          D
  1   Datum        Menge   Preis      Konto
  2   07.01.2024   2.403   2,69 EUR   1.234
  3   Datum        Menge   Preis      Konto
  4   14.01.2024   3.242   2,68 EUR   1.234
  6   Stand: Montag""",
        """\
excel:
  decimal: ","
  thousands: "."
  remove: EUR
  numbers: [{columns: Konto, decimal: "."}]
  leave_out: [{row: header}]
  until: {row: blank}
""",
        "Menge is 2403, Preis 2.69, Konto 1.234. The date's format stands in the contract.",
    ),
    Example(
        "A sheet for each quarter, a table that begins at C7, two header rows",
        """\
      C        D        E       F       G
  6            Shop             Web
  7   Item     Units    Sales   Units   Sales     (D6:E6 and F6:G6 are merged)
  8   Apples   3        4.50    1       1.50""",
        """\
excel:
  sheet: 20?? Q?
  columns: "C:"
  header_row: 6
  header_rows: 2
  header_join: _
  add: [{name: quarter, cell: sheet}]
""",
        "A record: Item, Shop_Units, Shop_Sales, Web_Units, Web_Sales, quarter.",
    ),
    Example(
        "Months over weeks, what is measured in the first column",
        """\
      A        B          C      D
  2            Jan 2024          Feb 2024       (B2:C2 are merged)
  3            W01        W02    W05
  4   Volume   5884       5551   3901
  5   Price    2.65       2.73   2.98""",
        """\
excel:
  header_row: 2
  header_rows: 2
  names: {A: measure}
  across: {columns: "B:", levels: [month, week], down: measure}
""",
        "A record: month, week, Volume, Price; one for each week.",
    ),
    Example(
        "Months over weeks over measures, for each item; regions written once; a total column",
        """\
      A       B        C      D       E      F       G
  1                    January                       Total
  2                    W01            W02
  3   Region  Item     Units  Sales   Units  Sales   Units
  4   North   Apples   3      4.50    2      3.00    5
  5           Pears    1      2.00                   1""",
        """\
excel:
  header_rows: 3
  header_fill: right
  across: {columns: "C:", levels: [month, week, "*"], without: Total}
  fill_down: Region
""",
        "A record: Region, Item, month, week, Units, Sales. Pears has one for W01 and none for W02, where nothing stands.",
    ),
)
