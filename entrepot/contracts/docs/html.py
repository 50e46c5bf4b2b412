"""Pages in HTML: plain, readable on a phone, in light and dark, with nothing loaded from elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from entrepot.contracts.docs.facts import DatasetFacts, Link

_STYLE = """
:root { color-scheme: light dark; --ink: #1d2329; --soft: #5b6670; --line: #d9dee3; --paper: #ffffff; --tint: #f3f5f7;
  --link: #0b5cad; --warn: #8a5a00; --bad: #a3262a; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ec; --soft: #9aa6b1; --line: #343c44; --paper: #15191d;
  --tint: #1e242a; --link: #7db7f0; --warn: #e0b050; --bad: #f08a8d; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 70rem; padding: 1.5rem 1rem 4rem; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: .5rem 0; overflow-wrap: anywhere; } h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
a { color: var(--link); } p { max-width: 45rem; } code { font: .92em ui-monospace, monospace; }
td code { white-space: nowrap; } table.facts { width: auto; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .4rem .8rem .4rem 0; border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 600; white-space: nowrap; }
.badge { display: inline-block; border: 1px solid var(--line); border-radius: .3rem; background: var(--tint);
  padding: 0 .4rem; font-size: .85rem; white-space: nowrap; }
.badge.personal { color: var(--warn); border-color: currentColor; } .badge.error { color: var(--bad); border-color: currentColor; }
.soft, footer { color: var(--soft); } footer { margin-top: 3rem; font-size: .9rem; } ul { padding-left: 1.2rem; }
"""


def page_name(dataset: str) -> str:
    """The file of a dataset's page."""
    return f"{dataset}.html"


def render_index(pages: Sequence[DatasetFacts], project: str) -> str:
    """The list of all datasets."""
    rows = [
        (
            f'<a href="{escape(page_name(page.dataset))}"><code>{escape(page.dataset)}</code></a>',
            escape(page.paragraphs[0][1]) if page.paragraphs else "",
            f"{len(page.columns)}",
            escape(", ".join(page.key)),
            "".join(_badge(word, "personal") for word in sorted(set(page.classified.values()))),
        )
        for page in pages
    ]
    body = f"<p>{len(pages)} datasets and what is promised of each.</p>" if pages else "<p>No contract yet.</p>"
    if rows:
        body += _table(("Dataset", "What it is", "Columns", "Key", "Classified"), rows)
    return _page(f"Contracts of {project}", f"<h1>Contracts of {escape(project)}</h1>{body}")


def render_page(page: DatasetFacts) -> str:
    """The page of one dataset."""
    parts = [
        '<nav><a href="index.html">All datasets</a></nav>',
        f"<h1><code>{escape(page.dataset)}</code></h1>",
        *(f"<p>{f'<b>{escape(word)}.</b> ' if word else ''}{escape(text)}</p>" for word, text in page.paragraphs),
        _table((), [(f"<b>{escape(word)}</b>", escape(text)) for word, text in page.facts]),
        _section("Columns", _columns(page)),
        _section("Rules over the whole dataset", _set_rules(page)),
        _section("Rules that are not judged", _pairs(page.not_run, ("Rule", "Why"))),
        _section("Refers to", _links(page.refers_to)),
        _section("Referred to by", _links(page.referred_by)),
        _section("Service levels", _pairs(page.service_levels, ("Level", "Value"))),
        _section("Contact", _pairs(page.contacts, ("Channel", "Where"))),
        f"<footer>Written from <code>{escape(page.file)}</code>, which is the contract; this page only shows it.</footer>",
    ]
    return _page(page.dataset, "\n".join(part for part in parts if part))


def _columns(page: DatasetFacts) -> str:
    rows = []
    for column in page.columns:
        marks = [_badge("key")] if column.column in page.key else []
        marks += [_badge("required")] if column.required else []
        marks += [_badge(page.classified[column.column], "personal")] if column.column in page.classified else []
        rules = "<br>".join(escape(rule) for rule in column.rules if not rule.startswith("key"))
        rows.append(
            (
                f"<code>{escape(column.column)}</code>",
                escape(column.type),
                " ".join(marks),
                rules,
                escape(column.description or ""),
            )
        )
    return _table(("Column", "Type", "", "Rules", "What it means"), rows)


def _set_rules(page: DatasetFacts) -> str:
    rows = [
        (
            f"<code>{escape(rule)}</code>",
            escape(demand),
            _badge("holds the release", "error") if severity == "error" else _badge("warns"),
            escape(text),
        )
        for rule, demand, severity, text in page.set_rules
    ]
    return _table(("Rule", "Demands", "When broken", "Why"), rows) if rows else ""


def _pairs(rows: Iterable[tuple[str, str]], head: tuple[str, str]) -> str:
    cells = [(f"<code>{escape(first)}</code>", escape(second)) for first, second in rows]
    return _table(head, cells) if cells else ""


def _links(links: Iterable[Link]) -> str:
    items = "".join(f'<li><a href="{escape(page_name(link.dataset))}">{escape(link.text)}</a></li>' for link in links)
    return f"<ul>{items}</ul>" if items else ""


def _section(title: str, body: str) -> str:
    return f"<h2>{escape(title)}</h2>\n{body}" if body else ""


def _badge(text: str, kind: str = "") -> str:
    return f'<span class="badge {escape(kind)}">{escape(text)}</span> '


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A table of cells that are HTML already."""
    first = "<thead><tr>" + "".join(f"<th>{escape(cell)}</th>" for cell in head) + "</tr></thead>" if head else ""
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    kind = "" if head else ' class="facts"'
    return f'<div class="scroll"><table{kind}>{first}<tbody>{body}</tbody></table></div>'


def _page(title: str, body: str) -> str:
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )
