"""All routes, one file for each kind of thing."""

from __future__ import annotations

from fastapi import APIRouter


def open_routers() -> list[APIRouter]:
    """Those that stand at the root: health and measures."""
    from entrepot.app.http.routes import health

    return [health.router]


def routers() -> list[APIRouter]:
    """Those of the API."""
    from entrepot.app.http.routes import (
        contracts,
        datasets,
        doctor,
        events,
        explain,
        flows,
        home,
        integrations,
        kpis,
        lineage,
        messages,
        operations,
        records,
        rejects,
        releases,
        runs,
        search,
        sql,
        triggers,
    )

    modules = (
        home, flows, runs, records, integrations, messages, rejects, operations, releases, datasets, lineage, kpis, explain,
        sql, contracts, triggers, doctor, search, events,
    )  # fmt: skip
    return [module.router for module in modules]
