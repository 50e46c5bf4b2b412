"""Why reading a request ends early."""

from __future__ import annotations

from entrepot.intake.gateway.problems import Problem


class BodyRefused(Exception):
    """The body is not taken."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.code)
        self.problem = problem


class SenderGone(Exception):
    """The connection was closed before the body was whole: nobody waits for an answer."""
