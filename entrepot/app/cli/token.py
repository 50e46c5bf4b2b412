"""`entrepot token …`: the administrator's token."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from entrepot.app.administrator import AdministratorToken

app = typer.Typer(
    help="The administrator's token, which every request to the HTTP API needs. Only its hash is kept.",
    no_args_is_help=True,
)
ProjectOption = Annotated[Path, typer.Option("--project", "-p", help="A folder of the project (default: here).")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


@app.command("new", epilog="Example: export ENTREPOT_TOKEN=$(entrepot token new)")
def new(project: ProjectOption = Path(), json: JsonOption = False) -> None:
    """Make a token in place of the present one, which no longer counts from this moment; it is shown once."""
    from entrepot.app.cli.output import errors, print_json
    from entrepot.app.clock import SystemClock

    token = _token(project).renew(SystemClock().now())
    if json:
        print_json({"token": token})
        return
    print(token)
    # not on standard output: TOKEN=$(entrepot token new) takes the token alone
    errors.print("[dim]Shown once. Send it as the header: Authorization: Bearer TOKEN[/]")


@app.command("revoke", epilog="Example: entrepot token revoke")
def revoke(project: ProjectOption = Path(), json: JsonOption = False) -> None:
    """Let nobody in by the present token; make another one with `entrepot token new`."""
    from entrepot.app.cli.output import print_json, say
    from entrepot.app.clock import SystemClock

    _token(project).revoke(SystemClock().now())
    if json:
        print_json({"revoked": True})
    else:
        say("revoked: running servers refuse it from now on. Make another one with: entrepot token new")


def _token(project: Path) -> AdministratorToken:
    from entrepot.app.administrator import AdministratorToken
    from entrepot.app.project import find_project

    return AdministratorToken(find_project(project.resolve()) / ".entrepot")
