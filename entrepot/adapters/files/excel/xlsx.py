"""Workbooks of Excel 2007 and later as their XML lists them: sheets, styles, and parts that no workbook has."""

from __future__ import annotations

import posixpath
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from entrepot.adapters.files.excel.marks import SheetEntry, TooMuch, Unsafe

CHUNK = 1 << 20
_PART_BYTES = 64 << 20
"""Parts that are read as a whole: the list of sheets, relations."""
_LEAST_RATIO_BYTES = 100 << 20
_MOST_RATIO = 1_000
"""Excel's own XML shrinks to a tenth or a twentieth; what shrinks a thousandfold and is large was made to hurt."""
_NO_LETTERS = re.compile(r'"[^"]*"|\[[^\]]*\]|\\.|general|_.')
_SURE_DATE = re.compile(r"(?=.*(?:y.*m|h.*m))[ymdhs0.:/\\ ,-]+(?:;@)?\Z")
_BUILT_IN_DATES = (*range(14, 23), 45, 46, 47)


def open_safely(path: Path, memory_limit: int) -> zipfile.ZipFile:
    """Open the archive when no part of it would unpack to more than a workbook has. Raises: TooMuch; BadZipFile."""
    archive = zipfile.ZipFile(path)
    for part in archive.infolist():
        size, packed = part.file_size, max(part.compress_size, 1)
        if size > 2 * memory_limit or (size > _LEAST_RATIO_BYTES and size / packed > _MOST_RATIO):
            raise TooMuch(f"a part ({part.filename}) that unpacks from {packed:,} to {size:,} bytes")
    return archive


def read_part(archive: zipfile.ZipFile, name: str) -> bytes:
    """A small part as a whole. Raises: TooMuch; Unsafe; KeyError."""
    with archive.open(name) as file:
        content = file.read(_PART_BYTES + 1)
    if len(content) > _PART_BYTES:
        raise TooMuch(f"a part ({name}) of more than {_PART_BYTES:,} bytes")
    refuse_entities(content[:CHUNK], name)
    return content


def parse_part(archive: zipfile.ZipFile, name: str) -> ET.Element:
    """A small part's tree. Raises: as `read_part`; ValueError when it is no XML."""
    try:
        return ET.fromstring(read_part(archive, name))
    except KeyError:
        raise KeyError(f"its part {name} is missing") from None
    except ET.ParseError as error:
        raise ValueError(f"its part {name} is no XML ({error})") from None


def refuse_entities(start: bytes, name: str) -> None:
    """Raises: Unsafe when XML begins with declarations of entities, as XML bombs and thefts of files do."""
    plain = start.replace(b"\0", b"")  # UTF-16
    if b"<!DOCTYPE" in plain or b"<!ENTITY" in plain:
        raise Unsafe(f"its part {name} declares XML entities, which no workbook needs and XML bombs do")


def list_sheets(archive: zipfile.ZipFile) -> list[SheetEntry]:
    """The workbook's sheets in order.

    Raises: KeyError, ValueError, zipfile.BadZipFile when the workbook is damaged; Unsafe.
    """
    root = _find_workbook(archive)
    folder, _, file = root.rpartition("/")
    prefix = f"{folder}/" if folder else ""
    workbook = parse_part(archive, root)
    relations = parse_part(archive, f"{prefix}_rels/{file}.rels")
    for name in archive.namelist():
        if name.endswith(("sharedStrings.xml", "styles.xml")):
            with archive.open(name) as part:
                refuse_entities(part.read(CHUNK), name)
    targets = {relation.get("Id"): relation for relation in relations}
    found = []
    for element in workbook.iter():
        if element.tag.rpartition("}")[2] == "sheet":
            relation = targets[next(value for key, value in element.attrib.items() if key.endswith("}id"))]
            target = relation.get("Target", "")
            member = target.lstrip("/") if target.startswith("/") else posixpath.normpath(prefix + target)
            is_table = relation.get("Type", "").endswith("/worksheet")
            is_visible = element.get("state", "visible") == "visible"
            found.append(SheetEntry(element.get("name", ""), is_visible, is_table, member))
    return found


def has_durations(archive: zipfile.ZipFile) -> bool:
    """True when a number format of the workbook shows hours beyond a day (`[h]:mm`), so that a date may be a length of time."""
    name = next((name for name in archive.namelist() if name.endswith("styles.xml")), None)
    if name is None:
        return False
    with archive.open(name) as file:
        styles = file.read(_PART_BYTES)
    return bool(re.search(rb"\[(?:h+|m+|s+)\]|numFmtId\s*=\s*[\"']46[\"']", styles, re.IGNORECASE)) or b"\0" in styles


@dataclass(frozen=True, slots=True)
class DateStyles:
    """Numbers of cell styles that show dates, by all we know (`sure`) or by their looks. Only speed depends on them."""

    sure: frozenset[int] = frozenset()
    likely: frozenset[int] = frozenset()


def date_styles(archive: zipfile.ZipFile) -> DateStyles:
    """Those of the workbook."""
    name = next((name for name in archive.namelist() if name.endswith("styles.xml")), None)
    if name is None:
        return DateStyles()
    sure = {str(number) for number in _BUILT_IN_DATES}
    likely: set[str] = set()
    styles: list[str | None] = []
    for element in parse_part(archive, name).iter():
        tag = element.tag.rpartition("}")[2]
        code = element.get("formatCode", "").lower()
        if tag == "numFmt" and _SURE_DATE.match(code):
            sure.add(element.get("numFmtId", ""))
        elif tag == "numFmt" and re.search("[dmyhs]", _NO_LETTERS.sub("", code)):
            likely.add(element.get("numFmtId", ""))
        elif tag == "cellXfs":
            styles = [style.get("numFmtId") for style in element]
    return DateStyles(
        frozenset(number for number, form in enumerate(styles) if form in sure),
        frozenset(number for number, form in enumerate(styles) if form in sure | likely),
    )


def _find_workbook(archive: zipfile.ZipFile) -> str:
    for relation in parse_part(archive, "_rels/.rels"):
        if relation.get("Type", "").endswith("/officeDocument"):
            return relation.get("Target", "").lstrip("/")
    raise ValueError("it does not say which part is the workbook")
