"""`entrepot token`: a new token is shown once and counts at once; a revoked one does not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from entrepot.app.administrator import AdministratorToken
from entrepot.app.cli.commands import app


@pytest.mark.req("G9")
def test_the_command_makes_and_revokes_the_token_that_servers_ask_for(tmp_path: Path) -> None:
    """In the project's own folder."""
    (tmp_path / "entrepot.yaml").write_text("name: shop\n")
    door, runner = AdministratorToken(tmp_path / ".entrepot"), CliRunner()
    made = runner.invoke(app, ["token", "new", "--project", str(tmp_path), "--json"])
    assert made.exit_code == 0, made.output
    token = json.loads(made.stdout)["token"]
    assert door({"authorization": f"Bearer {token}"}) is not None
    plain = runner.invoke(app, ["token", "new", "--project", str(tmp_path)]).stdout.splitlines()[0]
    assert door({"authorization": f"Bearer {token}"}) is None
    assert door({"authorization": f"Bearer {plain}"}) is not None
    assert runner.invoke(app, ["token", "revoke", "--project", str(tmp_path)]).exit_code == 0
    assert door({"authorization": f"Bearer {plain}"}) is None
