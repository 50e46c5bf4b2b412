"""The contract of the page on quality is right as it stands."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

from entrepot.contracts.load import load_contracts
from entrepot.kernel.names import Dataset
from entrepot.sql.set_rules import find_rule_faults


def test_the_contract_of_the_page_has_the_rules_that_the_page_speaks_of(repository: Path, tmp_path: Path) -> None:
    """It loads without a warning; its rules have the ids that the commands of the page name; its SQL is allowed."""
    page = (repository / "docs/how-to/quality.md").read_text(encoding="utf-8")
    block = re.findall(r"```yaml\n(.*?)```", page, flags=re.DOTALL)[0]
    path = tmp_path / "c.odcs.yaml"
    path.write_text(
        "apiVersion: v3.2.0\nkind: DataContract\nid: sales\nversion: 1.0.0\nstatus: active\n" + textwrap.dedent(block)
    )
    loaded = load_contracts(path, default_time_zone="UTC")
    (contract,) = loaded.contracts
    assert (loaded.warnings, loaded.deferred_rules) == ((), ())
    ids = {rule.id for rule in contract.set_rules}
    assert ids == {"enough", "known_products", "product_named"}
    assert set(re.findall(r"--rule (\w+)", page)) - {"max_rejects", "volume"} <= ids
    assert str(contract.max_rejects) == "5 %"
    sql = next(rule for rule in contract.set_rules if rule.id == "known_products")
    datasets = [Dataset("bronze", "sales"), Dataset("bronze", "products")]
    assert find_rule_faults(sql, contract.dataset, datasets) == ()  # type: ignore[arg-type]
