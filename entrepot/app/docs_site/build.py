"""All pages of the site: in come facts, out come texts by their address."""

from __future__ import annotations

from collections.abc import Mapping
from zoneinfo import ZoneInfo

from entrepot.app.docs_site.chrome import STYLE_FILE, Chrome, link, stylesheet
from entrepot.app.docs_site.dataset import DatasetPage
from entrepot.app.docs_site.datasets import COLUMNS, DATASETS, render_columns, render_datasets
from entrepot.app.docs_site.facts import SiteFacts
from entrepot.app.docs_site.home import ADDRESS, render_home
from entrepot.app.docs_site.kpis import KPIS, render_kpi, render_kpis
from entrepot.app.docs_site.lineage import LINEAGE, render_lineage
from entrepot.app.docs_site.parts import contract_address, dataset_address, kpi_address, source_address
from entrepot.app.docs_site.source_pages import SOURCES, render_source, render_sources
from entrepot.app.docs_site.words import Times
from entrepot.contracts.docs.facts import DatasetFacts
from entrepot.contracts.docs.html import render_index_body, render_page_body
from entrepot.contracts.docs.markup import el, join

CONTRACTS = "contracts/index.html"


def build_site(site: SiteFacts) -> Mapping[str, str]:
    """Address → text, in order. The same facts give the same texts, byte by byte."""
    chrome = Chrome(site, Times(ZoneInfo(site.zone), site.zone))
    pages = {
        STYLE_FILE: stylesheet(),
        ADDRESS: render_home(chrome),
        DATASETS: render_datasets(chrome),
        COLUMNS: render_columns(chrome),
        KPIS: render_kpis(chrome),
        SOURCES: render_sources(chrome),
        LINEAGE: render_lineage(chrome),
        CONTRACTS: chrome.page(CONTRACTS, "Contracts", render_index_body(site.contracts, site.project)),
    }
    pages |= {dataset_address(entry.name): DatasetPage(chrome, entry).render() for entry in site.entries}
    pages |= {kpi_address(entry.kpi.name): render_kpi(chrome, entry) for entry in site.kpis}
    pages |= {source_address(entry.name): render_source(chrome, entry) for entry in site.sources}
    pages |= {contract_address(facts.dataset): _contract(chrome, facts) for facts in site.contracts}
    return dict(sorted(pages.items()))


def _contract(chrome: Chrome, facts: DatasetFacts) -> str:
    at = contract_address(facts.dataset)
    crumbs = [
        link(CONTRACTS, "Contracts", at=at),
        link(dataset_address(facts.dataset), "How the dataset stands", at=at),
    ]
    body = join((el("p", join(crumbs, " / "), class_="crumbs small"), render_page_body(facts)), "\n")
    return chrome.page(at, f"Contract of {facts.dataset}", body)
