"""The documents say what is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)|!\[[^\]]*\]\(([^)\s]+)\)")
TOUR = re.compile(r"<!-- tour -->\n(.*?)<!-- /tour -->", flags=re.DOTALL)


def documents(repository: Path) -> list[Path]:
    """The pages at the root and under docs/."""
    return [*repository.glob("*.md"), *(repository / "docs").rglob("*.md")]


def test_every_link_inside_the_repository_leads_somewhere(repository: Path) -> None:
    """No page links to a file that is not there."""
    lost = []
    for page in documents(repository):
        for match in LINK.finditer(page.read_text(encoding="utf-8")):
            target = match.group(1) or match.group(2)
            if "://" not in target and not target.startswith("mailto:") and not (page.parent / target).exists():
                lost.append(f"{page.relative_to(repository)} → {target}")
    assert lost == []


def test_every_make_target_that_a_page_names_exists(repository: Path) -> None:
    """A reader who types what a page says gets what it says."""
    makefile = (repository / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, flags=re.MULTILINE))
    named = {
        (page.name, target)
        for page in documents(repository)
        for target in re.findall(r"(?:^|`|&& )make ([a-z-]+)", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    }
    assert {(page, target) for page, target in named if target not in targets} == set()
    assert named


def test_every_file_that_the_architecture_names_exists(repository: Path) -> None:
    """Whoever follows the record through the code finds the files."""
    text = (repository / "ARCHITECTURE.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([a-z_]+(?:/[a-z_]+)*\.py)`", text))
    roots = (repository, repository / "entrepot")
    assert [name for name in sorted(named) if not any((root / name).is_file() for root in roots)] == []
    assert named


def test_every_make_target_has_a_sentence(repository: Path) -> None:
    """`make help` explains each target that is meant for people."""
    makefile = (repository / "Makefile").read_text(encoding="utf-8")
    phony = re.search(r"^\.PHONY: (.*)$", makefile, flags=re.MULTILINE)
    assert phony
    explained = set(re.findall(r"^([a-z-]+):.*## \S", makefile, flags=re.MULTILINE))
    assert set(phony.group(1).split()) - explained == set()


def test_the_tour_is_the_same_in_readme_and_docs(repository: Path) -> None:
    """The tour is written once; its copy in the README cannot fall behind."""
    readme = TOUR.search((repository / "README.md").read_text(encoding="utf-8"))
    page = TOUR.search((repository / "docs" / "tour.md").read_text(encoding="utf-8"))
    assert readme
    assert page
    assert readme.group(1) == page.group(1)


@pytest.mark.parametrize("folder", ["concepts", "how-to"])
def test_every_page_is_in_the_menu(repository: Path, folder: str) -> None:
    """No page is written that nobody can reach."""
    menu = (repository / "mkdocs.yml").read_text(encoding="utf-8")
    pages = [path.relative_to(repository / "docs").as_posix() for path in (repository / "docs" / folder).glob("*.md")]
    assert [page for page in pages if page not in menu] == []
    assert pages
