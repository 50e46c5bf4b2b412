"""The client for applications against the real API: hand in, take, give back, acknowledge."""

from __future__ import annotations

from pathlib import Path

import pytest

from entrepot.client import Entrepot, Refused
from tests.app.http.serving import make_shop, opened, served


@pytest.mark.req("G7")
def test_an_application_works_off_a_queue(tmp_path: Path) -> None:
    """What is sent is taken as it was sent; a conflict is refused; what is given back comes again."""
    root = make_shop(tmp_path / "shop")
    with opened(root) as shop, served(shop) as address:
        token = shop.headers["authorization" if "authorization" in shop.headers else "Authorization"].split(" ")[1]
        with Entrepot(address, token) as client:
            id = client.send("partner", {"order": 1, "price": "1.10"}, reference="o1", key="k", type="order")
            assert client.send("partner", {"order": 1, "price": "1.10"}, reference="o1", key="k", type="order") == id
            with pytest.raises(Refused) as conflict:
                client.send("partner", {"order": 2}, reference="o1")
            assert conflict.value.status == 409
            raw = client.send("partner", b"\xff\x00", reference="o2")
            first, second = client.take("partner", consumer="shop", lease_s=60)
            assert (first.id, first.reference, first.key, first.type) == (id, "o1", "k", "order")
            assert first.json() == {"order": 1, "price": "1.10"}
            assert (second.id, second.body, second.content_type) == (raw, b"\xff\x00", "application/octet-stream")
            assert client.give_back(second, reason="the printer is out of paper", delay_s=0)
            (again,) = client.take("partner")
            assert (again.id, again.attempts) == (raw, 2)
            for message in (first, again):
                client.acknowledge(message)
                client.acknowledge(message)
            assert client.take("partner") == []
            with pytest.raises(Refused, match="no message"):
                client.acknowledge("unknown")
        with Entrepot(address, "wrong") as stranger, pytest.raises(Refused) as refused:
            stranger.take("partner")
        assert refused.value.status in (401, 403)
