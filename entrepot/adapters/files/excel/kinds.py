"""What a file is by its first bytes, whatever it is called: one of four kinds of workbook, or something that is refused by name."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Literal

from entrepot.kernel.errors import DataError

WorkbookKind = Literal["xlsx", "xls", "xlsb", "ods"]

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_BARE_BIFF = (b"\x09\x08\x10\x00", b"\x09\x08\x08\x00", b"\x09\x04\x06\x00", b"\x09\x02\x06\x00", b"\x09\x00\x04\x00")
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_BOOKS = ("Workbook".encode("utf-16-le"), "Book\0".encode("utf-16-le"))
_SAVE_AGAIN = "Save it as an Excel workbook (.xlsx), or as CSV."
_LOOK = 64 << 10


def find_kind(path: Path, place: str) -> WorkbookKind:
    """What kind of workbook the file is. Raises: DataError with what it is instead."""
    with path.open("rb") as file:
        start = file.read(_LOOK)
    if not start:
        raise DataError(f"{place} is empty.", hint="Have the file sent again.")
    if start.startswith(_OLE):
        return _look_into_ole(path, place)
    if start.startswith(b"PK"):
        return _look_into_zip(path, place)
    raise _not_a_workbook(start, place)


def _look_into_ole(path: Path, place: str) -> WorkbookKind:
    content = path.read_bytes()
    if _ENCRYPTED in content:
        raise DataError(f"{place} is protected by a password.", hint="Save it without a password, and send it again.")
    if not any(name in content for name in _BOOKS):
        raise DataError(
            f"{place} is no Excel workbook: it is a compound file (as .doc, .msg or .msi are) without a workbook in it.",
            hint=_SAVE_AGAIN,
        )
    return "xls"


def _look_into_zip(path: Path, place: str) -> WorkbookKind:
    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist())
            if "mimetype" in names:
                kind = archive.read("mimetype")[:100].decode(errors="replace")
                if kind.startswith("application/vnd.oasis.opendocument.spreadsheet"):
                    return "ods"
                raise DataError(f"{place} is no workbook, but a document of kind {kind!r}.", hint=_SAVE_AGAIN)
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise DataError(
            f"{place} is damaged: {_reason(error)}.", hint="It may have been cut off. Have it sent again."
        ) from None
    if "xl/workbook.bin" in names:
        return "xlsb"
    if "[Content_Types].xml" not in names and "_rels/.rels" not in names:
        shown = ", ".join(sorted(names)[:3])
        raise DataError(f"{place} is no Excel workbook but a zip archive of other files ({shown}).", hint="Unpack it.")
    return "xlsx"


def _reason(error: Exception) -> str:
    return str(error) or type(error).__name__


def _not_a_workbook(start: bytes, place: str) -> DataError:
    head = start.lstrip(b"\xef\xbb\xbf \t\r\n")[:2000].lower()
    if start.startswith(_BARE_BIFF):
        return DataError(f"{place} is a workbook of Excel 4 or older, which is not read.", hint=_SAVE_AGAIN)
    if b"urn:schemas-microsoft-com:office:spreadsheet" in head:
        return DataError(f"{place} is no workbook but an XML spreadsheet of Excel 2003.", hint=_SAVE_AGAIN)
    if re.match(rb"<!doctype html|<html|<table|<meta|<head|<body", head) or b"<html" in head or b"<table" in head:
        return DataError(
            f"{place} is no Excel workbook: it is a web page (HTML) with another name.",
            hint="Open it in Excel and save it as an Excel workbook (.xlsx).",
        )
    if head.startswith(b"<?xml"):
        return DataError(f"{place} is no Excel workbook but XML.", hint=_SAVE_AGAIN)
    if b"\0" not in start or start[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return DataError(
            f"{place} is no Excel workbook: it holds plain text, perhaps CSV.",
            hint="If it is CSV, say so with the option format: csv.",
        )
    return DataError(f"{place} is no Excel workbook: it does not begin like one.", hint=_SAVE_AGAIN)
