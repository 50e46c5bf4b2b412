"""A small project for tests of the site: hostile texts, personal values in rows, rejects, refused files and failing rules."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag

TAG = "<script>alert(1)</script>"
SECRETS = ("ZORA-QUILL", "zora.quill@example.org", "VIP-7741", "ODIN-MARSH", "hunter2-swordfish", "zora_quill_2026")
"""Values of rows, of a file's name and of options that may stand on no page."""

FILES = {
    "entrepot.yaml": f"name: {TAG}\ntime_zone: Asia/Kolkata\ndescription: 'Shop & {TAG}'\n",
    "contracts/people.odcs.yaml": f"""\
apiVersion: v3.1.0
kind: DataContract
id: people
name: 'People {TAG}'
version: 2.0.0
status: active
team: {{name: 'crew {TAG}'}}
slaProperties: [{{property: latency, value: 4, unit: h}}]
schema:
  - name: people
    physicalName: bronze.people
    description: 'Who bought {TAG}.'
    quality:
      - {{metric: rowCount, mustBeGreaterThan: 1}}
      - {{id: odd, type: sql, query: "SELECT max(CAST(name AS INTEGER)) FROM bronze.people", mustBe: 1, severity: warning}}
    properties:
      - {{name: id, logicalType: integer, primaryKey: true, description: 'Number {TAG}'}}
      - {{name: name, logicalType: string, classification: personal}}
      - {{name: email, logicalType: string, classification: 'personal {TAG}'}}
      - name: tier
        logicalType: string
        classification: restricted
        quality: [{{metric: invalidValues, mustBe: 0, arguments: {{validValues: [VIP-7741, plain]}}}}]
      - {{name: day, logicalType: date, required: true}}
      - {{name: amount, logicalType: number, physicalType: "DECIMAL(10,2)", required: true, logicalTypeOptions: {{minimum: 0}}}}
""",
    "sources/people.yaml": f"""\
connector: files
dataset: bronze.people
write: append
description: 'From the till {TAG}'
options: {{path: storage/people, pattern: '*.csv', wait: {{stable_s: 0}}}}
""",
    "models/silver/people.sql": f"""\
/* ---
kind: append
driving: bronze.people
description: 'Cleaned {TAG}'
--- */
SELECT id, upper(name) AS who, day, amount, '{TAG}' AS "<b>odd" -- </code>{TAG}
FROM bronze.people
""",
    "models/silver/broken.sql": "/* ---\nkind: full\n--- */\nSELECT CAST(name AS INTEGER) AS n FROM bronze.people\n",
    "models/gold/sales.sql": "/* ---\nkind: full\n--- */\nSELECT day, who, amount FROM silver.people\n",
    "models/gold/latest.sql": "/* ---\nkind: view\n--- */\nSELECT * FROM gold.sales\n",
    "kpis/sales.yaml": f"""\
name: sales
title: 'Sales {TAG}'
definition: 'All that was sold {TAG}.'
formula: 'Σ amount {TAG}'
model: gold.sales
measure: sum(amount)
also: {{best_buyer: max(who)}}
grain: [day, who]
unit: '{TAG}'
owner: '{TAG}'
format: "#,##0.00"
target: 3000
direction: higher_is_better
thresholds: {{good: 2000, warning: 1000}}
edge_cases: ['A return {TAG}']
""",
}
FIRST = """\
id,name,email,tier,day,amount
1,ZORA-QUILL,zora.quill@example.org,VIP-7741,2026-06-01,1250.5
2,ODIN-MARSH,odin@example.org,plain,2026-06-01,1000
3,ODIN-MARSH,odin@example.org,plain,2026-06-02,400
4,ODIN-MARSH,odin@example.org,plain,2026-06-03,10
5,ZORA-QUILL,zora.quill@example.org,VIP-7741,2026-06-03,-7
6,ZORA-QUILL,zora.quill@example.org,VIP-7741,never,12
"""
SECOND = "id,name,email,tier,day,amount\n7,ZORA-QUILL,zora.quill@example.org,plain,2026-06-04,2500\n"


def make_shop(folder: Path) -> Path:
    """Write the project with its first delivery."""
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    deliver(folder, "zora_quill_2026.csv", FIRST)
    return folder


def deliver(folder: Path, name: str, text: str) -> None:
    """Put a file where the source looks."""
    incoming = folder / "storage" / "people" / "incoming"
    incoming.mkdir(parents=True, exist_ok=True)
    (incoming / name).write_text(text)


VOID = frozenset({"meta", "link", "input", "br", "img", "hr"})
BLOCKS = frozenset(
    {"p", "div", "ul", "ol", "dl", "table", "section", "h1", "h2", "h3", "pre", "figure", "details", "main"}
)
PHRASING_ONLY = frozenset({"p", "span", "h1", "h2", "h3", "a", "code", "b", "summary", "label", "title", "dt"})
CHILDREN = {"ul": {"li"}, "ol": {"li"}, "tr": {"td", "th"}, "tbody": {"tr"}, "thead": {"tr"}, "dl": {"div"}}


class Page(HTMLParser):
    """A page as a browser would find it: tags, texts, links, ids, and everything that is not valid."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.faults: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.words = ""
        self.untitled = 0
        self.scripts = ""
        self._open: list[str] = []
        self._waiting_for_title = False
        self.feed(text)
        self.close()
        self.faults += [f"<{tag}> is never closed" for tag in self._open]
        self.faults += [f"id {id} twice" for id in set(self.ids) if self.ids.count(id) > 1]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        inside, found = self._open[-1] if self._open else "", dict(attrs)
        if len(found) != len(attrs):
            self.faults.append(f"<{tag}> has an attribute twice")
        if tag in BLOCKS and PHRASING_ONLY & set(self._open):
            self.faults.append(f"<{tag}> inside {self._open}")
        if inside in CHILDREN and tag not in CHILDREN[inside]:
            self.faults.append(f"<{tag}> directly inside <{inside}>")
        if self._waiting_for_title:
            self.untitled += tag != "title"
            self._waiting_for_title = False
        self._waiting_for_title = tag == "svg" and found.get("role") == "img"
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]
        self.ids += [found["id"] or ""] if "id" in found else []
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.faults.append(f"</{tag}> closes nothing")

    def handle_data(self, data: str) -> None:
        if self._open[-1:] == ["script"]:
            self.scripts += data
        self.words += data


def dead_links(pages: dict[str, str]) -> list[str]:
    """Every link of the pages that leads nowhere, or out of the site."""
    read = {address: Page(text) for address, text in pages.items() if address.endswith(".html")}
    dead = []
    for address, page in read.items():
        for link in page.links:
            to, anchor = urldefrag(unquote(link))
            found = resolve(address, to) if to else address
            if found not in pages or (anchor and anchor not in read[found].ids):
                dead.append(f"{address}: {link}")
    return dead


def resolve(address: str, to: str) -> str:
    """Where a relative link leads."""
    parts = address.split("/")[:-1]
    for step in to.split("/"):
        if step == ".." and parts:
            parts.pop()
        else:
            parts.append(step)
    return "/".join(parts)
