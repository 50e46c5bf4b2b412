"""Pages about contracts say what the contracts promise, and let nothing of a contract become markup."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import pytest

from entrepot.contracts.docs.facts import collect_facts
from entrepot.contracts.docs.html import render_index, render_page
from entrepot.contracts.load import load_contracts

CONTRACT = """\
apiVersion: v3.1.0
kind: DataContract
id: sales
name: Sales <b>of all</b>
version: 2.1.0
status: active
description: {purpose: "What was <script>alert(1)</script> sold."}
slaProperties: [{property: latency, value: 4, unit: h}]
support: [{channel: "#sales", tool: slack, url: "https://chat.example.org"}]
schema:
  - name: sales
    physicalName: bronze.sales
    quality: [{metric: rowCount, mustBeGreaterThan: 10, severity: warning, description: A day has at least so many.}]
    properties:
      - {name: sale_id, logicalType: string, primaryKey: true, primaryKeyPosition: 1}
      - {name: store, logicalType: string, required: true, relationships: [{to: bronze.stores.store}]}
      - {name: customer, logicalType: string, classification: personal, description: "Name & <i>surname</i>"}
      - {name: quantity, logicalType: integer, logicalTypeOptions: {minimum: 1}}
  - name: stores
    physicalName: bronze.stores
    properties:
      - {name: store, logicalType: string, primaryKey: true, primaryKeyPosition: 1}
"""


class Seen(HTMLParser):
    """Tags and texts of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.sources: list[str] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.sources += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.words += data + " "


@pytest.fixture
def pages(tmp_path: Path) -> dict[str, str]:
    path = tmp_path / "sales.odcs.yaml"
    path.write_text(CONTRACT)
    found = collect_facts([load_contracts(path, default_time_zone="UTC")])
    return {page.dataset: render_page(page) for page in found} | {"index": render_index(found, "shop")}


@pytest.mark.req("S12")
def test_a_page_says_what_is_promised(pages: dict[str, str]) -> None:
    """Columns, rules, keys, classification, rules of the whole, service levels, contacts and both ends of a reference."""
    said = Seen(pages["bronze.sales"]).words
    for word in ("sale_id", "at least 1", "personal", "rowCount", "warns", "latency", "4 h", "#sales", "2.1.0"):
        assert word in said, word
    assert "bronze.stores (store)" in said
    assert "bronze.sales store" in Seen(pages["bronze.stores"]).words


def test_texts_never_become_markup(pages: dict[str, str]) -> None:
    """Tags in a contract's texts are shown, not obeyed."""
    seen = Seen(pages["bronze.sales"])
    assert not {"script", "i"} & set(seen.tags)
    assert "<script>alert(1)</script>" in seen.words
    assert "Name & <i>surname</i>" in seen.words


def test_pages_need_nothing_from_elsewhere(pages: dict[str, str]) -> None:
    """Every link leads to a page that is written; nothing is loaded."""
    for text in pages.values():
        assert {source.removesuffix(".html") for source in Seen(text).sources} <= set(pages)
        assert "url(" not in text


def test_the_index_lists_all(pages: dict[str, str]) -> None:
    """Each dataset with its key and what is classified in it."""
    said = Seen(pages["index"]).words
    assert all(word in said for word in ("bronze.sales", "bronze.stores", "sale_id", "personal", "2 datasets"))
