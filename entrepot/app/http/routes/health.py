"""Whether the process lives, whether it is ready, and its measures."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Request, Response

from entrepot.app.http.asked import Context
from entrepot.app.http.errors import NotRunning
from entrepot.app.http.measures import MEDIA_TYPE, Measures
from entrepot.app.http.shapes import Shape

router = APIRouter(tags=["health"])


class Health(Shape):
    """Alive."""

    status: Literal["ok"] = "ok"


@router.get("/healthz", response_model=Health)
def get_health() -> Health:
    """Tell that the process lives; needs no token."""
    return Health()


@router.get("/readyz", response_model=Health)
def get_readiness(context: Context) -> Health:
    """Tell whether the process can serve; needs no token, and names only the parts that are not ready."""
    missing = context.readiness()
    if missing:
        raise NotRunning(f"not ready: {', '.join(sorted(missing))}.", hint="See the server's log.")
    return Health()


@router.get(
    "/metrics", response_class=Response, responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}}
)
def get_metrics(request: Request) -> Response:
    """Measures as Prometheus reads them."""
    measures: Measures = request.app.state.measures
    return Response(measures.render(), media_type=MEDIA_TYPE)
