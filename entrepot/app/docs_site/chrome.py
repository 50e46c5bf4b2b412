"""What every page of the site shares: head, navigation, style and the one script."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from importlib.resources import files

from entrepot.app.docs_site.facts import SiteFacts
from entrepot.app.docs_site.words import Times
from entrepot.contracts.docs.markup import NOTHING, Html, el, join, plain
from entrepot.contracts.docs.style import BASE, TOKENS

STYLE_FILE = "style.css"
AREAS = (
    ("Home", "index.html"),
    ("Datasets", "datasets.html"),
    ("Columns", "columns.html"),
    ("KPIs", "kpis.html"),
    ("Sources", "sources.html"),
    ("Lineage", "lineage.html"),
    ("Contracts", "contracts/index.html"),
)


def stylesheet() -> str:
    """The one file that all pages link."""
    return TOKENS + BASE + _read("site.css")


def _read(name: str) -> str:
    return (files(__package__) / name).read_text(encoding="utf-8")


SCRIPT = _read("site.js")
"""Search and sort of one page's list; pages without lists have none."""
_HASH = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
_POLICY = f"script-src 'sha256-{_HASH}'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-src 'none'; connect-src 'none'"
"""Nothing but that script may run, whatever a name or a description holds."""


@dataclass(frozen=True, slots=True)
class Chrome:
    """Puts a page's body into the site. `address` is where the page lies, `kpis/total_sales.html`."""

    site: SiteFacts
    times: Times

    def page(self, address: str, title: str, body: Html, *, scripted: bool = False) -> str:
        """The whole text of a page."""
        up = "../" * address.count("/")
        name = self.site.project
        head = (
            f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<title>{plain(title if title == name else f'{title} · {name}')}</title>\n"
            f'<link rel="stylesheet" href="{up}{STYLE_FILE}">\n</head>\n'
        )
        script = f"<script>{SCRIPT}</script>\n" if scripted else ""
        return (
            f'{head}<body>\n<a class="skip" href="#main">To the content</a>\n{self._header(address, up)}\n'
            f'<main id="main">\n{body}\n{self._footer()}\n</main>\n{script}</body>\n</html>\n'
        )

    def _header(self, address: str, up: str) -> Html:
        area = _area_of(address)
        links = [el("li", el("a", word, href=up + to, aria_current=_current(address, to, area))) for word, to in AREAS]
        brand = el("a", self.site.project, href=f"{up}index.html", class_="brand")
        return el("header", brand, el("nav", el("ul", *links), aria_label="Pages"))

    def _footer(self) -> Html:
        release = self.site.release
        said = (
            ("Of release ", f"{release.id}, ", self.times.show(release.at), ".")
            if release is not None
            else ("There is no release yet.",)
        )
        zone = (" Times are those of ", self.times.name, ".") if release is not None or self.site.has_run else ()
        return el(
            "footer",
            *said,
            *zone,
            " Names, rules and counts only; no row of any dataset is shown here. Made by ",
            el("code", "entrepot docs"),
            ".",
        )


def _current(address: str, to: str, area: str) -> str | None:
    if to == address:
        return "page"
    return "true" if to == area else None


def _area_of(address: str) -> str:
    """The list to which a page belongs."""
    folder, slash, _ = address.partition("/")
    return f"{folder}/index.html" if folder == "contracts" else f"{folder}.html" if slash else address


def link(to: str, text: object, *, at: str) -> Html:
    """A link between two pages of the site."""
    return el("a", text, href=relative(to, at))


def relative(to: str, at: str) -> str:
    """The way from one page to another; works from a disk, too."""
    folder = at.rpartition("/")[0]
    if folder and to.startswith(f"{folder}/"):
        return to.removeprefix(f"{folder}/")
    return "../" * at.count("/") + to


def heading(title: object, *badges: object, crumbs: tuple[Html, ...] = ()) -> Html:
    """A page's title below the way to it."""
    way = el("p", join(crumbs, " / "), class_="crumbs small") if crumbs else NOTHING
    return join((way, el("h1", title, *(" " if badges else "",), *badges)), "\n")


def search_box(label: str, target: str) -> Html:
    """Shown by the script alone: without it there is nothing to search with."""
    field = el("input", type="search", id="search", autocomplete="off", data_table=target)
    counted = el("span", "", id="found", class_="soft small", role="status")
    return el("p", el("label", label, for_="search"), " ", field, " ", counted, class_="search", hidden=True)
