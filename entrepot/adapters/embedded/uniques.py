"""Uniqueness, judged over the staged files of a whole batch and against the table.

Rules are taken in order, the key first; a row that one rule removed does not count for the next. The first record wins; for the key of a
merge the last one does, and the others count as duplicates. Only files that hold a violator are written again. Keys are grouped and
joined by DuckDB, which spills to disk.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from entrepot.adapters.embedded.conversions import source_text
from entrepot.adapters.embedded.judge import reason_struct
from entrepot.adapters.embedded.queries import Resolve
from entrepot.adapters.embedded.quoting import ident, idents, literal
from entrepot.adapters.embedded.rejects import count_by, quarantine_select
from entrepot.adapters.embedded.staging import Staging, read_files
from entrepot.contracts.model import Contract
from entrepot.contracts.row_rules import Severity, Unique
from entrepot.kernel.rows import CORRECTS, MAX_ROWS, ORIGIN, RECORD_ID, WARNINGS
from entrepot.ports.engine import REJECT_SCHEMA, SplitTask

_WHERE = ", filename = true, file_row_number = true"
_ROW = "filename, file_row_number"


@dataclass(slots=True)
class Outcome:
    """What the unique rules took away or marked."""

    reasons: Counter[str] = field(default_factory=Counter)
    """rule → rows rejected by it."""
    warnings: Counter[str] = field(default_factory=Counter)
    """rule → rows marked with it."""
    rejected: Counter[str] = field(default_factory=Counter)
    """place → rows."""
    duplicates: Counter[str] = field(default_factory=Counter)


class Collision(Exception):
    """Rows computed in part break a uniqueness together with rows that were not: which of them stays is decided over all rows."""


@dataclass(frozen=True, slots=True)
class Uniques:
    """Judges the unique rules of one task over its staged files."""

    task: SplitTask
    contract: Contract
    staging: Staging
    resolve: Resolve
    starts: Sequence[tuple[int, str]]
    """(first row, place) of each part, in order."""

    def judge(self, rejected_before: int) -> Outcome:
        """Find violators, reject, drop or mark them; `rejected_before` rows have been rejected already."""
        rules = sorted((r for r in self.contract.rules if isinstance(r, Unique)), key=lambda rule: not rule.is_key)
        if not rules or not self.staging.accepted:
            return Outcome()
        run = self.staging.connection.execute
        run("CREATE TEMP TABLE __lost (filename VARCHAR, file_row_number BIGINT, rule VARCHAR, kind VARCHAR)")
        for rule in rules:
            self._find(rule)
        outcome = self._count()
        if outcome.reasons or outcome.warnings or outcome.duplicates:
            self._write_rejects(rules, rejected_before)
            self._rewrite()
        return outcome

    def _find(self, rule: Unique) -> None:
        """Note the violators of one rule among the rows that are still there."""
        merges = rule.is_key and self.task.keep_last_of_key
        keys, rest = idents(rule.columns), self._rest(rule)
        repeated = f"SELECT {keys} FROM ({rest}) GROUP BY {keys} HAVING count(*) > 1"
        order = f"{self._order()} {'DESC' if merges else 'ASC'}, {_ROW}"
        inside = (
            f"SELECT {_ROW} FROM (SELECT {_ROW}, row_number() OVER (PARTITION BY {keys} ORDER BY {order}) AS position "
            f"FROM ({rest}) SEMI JOIN ({repeated}) USING ({keys})) WHERE position > 1"
        )
        kind = "duplicate" if merges else self._kind(rule)
        self._note(inside, rule, kind)
        existing = None if merges else self._existing(rule)
        if existing is not None:
            self._refuse_collision(rule, existing)
            self._note(f"SELECT {_ROW} FROM ({self._rest(rule)}) SEMI JOIN ({existing}) USING ({keys})", rule, kind)

    def _refuse_collision(self, rule: Unique, existing: str) -> None:
        """Rows of touched keys that meet others of the table. Raises: Collision."""
        if self.task.replaced is None:
            return
        sql = f"SELECT 1 FROM ({self._rest(rule)}) SEMI JOIN ({existing}) USING ({idents(rule.columns)}) LIMIT 1"
        if self.staging.connection.execute(sql).fetchone() is not None:
            raise Collision

    def _kind(self, rule: Unique) -> str:
        """A person may approve a row that breaks a rule, but two rows of one key would break the table."""
        if rule.severity is Severity.WARNING or (self.task.approved_rules and not rule.is_key):
            return "warning"
        return "reject"

    def _note(self, found: str, rule: Unique, kind: str) -> None:
        already = f"SELECT {_ROW} FROM __lost WHERE rule = {literal(rule.id)}"
        self.staging.connection.execute(
            f"INSERT INTO __lost SELECT {_ROW}, {literal(rule.id)}, {literal(kind)} "
            f"FROM ({found}) ANTI JOIN ({already}) USING ({_ROW})"
        )

    def _files(self) -> str:
        return read_files((file.path for file in self.staging.accepted), _WHERE)

    def _rest(self, rule: Unique) -> str:
        """Rows that have all values of the rule and were not taken away."""
        there = " AND ".join(f"{ident(column)} IS NOT NULL" for column in rule.columns)
        gone = f"SELECT {_ROW} FROM __lost WHERE kind <> 'warning'"
        return f"SELECT * FROM {self._files()} ANTI JOIN ({gone}) USING ({_ROW}) WHERE {there}"

    def _order(self) -> str:
        """By record; rows without record ids by their content."""
        if self.task.system_columns:
            return RECORD_ID
        return f"concat_ws('|', {', '.join(f'{ident(name)}::VARCHAR' for name in self.staging.schema.names)})"

    def _existing(self, rule: Unique) -> str | None:
        """The rule's values in the table as the plan saw it, without rows that this batch replaces."""
        if self.task.existing is None:
            return None
        run = self.staging.connection.execute
        table = self.resolve(self.staging.connection, self.task.existing)
        known = {row[0] for row in run(f"DESCRIBE SELECT * FROM ({table})").fetchall()}
        if not known.issuperset(rule.columns):
            return None
        keep = (
            f"NOT coalesce(({self.task.ignore_key_conflicts_where}), false)"
            if self.task.ignore_key_conflicts_where
            else "true"
        )
        rows = self._without_replaced(f"SELECT * FROM ({table}) WHERE {keep}")
        key = self.contract.key
        if self.task.keep_last_of_key and key and known.issuperset(key):
            rows = f"SELECT * FROM ({rows}) ANTI JOIN (SELECT {idents(key)} FROM {self._files()}) USING ({idents(key)})"
        return f"SELECT {idents(rule.columns)} FROM ({rows})"

    def _without_replaced(self, rows: str) -> str:
        """Rows of the table but for those whose touched keys this batch computes anew."""
        keys = self.task.replaced
        if keys is None:
            return rows
        match = " AND ".join(f"t.{ident(name)} IS NOT DISTINCT FROM k.{ident(name)}" for name in keys.schema.names)
        return f"SELECT t.* FROM ({rows}) AS t ANTI JOIN {read_files(file.path for file in keys.files)} AS k ON {match}"

    def _count(self) -> Outcome:
        return Outcome(self._rules("reject"), self._rules("warning"), self._places("reject"), self._places("duplicate"))

    def _rules(self, kind: str) -> Counter[str]:
        return count_by(self.staging, f"SELECT rule AS found FROM __lost WHERE kind = {literal(kind)}")

    def _places(self, kind: str) -> Counter[str]:
        lost = f"SELECT {_ROW} FROM __lost WHERE kind = {literal(kind)}"
        if len(self.starts) == 1:
            return count_by(self.staging, f"SELECT {literal(self.starts[0][1])} AS found FROM ({lost})")
        starts = ", ".join(f"({first}, {literal(place)})" for first, place in self.starts)
        rows = f"SELECT {RECORD_ID} & {MAX_ROWS} AS number FROM {self._files()} SEMI JOIN ({lost}) USING ({_ROW})"
        return count_by(
            self.staging,
            f"SELECT place AS found FROM ({rows}) AS r ASOF JOIN (VALUES {starts}) AS p(first, place) ON r.number >= p.first",
        )

    def _write_rejects(self, rules: Sequence[Unique], rejected_before: int) -> None:
        zone = self.contract.time_zone
        texts = {column.name: source_text(column.type, ident(column.name), zone) for column in self.contract.columns}
        row = ", ".join(f"{literal(name)}, {text}" for name, text in texts.items())
        identity = f"{RECORD_ID} AS id, {ORIGIN} AS origin, {CORRECTS} AS corrects"
        if not self.task.system_columns:
            identity = f"NULL::BIGINT AS id, {literal(self.starts[0][1])} AS origin, NULL::BIGINT AS corrects"
        selects = []
        for rule in rules:
            values = ", ".join(texts[name] for name in rule.columns)
            reason = reason_struct(
                rule.id, ", ".join(rule.columns), f"concat_ws(', ', {values})", f"unique in {self.contract.dataset}"
            )
            lost = f"SELECT {_ROW} FROM __lost WHERE kind = 'reject' AND rule = {literal(rule.id)}"
            selects.append(
                f'SELECT {identity}, json_object({row}) AS "row", [{reason}] AS reasons '
                f"FROM {self._files()} SEMI JOIN ({lost}) USING ({_ROW})"
            )
        number_from = None if self.task.system_columns else rejected_before + 1
        relation = " UNION ALL ".join(selects)
        self.staging.write_rejected(
            quarantine_select(self.task.stamp, relation, number_from=number_from), REJECT_SCHEMA
        )

    def _rewrite(self) -> None:
        """Write the files that hold a violator anew, without those removed and with those marked."""
        touched = {
            str(row[0]) for row in self.staging.connection.execute("SELECT DISTINCT filename FROM __lost").fetchall()
        }
        for number, file in enumerate(self.staging.accepted):
            if str(file.path) in touched:
                self.staging.replace_accepted(number, self._without(str(file.path)))
        self.staging.drop_empty()

    def _without(self, path: str) -> str:
        here = f"FROM __lost WHERE filename = {literal(path)} AND kind"
        gone = f"SELECT file_row_number {here} <> 'warning'"
        marks = f"SELECT file_row_number, list(rule ORDER BY rule) AS marks {here} = 'warning' GROUP BY file_row_number"
        columns = [
            f"CASE WHEN marks IS NULL THEN {WARNINGS} ELSE list_concat(coalesce({WARNINGS}, []), marks) END AS {WARNINGS}"
            if name == WARNINGS
            else ident(name)
            for name in self.staging.schema.names
        ]
        file = f"read_parquet({literal(path)}, file_row_number = true, hive_partitioning = false)"
        return (
            f"SELECT {', '.join(columns)} FROM {file} LEFT JOIN ({marks}) USING (file_row_number) "
            f"ANTI JOIN ({gone}) USING (file_row_number)"
        )
