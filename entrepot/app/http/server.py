"""The application: all routes, errors in one shape, the document that describes it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

from entrepot import __version__
from entrepot.app.http import problems
from entrepot.app.http.context import ApiContext
from entrepot.app.http.gauges import read_gauges
from entrepot.app.http.guard import App, Guard
from entrepot.app.http.measures import Measures
from entrepot.app.http.openapi import describe
from entrepot.app.http.routes import open_routers, routers
from entrepot.intake.gateway.problems import Problem
from entrepot.kernel.errors import EntrepotError

PREFIX = "/api/v1"
_FRAMEWORK: type[Exception] = HTTPException.__mro__[1]
"""What the framework raises for addresses, methods and bodies: the class that its own exception derives from."""


def create_app(context: ApiContext, measures: Measures | None = None) -> App:
    """The ASGI application of the API with its guard.

    Args: measures: where further parts of the process add theirs.
    """
    measures = measures or Measures()
    measures.watch(partial(read_gauges, context))
    return Guard(make_routes(context, measures), context, measures)


def make_routes(context: ApiContext | None, measures: Measures | None = None) -> FastAPI:
    """The routes without their guard: for the document alone no context is needed."""
    app = FastAPI(
        title="Entrepôt",
        version=__version__,
        summary="What a running project offers to its console and to other programs.",
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,
        redoc_url=None,
        generate_unique_id_function=_name_operation,
        redirect_slashes=False,
        exception_handlers=_handlers(context),
    )
    app.state.context = context
    app.state.measures = measures or Measures()
    for router in open_routers():
        app.include_router(router)
    for router in routers():
        app.include_router(router, prefix=PREFIX)
    app.openapi = lambda: describe(app)  # type: ignore[method-assign]
    return app


def _name_operation(route: APIRoute) -> str:
    return route.name


def _handlers(context: ApiContext | None) -> Any:
    def answer(request: Request, problem: Problem) -> Response:
        body = problems.render(problem, request.state.request_id)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in problem.headers}
        return Response(body, problem.status, headers, problems.MEDIA_TYPE)

    async def ours(request: Request, error: Exception) -> Response:
        assert isinstance(error, EntrepotError)
        assert context is not None
        return answer(request, problems.of_error(error, context.projects.root))

    async def framework(request: Request, error: Exception) -> Response:
        status, detail = int(getattr(error, "status_code", 500)), str(getattr(error, "detail", ""))
        return answer(request, problems.of_http(status, detail, getattr(error, "headers", None)))

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return answer(request, problems.of_request(error))

    async def unexpected(request: Request, error: Exception) -> Response:
        return answer(request, problems.internal())  # the guard, which the error reaches next, says it to the log

    found: dict[type[Exception], Callable[[Request, Exception], Awaitable[Response]]] = {
        EntrepotError: ours,
        _FRAMEWORK: framework,
        RequestValidationError: invalid,
        Exception: unexpected,
    }
    return found
