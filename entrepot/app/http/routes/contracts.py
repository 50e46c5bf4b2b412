"""Contracts: what was promised."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import Field

from entrepot.app.http.asked import Context, Cursor, DatasetName, Limit
from entrepot.app.http.cursors import cut
from entrepot.app.http.errors import NotThere
from entrepot.app.http.shapes import Page, Shape
from entrepot.contracts.docs.facts import DatasetFacts

router = APIRouter(tags=["contracts"])


class ContractItem(Shape):
    """One dataset's contract in short."""

    dataset: str
    title: str
    version: str
    owner: str | None
    file: str
    columns: int
    rules: int


class ContractPage(Page[ContractItem]):
    """Contracts by dataset."""


class Promise(Shape):
    """A name and what it says."""

    name: str
    value: str


class PromisedColumn(Shape):
    """A column, or a property inside of one."""

    column: str
    type: str
    required: bool
    rules: list[str]
    description: str | None
    classification: str | None


class SetRule(Shape):
    """A rule over the whole dataset."""

    rule: str
    demands: str
    severity: str
    description: str


class ContractDetail(ContractItem):
    """One dataset's contract."""

    facts: list[Promise]
    paragraphs: list[Promise]
    schema_columns: list[PromisedColumn] = Field(description="the columns with their rules in words")
    key: list[str]
    set_rules: list[SetRule]
    not_run: list[Promise] = Field(description="rules that are not judged, and why")
    refers_to: list[str]
    referred_by: list[str]
    service_levels: list[Promise]
    contacts: list[Promise]
    text: str = Field(description="the file as it is")


@router.get("/contracts", response_model=ContractPage)
def list_contracts(context: Context, limit: Limit = 100, cursor: Cursor = None) -> ContractPage:
    """List contracts by dataset."""
    project = context.projects.project()
    part, next = cut("contracts", context.facts.get().contracts, cursor, limit, lambda facts: facts.dataset)
    known = project.contracts
    return ContractPage(items=[_item(context, facts) for facts in part if facts.dataset in known], next=next)


@router.get("/contracts/{dataset}", response_model=ContractDetail)
def get_contract(context: Context, dataset: DatasetName) -> ContractDetail:
    """Show a dataset's contract, in words and as its file."""
    facts = next((each for each in context.facts.get().contracts if each.dataset == dataset), None)
    project = context.projects.project()
    file = next((file for file in project.contract_files if dataset in {str(c.dataset) for c in file.contracts}), None)
    if facts is None or file is None:
        raise NotThere(f"there is no contract for {dataset!r}.", hint="See: GET /api/v1/contracts")
    return ContractDetail(
        **_item(context, facts).model_dump(),
        facts=_promises(facts.facts),
        paragraphs=_promises(facts.paragraphs),
        schema_columns=[
            PromisedColumn(
                column=row.column,
                type=row.type,
                required=row.required,
                rules=list(row.rules),
                description=row.description,
                classification=facts.classified.get(row.column),
            )
            for row in facts.columns
        ],
        key=list(facts.key),
        set_rules=[
            SetRule(rule=rule, demands=demands, severity=severity, description=said)
            for rule, demands, severity, said in facts.set_rules
        ],
        not_run=_promises(facts.not_run),
        refers_to=[link.dataset for link in facts.refers_to],
        referred_by=[link.dataset for link in facts.referred_by],
        service_levels=_promises(facts.service_levels),
        contacts=_promises(facts.contacts),
        text=file.path.read_text(encoding="utf-8", errors="replace"),
    )


def _item(context: Context, facts: DatasetFacts) -> ContractItem:
    contract = context.projects.project().contracts[facts.dataset]
    return ContractItem(
        dataset=facts.dataset,
        title=facts.title,
        version=contract.version,
        owner=contract.owner,
        file=f"contracts/{facts.file}",
        columns=len(contract.columns),
        rules=len(contract.rules) + len(contract.set_rules),
    )


def _promises(pairs: tuple[tuple[str, str], ...]) -> list[Promise]:
    return [Promise(name=name, value=value) for name, value in pairs]
