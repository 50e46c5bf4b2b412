"""Single aggregates, as KPI files hold them."""

from __future__ import annotations

import pytest

from entrepot.kernel.errors import ProjectError
from entrepot.sql.expressions import parse_aggregate, quote_name


@pytest.mark.parametrize(
    ("text", "is_additive"),
    [
        ("sum(amount)", True),
        ("CAST(sum(units) AS BIGINT)", True),
        ("count(*) FILTER (WHERE open)", True),
        ("count_if(open)", True),
        ("count(DISTINCT basket)", False),
        ("avg(rating)", False),
        ("max(hours)", False),
        ("sum(a) / sum(b)", False),
        ("median(hours) -- the middle one", False),
    ],
)
def test_an_aggregate_knows_whether_groups_add_up(text: str, is_additive: bool) -> None:
    """Only plain sums and counts may be summed up again."""
    aggregate = parse_aggregate(text)
    assert aggregate.is_additive is is_additive
    assert aggregate.text == text.split(" --")[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("amount", "no aggregate"),
        ("1", "no aggregate"),
        ("sum(a) + b", "stands outside"),
        ("sum(a), sum(b)", "one aggregate"),
        ("sum(a) FROM gold.x", "one aggregate"),
        ("sum(a) AS total", "no name"),
        ("(SELECT sum(a) FROM gold.x)", "subquery"),
        ("sum(a) OVER ()", "window"),
        ("sum(a", "cannot be understood"),
        ("sum(a); DROP TABLE x", "second statement"),
        ("", "expected"),
    ],
)
def test_anything_else_is_refused(text: str, said: str) -> None:
    """A measure cannot bring in tables, other rows or further statements."""
    with pytest.raises(ProjectError, match=said):
        parse_aggregate(text)


def test_names_are_quoted() -> None:
    """A quote within a name is doubled."""
    assert quote_name('a"b') == '"a""b"'
