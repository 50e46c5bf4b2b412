"""What can be known of the running platform without running it: integrations, handlers, secrets, what triggers run."""

from __future__ import annotations

from collections.abc import Iterator

from entrepot.adapters.handlers.code import load_handler
from entrepot.app.administrator import AdministratorToken
from entrepot.app.wiring import Platform
from entrepot.connectors import load_connector
from entrepot.intake.gateway.settings import find_missing, inbound_of
from entrepot.intake.gateway.source import SPEC
from entrepot.intake.sources.options import read_options
from entrepot.kernel.errors import EntrepotError, ProjectError, UsageError
from entrepot.runner.selection import select


def find_live_errors(platform: Platform) -> Iterator[EntrepotError]:
    """Handlers that are not there or cannot be read, files of integrations that are no source, selections of triggers that name nothing."""
    project = platform.project
    for source in project.sources:
        if source.connector != SPEC.name:
            continue
        try:
            options = read_options(load_connector(source.connector), source.options, source.place)
            missing = list(find_missing(source, options, project.sources, project.root))
            yield from missing
            if options["handler"] is not None and not missing:
                load_handler(project.root, options["handler"])
        except EntrepotError as error:
            yield error
    for trigger in project.schedule.triggers:
        try:
            select(platform.nodes, trigger.run)
        except UsageError as error:
            yield ProjectError(
                f"trigger {trigger.name} runs {', '.join(trigger.run)}: {error.message}", hint=error.hint
            )


def find_secret_warnings(platform: Platform) -> list[str]:
    """Secrets that integrations name and that are not on this machine: `entrepot up` needs them, a check elsewhere does not."""
    project = platform.project
    try:
        inbound_of(project.sources, platform.stores.secrets, AdministratorToken(project.runtime), project.root)
    except EntrepotError as error:
        return [str(each) for each in getattr(error, "errors", None) or [error]]
    return []
