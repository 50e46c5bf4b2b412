"""What a rule's SQL reads: in comes a rule, out go the tables below it and the views between."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from entrepot.contracts.model import Contract
from entrepot.contracts.set_rules import MeasureSql
from entrepot.kernel.errors import ContractError, Place
from entrepot.kernel.names import Dataset, parse_dataset
from entrepot.lake.models import ModelGraph
from entrepot.sql.set_rules import RuleQuery, compile_rule, find_rule_faults


@dataclass(frozen=True, slots=True)
class RuleReading:
    """A compiled rule with everything below it."""

    query: RuleQuery
    tables: tuple[str, ...]
    views: Mapping[str, str]


def read_rule(rule: MeasureSql, dataset: str, graph: ModelGraph) -> RuleReading:
    """Compile a rule over `dataset`. Raises: ContractError when its SQL is refused."""
    query = compile_rule(rule, parse_dataset(dataset))
    tables: dict[str, None] = {}
    views: dict[str, str] = {}
    for name in query.reads:
        model = graph.find(name)
        if model is not None and model.kind == "view":
            views |= {str(view): sql for view, sql in graph.views(model).items()} | {str(name): model.sql}
            tables |= dict.fromkeys(map(str, graph.tables(model)))
        else:
            tables[str(name)] = None
    return RuleReading(query, tuple(tables), views)


def find_contract_faults(contracts: Mapping[str, Contract], graph: ModelGraph) -> Iterator[ContractError]:
    """Everything that is wrong with the SQL of all contracts' rules, before anything runs."""
    datasets: set[Dataset] = {*graph.sources, *(model.name for model in graph.models)}
    for contract in contracts.values():
        model = graph.find(contract.dataset)
        if model is not None and model.kind == "view" and _has_rules(contract):
            place = contract.set_rules[0].place if contract.set_rules else Place(model.path)
            yield ContractError(
                f"{contract.dataset} is a view: no row of it is ever judged, and it has no version to hold; its contract has rules.",
                place=place,
                hint="Make the model kind: full, or put the rules on what the view reads.",
            )
        known = datasets | {contract.dataset}
        for rule in contract.set_rules:
            if isinstance(rule, MeasureSql):
                yield from find_rule_faults(rule, contract.dataset, known)


def _has_rules(contract: Contract) -> bool:
    """True when rows could break the contract, or the dataset as a whole."""
    inside = any(column.type.properties or column.type.items for column in contract.columns)
    return bool(contract.rules or contract.set_rules or contract.max_rejects is not None or inside)
