"""An orderly API over a list of records, as most tests want it: it filters, sorts and pages in each way there is."""

from __future__ import annotations

from typing import Any

from tests.adapters.http.api import Asked, Reply, json_reply


class Feed:
    """Records with a growing `seq`; the way of paging is chosen by the path: /page, /offset, /cursor, /link, /header, /stream, /all."""

    def __init__(self, size: int = 100) -> None:
        self.records: list[dict[str, Any]] = []
        self.size = size
        self.base = ""

    def put(self, *records: dict[str, Any]) -> None:
        """Add records, numbered on."""
        for record in records:
            self.records.append({"seq": len(self.records) + 1, **record})

    def answer(self, asked: Asked) -> Reply:
        """One page."""
        since = int(asked.query.get("since", 0))
        size = int(asked.query.get("size", self.size))
        rows = sorted((row for row in self.records if row["seq"] >= since), key=lambda row: row["seq"])
        match asked.path:
            case "/all":
                return json_reply(rows)
            case "/page":
                number = int(asked.query.get("page", 1))
                return json_reply({"items": rows[(number - 1) * size : number * size], "pages": -(-len(rows) // size)})
            case "/offset":
                start = int(asked.query.get("offset", 0))
                return json_reply({"items": rows[start : start + size], "total": len(rows)})
            case "/stream":
                start = int(asked.query.get("cursor", 0))
                some = self.records[start : start + size]
                return json_reply({"items": some, "next": str(start + len(some))})
        start = int(asked.query.get("at", 0))
        some, end = rows[start : start + size], start + size
        more = end < len(rows)
        link = f"{self.base}{asked.path}?since={since}&size={size}&at={end}" if more else None
        match asked.path:
            case "/cursor":
                return json_reply({"data": {"items": some}, "meta": {"next": str(end) if more else None}})
            case "/link":
                return json_reply({"items": some, "next": link})
            case "/header":
                said = (
                    f'<{self.base}/first>; rel="first", <{link}>; rel="next"' if link else f'<{self.base}>; rel="prev"'
                )
                return json_reply(some, Link=said)
        return json_reply({"error": "no such path"}, 404)
