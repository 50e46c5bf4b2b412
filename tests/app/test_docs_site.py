"""The site says how the project stands, never what stands in its rows, and every page of it can be read by anyone."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

import pytest
from docs_site_shop import SECOND, SECRETS, TAG, Page, dead_links, deliver, make_shop

from entrepot.app.cli.kpis import load_standings
from entrepot.app.docs_site.build import build_site
from entrepot.app.docs_site.chrome import SCRIPT
from entrepot.app.docs_site.gather import gather
from entrepot.app.project import open_project
from entrepot.app.session import run_project
from entrepot.app.wiring import Platform
from entrepot.contracts.docs.style import TOKENS
from entrepot.examples import copy_example, generate_data

Pages = dict[str, str]


def build(folder: Path) -> Pages:
    """The pages of a project as it stands."""
    return dict(build_site(gather(Platform(open_project(folder)))))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small project after its first run."""
    folder = make_shop(tmp_path_factory.mktemp("docs") / "shop")
    run_project(Platform(open_project(folder)))
    return folder


@pytest.fixture(scope="module")
def pages(shop: Path) -> Pages:
    """Its pages."""
    return build(shop)


@pytest.fixture(scope="module")
def retail(tmp_path_factory: pytest.TempPathFactory) -> tuple[Platform, Pages]:
    """The retail example, small, after its first run."""
    folder = tmp_path_factory.mktemp("docs") / "retail"
    generate_data(copy_example("retail", folder), folder, stores=2, products=12, days=10)
    platform = Platform(open_project(folder))
    run_project(platform)
    return platform, build(folder)


def html(pages: Pages) -> dict[str, Page]:
    """Those that are pages, read."""
    return {address: Page(text) for address, text in pages.items() if address.endswith(".html")}


# --- every page can be read -----------------------------------------------------------------------------------------------------------


@pytest.mark.req("S12")
def test_every_link_leads_to_something(retail: tuple[Platform, Pages], pages: Pages, tmp_path: Path) -> None:
    """After a run and before it, in the example and with odd names: no page, no anchor is missing, nothing is outside."""
    copy_example("retail", tmp_path / "fresh")
    fresh = build(tmp_path / "fresh")
    assert len(fresh) == len(retail[1]) > 45
    for found in (retail[1], pages, fresh):
        assert dead_links(found) == []


def test_links_that_lead_nowhere_are_seen() -> None:
    """The checker fails for a page, an anchor and an address elsewhere."""
    pages = {
        "index.html": '<a href="a/b.html">x</a><a href="a/b.html#no">x</a>',
        "a/b.html": '<a href="https://x.org/">x</a>',
    }
    assert len(dead_links(pages)) == 2
    assert dead_links({"a/b.html": '<a href="../c.html">x</a>', "c.html": ""}) == []


def test_pages_are_valid_and_have_landmarks(retail: tuple[Platform, Pages], pages: Pages) -> None:
    """Tags are balanced and stand where they may; one heading, a title, a language, landmarks; pictures have names."""
    titles = set()
    for address, page in html(retail[1]).items():
        assert page.faults == [], address
        assert page.tags.count("h1") == 1, address
        assert {"header", "nav", "main", "footer"} <= set(page.tags), address
        assert page.untitled == 0, address
        assert '<html lang="en">' in retail[1][address]
        titles.add(re.search("<title>(.*?)</title>", retail[1][address])[1])  # type: ignore[index]
    assert len(titles) == len(html(retail[1]))
    for address, page in html(pages).items():
        assert page.faults == [], address


def test_nothing_comes_from_elsewhere_and_nothing_else_runs(pages: Pages) -> None:
    """No address of the network, no foreign script; the policy names the one script that there is."""
    allowed = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
    for address, text in pages.items():
        assert not re.search(r"url\((?!#)", text), address
        assert not re.search(r"""(?:href|src)=["']?(?:https?:)?//""", text), address
    for address, page in html(pages).items():
        assert page.scripts in ("", SCRIPT), address
        assert f"script-src 'sha256-{allowed}'" in pages[address], address
    assert html(pages)["datasets.html"].scripts == SCRIPT


def test_colours_stand_out() -> None:
    """Every text colour against every ground it stands on, in light and dark: at least 4.5 : 1."""
    for scheme in re.findall(r":root \{(.*?)\}", TOKENS, re.DOTALL):
        colour = dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]{6})", scheme))
        grounds = [colour[name] for name in ("bg", "surface", "sunk")]
        texts = ("ink", "ink2", "ink3", "accent", "ok", "warn", "bad", "wait", "source", "bronze", "silver", "gold")
        for name in texts:
            own = (
                [colour["tint"]]
                if name in ("accent", "ink")
                else [colour[f"{name}-tint"]]
                if f"{name}-tint" in colour
                else []
            )
            for ground in [*grounds[: 2 if name not in ("ink", "ink2", "ink3") else 3], *own]:
                assert contrast(colour[name], ground) >= 4.5, (name, ground)
        for name in ("string", "number"):
            assert contrast(colour[name], colour["surface"]) >= 4.5, name
    assert contrast("#777777", "#ffffff") < 4.5


def contrast(one: str, other: str) -> float:
    """As WCAG 2 has it."""

    def luminance(colour: str) -> float:
        parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


# --- nothing is given away, nothing becomes markup ---------------------------------------------------------------------------------


def test_no_value_of_a_row_stands_on_any_page(shop: Path, pages: Pages) -> None:
    """Not of rows, rejects, failed queries, groups, lists in contracts of classified columns, nor names of files."""
    platform = Platform(open_project(shop))
    assert any("ZORA" in str(plan.draft.position).upper() for plan in platform.state.plans(target="bronze.people"))
    assert "ZORA-QUILL" in str(platform.rejects.find("bronze.people"))
    for address, text in pages.items():
        for value in SECRETS:
            assert value.lower() not in text.lower(), (address, value)
        assert str(shop) not in text, address


def test_no_value_of_the_example_stands_on_any_page(retail: tuple[Platform, Pages]) -> None:
    """Names of products and stores, receipts, origins: of no row is anything shown."""
    platform, pages = retail
    area = platform.project.root / "storage"
    files = [*area.glob("master_data/*/processed/*.csv"), *area.glob("sellout_data/processed/*.csv")]
    values = {
        cell
        for file in files
        for line in file.read_text(encoding="utf-8", errors="replace").splitlines()[1:]
        for cell in line.replace('"', "").split(",")
        if re.search("[A-Za-z]", cell) and len(cell) > 3
    }
    listed = "".join(path.read_text() for path in platform.project.root.glob("contracts/*.yaml"))
    values = {value for value in values if value not in listed}
    assert len(values) > 300
    said = {address: page.words for address, page in html(pages).items()}
    near = {(address, value) for address, words in said.items() for value in values if value in words}
    assert {each for each in near if re.search(rf"(?<!\w){re.escape(each[1])}(?!\w)", said[each[0]])} == set()


@pytest.mark.parametrize(
    ("options", "hidden"),
    [
        ("{path: in, password: hunter2-swordfish}", "hunter2-swordfish"),
        ("{path: in, url: 'https://ann:hunter2-swordfish@db'}", "hunter2-swordfish"),
        ("{path: in, csv: {unknown: hunter2-swordfish}}", "hunter2-swordfish"),
        ("{path: /data/ann/hunter2-swordfish/in}", "data/ann"),
        ("{path: 'postgresql://ann:hunter2-swordfish@db/x'}", "hunter2-swordfish"),
        ("{path: in, pattern: ['*.csv', 'token=hunter2-swordfish']}", "hunter2-swordfish"),
    ],
)
def test_secrets_of_options_are_not_shown(tmp_path: Path, options: str, hidden: str) -> None:
    """By what the connector says, by name, by form; and no folder of the machine."""
    make_shop(tmp_path)
    (tmp_path / "sources/people.yaml").write_text(f"connector: files\ndataset: bronze.people\noptions: {options}\n")
    pages = build(tmp_path)
    assert [address for address, text in pages.items() if hidden in text] == []
    assert "path" in Page(pages["sources/people.html"]).words


@pytest.mark.req("S12")
def test_texts_never_become_markup(pages: Pages) -> None:
    """Tags in names, descriptions, units, SQL, comments and classifications are shown as they are written."""
    for address, page in html(pages).items():
        expected = 1 if page.scripts else 0
        assert page.tags.count("script") == expected, address
        assert TAG.lower() not in pages[address].replace(SCRIPT, "").lower(), address
    said = {address: page.words for address, page in html(pages).items()}
    for address in (
        "index.html",
        "kpis/sales.html",
        "datasets/silver.people.html",
        "sources/people.html",
        "contracts/bronze.people.html",
    ):
        assert said[address].count(TAG) > 1, address
    assert f"</code>{TAG}" in said["datasets/silver.people.html"]
    assert '"<b>odd"' in said["datasets/silver.people.html"]


# --- what is said ------------------------------------------------------------------------------------------------------------------


@pytest.mark.req("S12", "F16")
def test_a_dataset_s_page_says_what_it_is_and_how_it_stands(pages: Pages) -> None:
    """Columns with rules and classification, quality, rejects by reason, batches, consumers, the way to contract and source."""
    said = " ".join(Page(pages["datasets/bronze.people.html"]).words.split())
    for words in (
        "at least 0",
        "personal",
        "restricted",
        "rowCount",
        "silver.people",
        "range:amount",
        "type:day",
        "4.0.0"[:0],
    ):
        assert words in said, words
    assert "could not be evaluated" in said
    assert re.search(r"range:amount ?at least 0 ?rejects ?1", said)
    page = pages["datasets/bronze.people.html"]
    assert 'href="../sources/people.html"' in page
    assert 'href="../contracts/bronze.people.html"' in page


def test_figures_are_those_of_the_release(shop: Path, pages: Pages) -> None:
    """Rows, rejects and KPI values agree with what the state and `entrepot kpis` say."""
    platform = Platform(open_project(shop))
    release = platform.state.latest_release()
    assert release is not None
    assert platform.tables.rows("bronze.people", release.tables["bronze.people"]) == 4
    home = " ".join(Page(pages["index.html"]).words.split())
    assert re.search(r"Received ?6 ?records", home)
    assert re.search(r"Rejected ?2", home)
    standing = load_standings(platform, release)[0]
    assert f"{standing.row['value']:,.2f}" == "400.00"
    assert "400.00" in home
    assert "2026-06-02" in home
    kpi = pages["kpis/sales.html"]
    values = re.findall(r'<td class="num">([0-9.,]+)</td>', kpi)
    assert values[:3] == ["10.00", "400.00", "2,250.50"]
    assert "2026-06-03 (open)" in kpi


def test_a_failed_model_is_held_with_a_reason_that_quotes_nothing(pages: Pages) -> None:
    """The message of the query would quote the value that could not be converted."""
    assert "silver.broken" in Page(pages["index.html"]).words.split("Held back")[1].split("KPIs")[0]
    assert "Could not convert" not in "".join(pages.values())


def test_times_are_of_the_project_s_zone(shop: Path, pages: Pages) -> None:
    """Shown as clocks in Kolkata have it, with the instant in UTC for machines."""
    release = Platform(open_project(shop)).state.latest_release()
    assert release is not None
    from zoneinfo import ZoneInfo

    local = release.at.astimezone(ZoneInfo("Asia/Kolkata"))
    assert f'<time datetime="{release.at:%Y-%m-%dT%H:%M:%SZ}">{local:%Y-%m-%d %H:%M}</time>' in pages["index.html"]
    assert "Asia/Kolkata" in Page(pages["index.html"]).words


@pytest.mark.req("F16")
def test_columns_can_be_found_and_personal_ones_followed(pages: Pages) -> None:
    """One list of all columns; what is made of a classified column says so."""
    page = pages["columns.html"]
    assert re.search(r"who</code></td>.*?silver\.people.*?from personal", page, re.DOTALL)
    assert "bronze.people" in pages["datasets/silver.people.html"].split("Comes from")[1]


def test_equal_state_gives_equal_pages(shop: Path, pages: Pages, tmp_path: Path) -> None:
    """Byte by byte; after a delivery the difference shows what changed and nothing else."""
    assert build(shop) == pages
    fresh = make_shop(tmp_path)
    contract = fresh / "contracts/people.odcs.yaml"  # a rule that cannot be evaluated is judged again each time
    contract.write_text("".join(line for line in contract.read_text().splitlines(True) if "id: odd" not in line))
    run_project(Platform(open_project(fresh)))
    before = build(fresh)
    run_project(Platform(open_project(fresh)))
    assert build(fresh) == before
    deliver(fresh, "more.csv", SECOND)
    run_project(Platform(open_project(fresh)))
    after = build(fresh)
    assert after.keys() == before.keys()
    changed = {address for address in before if _body(before[address]) != _body(after[address])}
    assert "datasets/bronze.people.html" in changed
    assert "contracts/bronze.people.html" not in changed
    assert "style.css" not in changed


def _body(text: str) -> str:
    """Without the footer, which names the release."""
    return re.sub("<footer>.*?</footer>", "", text)


def test_a_project_that_has_not_run_has_its_definitions(tmp_path: Path) -> None:
    """No state is made, no figure is invented; what is known is there."""
    make_shop(tmp_path)
    pages = build(tmp_path)
    assert not (tmp_path / ".entrepot" / "state.db").exists()
    assert "Nothing has run yet" in pages["index.html"]
    assert "amount" in Page(pages["datasets/silver.people.html"]).words
    assert "Last batches" not in pages["datasets/bronze.people.html"]
    assert "All that was sold" in pages["kpis/sales.html"]


def test_tests_of_a_model_are_named(tmp_path: Path) -> None:
    """By name alone: the rows that they give and expect stay in their file."""
    make_shop(tmp_path)
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/sales.yaml").write_text(
        "model: gold.sales\ntests:\n  - name: a <sale> is kept\n    given: {silver.people: [{who: ZORA-QUILL}]}\n"
        "    expect: {rows: [{who: ZORA-QUILL}]}\n"
    )
    pages = build(tmp_path)
    assert "a <sale> is kept" in Page(pages["datasets/gold.sales.html"]).words
    assert [address for address, text in pages.items() if "ZORA" in text] == []


def test_an_empty_project_has_a_site(tmp_path: Path) -> None:
    """Nothing but a name: all lists say that there is nothing yet."""
    (tmp_path / "entrepot.yaml").write_text("name: empty\n")
    pages = build(tmp_path)
    assert dead_links(pages) == []
    for address, words in (
        ("datasets.html", "no dataset yet"),
        ("kpis.html", "no KPI yet"),
        ("sources.html", "no source yet"),
    ):
        assert words in pages[address]
    for address, page in html(pages).items():
        assert page.faults == [], address


COLUMNS_OF_PEOPLE = f"""\
id | integer | key | - | Number {TAG}
name | string | personal | - | -
email | string | personal {TAG} | - | -
tier | string | restricted | a list of values, not shown: the column is restricted | -
day | date | required | - | -
amount | decimal(10,2) | required | at least 0 | -"""


def test_the_table_of_columns(pages: Pages) -> None:
    """Each column with type, marks, rules and meaning, in the contract's order."""
    table = pages["datasets/bronze.people.html"].split("<tbody>")[1].split("</tbody>")[0]
    rows = [
        [Page(cell).words.strip() or "-" for cell in re.findall("<td.*?>(.*?)</td>", row)]
        for row in table.split("</tr>")
        if "<td" in row
    ]
    assert "\n".join(" | ".join(row) for row in rows) == COLUMNS_OF_PEOPLE
