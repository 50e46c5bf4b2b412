"""Reading `tests/*.yaml`: in comes a file, out come tests, or everything that is wrong with it."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path

from entrepot.app.model_tests.definition import Cell, Columns, Expected, Given, ModelTest, TextRow, WantedReject
from entrepot.contracts.findings import say_allowed, suggest
from entrepot.contracts.odcs.document import Listing, Node, Scalar, Section
from entrepot.contracts.odcs.reading import parse_document
from entrepot.kernel.errors import EntrepotError, Place, ProjectError, raise_all

FOLDER = "tests"
_FILE_KEYS = ("model", "contract", "through", "description", "tests")
_TEST_KEYS = ("name", "model", "contract", "through", "description", "given", "expect")
_EXPECT_KEYS = ("rows", "columns", "rejected")
_REJECT_KEYS = ("rule", "row")


def find_test_files(root: Path) -> list[Path]:
    """The project's files of tests, ordered by path; names that begin with `.` or `_` are left out."""
    folder = root / FOLDER
    found = (path for path in folder.rglob("*") if path.suffix in (".yaml", ".yml") and path.is_file())
    return sorted(
        path for path in found if not any(part.startswith((".", "_")) for part in path.relative_to(folder).parts)
    )


def load_tests(path: Path) -> list[ModelTest]:
    """Read one file. Raises: ProjectError, or ManyErrors with all that is wrong."""
    try:
        source = path.read_bytes()
    except OSError as error:
        raise ProjectError(f"the file cannot be read: {error.strerror}.", place=Place(path)) from error
    if not source.strip():
        raise ProjectError("the file is empty; allowed are model: and tests:.", place=Place(path))
    return _File(path, parse_document(path, source)).read()


class _File:
    """One file while it is read."""

    def __init__(self, path: Path, root: Section) -> None:
        self._path = path
        self._root = root
        self._names: set[str] = set()

    def read(self) -> list[ModelTest]:
        errors: list[EntrepotError] = []
        found: list[ModelTest] = []
        try:
            _check_keys(self._root, _FILE_KEYS)
            items = _listing(self._root, "tests")
        except EntrepotError as error:
            raise_all([error])
            raise
        for number, item in enumerate(items):
            try:
                found.append(self._test(item, number))
            except EntrepotError as error:
                errors.append(error)
        raise_all(errors)
        return found

    def _test(self, item: Node, number: int) -> ModelTest:
        if not isinstance(item, Section):
            raise ProjectError("a test is a mapping with name, given and expect.", place=item.place)
        _check_keys(item, _TEST_KEYS)
        name = self._name(item)
        target, of_contract = self._target(item)
        through = item if "through" in item.entries else self._root
        return ModelTest(
            name=name,
            target=target,
            of_contract=of_contract,
            through=_texts(through.get("through"), "through"),
            given=tuple(self._givens(item)),
            expect=self._expected(item),
            place=item.place,
            at=("tests", number),
        )

    def _name(self, item: Section) -> str:
        name = item.text("name")
        if not name:
            raise ProjectError("a test needs a name: one sentence that says what holds.", place=item.place)
        if name in self._names:
            raise ProjectError(f"a second test is named {name!r}.", place=item.place_of("name"), hint="Rename one.")
        self._names.add(name)
        return name

    def _target(self, item: Section) -> tuple[str, bool]:
        holder = item if item.text("model") or item.text("contract") else self._root
        model, contract = holder.text("model"), holder.text("contract")
        if (model is None) == (contract is None):
            said = "both model: and contract: are named" if model else "neither model: nor contract: is named"
            raise ProjectError(
                f"{said}; a test is of one of them.", place=holder.place, hint="Write: model: gold.sales"
            )
        return (model, False) if model else (str(contract), True)

    def _givens(self, item: Section) -> Iterator[Given]:
        node = item.get("given")
        if node is None or (isinstance(node, Scalar) and node.value is None):
            return
        if not isinstance(node, Section):
            raise ProjectError("given is a mapping: dataset: [rows], or dataset: file.csv.", place=node.place)
        for dataset, rows in node.entries.items():
            yield Given(dataset, self._rows(rows, dataset)[0], node.keys[dataset])

    def _expected(self, item: Section) -> Expected:
        node = item.get("expect")
        if not isinstance(node, Section) or not {"rows", "rejected"} & node.entries.keys():
            place = node.place if node is not None else item.place
            raise ProjectError("a test needs expect: with rows, rejected or both.", place=place)
        _check_keys(node, _EXPECT_KEYS)
        rows, file = self._rows(node.entries["rows"], "rows") if "rows" in node.entries else (None, None)
        columns = node.text("columns") or Columns.ALL
        if columns not in tuple(Columns):
            raise ProjectError(f"columns is {columns!r}; allowed is all or partial.", place=node.place_of("columns"))
        rejected = tuple(_wanted(each) for each in _listing(node, "rejected")) if "rejected" in node.entries else ()
        return Expected(rows, Columns(columns), rejected, node.place, file)

    def _rows(self, node: Node, label: str) -> tuple[tuple[TextRow, ...], str | None]:
        if isinstance(node, Listing):
            return tuple(_row(each) for each in node.items), None
        if isinstance(node, Scalar) and isinstance(node.value, str):
            return tuple(_read_csv(self._path.parent / node.value, node)), node.value
        if isinstance(node, Scalar) and node.value is None:
            return (), None
        raise ProjectError(f"{label} is neither a list of rows nor the name of a CSV file.", place=node.place)


def _check_keys(section: Section, allowed: tuple[str, ...]) -> None:
    for key in section.entries:
        if key not in allowed:
            raise ProjectError(
                f"unknown key {key!r}; allowed is {say_allowed(allowed)}.",
                place=section.keys[key],
                hint=suggest(key, allowed),
            )


def _listing(section: Section, key: str) -> tuple[Node, ...]:
    node = section.get(key)
    if not isinstance(node, Listing):
        raise ProjectError(f"{key} is missing or is not a list.", place=section.place_of(key))
    return node.items


def _texts(node: Node | None, key: str) -> tuple[str, ...]:
    if node is None:
        return ()
    items = node.items if isinstance(node, Listing) else (node,)
    if not all(isinstance(item, Scalar) and isinstance(item.value, str) for item in items):
        raise ProjectError(f"{key} is not a list of names.", place=node.place)
    return tuple(item.text for item in items if isinstance(item, Scalar))


def _wanted(node: Node) -> WantedReject:
    if not isinstance(node, Section):
        raise ProjectError("a rejected row is a mapping with rule, and row where it matters.", place=node.place)
    _check_keys(node, _REJECT_KEYS)
    rules = _texts(node.get("rule"), "rule")
    if not rules:
        raise ProjectError("a rejected row names the rule that it breaks.", place=node.place)
    row = node.get("row")
    cells = _row(row).cells if row is not None else {}
    return WantedReject(rules, {name: cell.text for name, cell in cells.items()}, node.place)


def _row(node: Node) -> TextRow:
    if not isinstance(node, Section):
        raise ProjectError("a row is a mapping: {column: value, …}.", place=node.place)
    return TextRow({name: Cell(_text(value), value.place) for name, value in node.entries.items()}, node.place)


def _text(node: Node) -> str | None:
    """A value as written; lists and mappings as JSON."""
    return node.text if isinstance(node, Scalar) and node.value is not None else _json_or_null(node)


def _json_or_null(node: Node) -> str | None:
    return None if isinstance(node, Scalar) else _json(node)


def _json(node: Node) -> str:
    match node:
        case Listing():
            return f"[{', '.join(_json(item) for item in node.items)}]"
        case Section():
            return "{" + ", ".join(f"{json.dumps(key)}: {_json(value)}" for key, value in node.entries.items()) + "}"
        case Scalar(value=str()):
            return json.dumps(node.value, ensure_ascii=False)
        case Scalar(value=None):
            return "null"
        case Scalar(value=bool()):
            return "true" if node.value else "false"
    return str(node.value)


def _read_csv(path: Path, node: Scalar) -> Iterator[TextRow]:
    """Rows of a CSV file with a header line; an empty field is null."""
    if path.suffix != ".csv":
        raise ProjectError(f"{node.text!r} is not the name of a CSV file.", place=node.place)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = next(reader, [])
            for fields in reader:
                place = Place(path, reader.line_num)
                if not fields:
                    continue
                if len(fields) != len(header):
                    raise ProjectError(f"{len(fields)} fields; the header has {len(header)}.", place=place)
                cells = {name: Cell(value or None, place) for name, value in zip(header, fields, strict=True)}
                yield TextRow(cells, place)
    except OSError as error:
        raise ProjectError(f"{path.name} cannot be read: {error.strerror}.", place=node.place) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise ProjectError(f"{path.name} is not CSV in UTF-8: {error}.", place=node.place) from error
