"""From one page to the next, and when there is none."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from urllib.parse import urljoin, urlsplit, urlunsplit

from entrepot.adapters.http.asks import Ask, origin
from entrepot.adapters.http.options import Pagination
from entrepot.adapters.http.pages import Page
from entrepot.kernel.errors import DataError, ProjectError

_LINK = re.compile(r"<([^>]*)>((?:\s*;\s*[^;,=]+(?:=(?:\"[^\"]*\"|[^;,]*))?)*)")
_NEXT = re.compile(r";\s*rel\s*=\s*(?:\"(?:[^\"]*\s)?next(?:\s[^\"]*)?\"|next(?=\s|;|$))", re.IGNORECASE)


@dataclass(slots=True)
class Pager:
    """Goes through the pages of one request, and sees when a server leads in a circle."""

    pagination: Pagination
    first: Ask
    most: int
    given: int = 0
    """Pages so far."""
    records: int = 0
    notes: list[str] = field(default_factory=list)
    _asked: set[bytes] = field(default_factory=set)
    _before: bytes = b""
    _ask: Ask | None = None

    def begin(self) -> Ask:
        """The request for the first page."""
        how, ask = self.pagination, self.first
        if how.size_param is not None and how.size is not None:
            ask = ask.with_value(how.sent_in, how.size_param, str(how.size))
        if how.kind in ("page", "offset"):
            ask = ask.with_value(how.sent_in, how.param, str(how.first))
        return self._note(ask)

    def note(self, page: Page) -> None:
        """Count a page. Raises: DataError when it holds the same as the one before."""
        self.given += 1
        self.records += len(page.texts)
        self._refuse_repetition(page)

    def follow(self, page: Page) -> Ask | None:
        """The request for the page after this one, which has been noted; None at the end.

        Raises: DataError for a circle, for more pages than allowed, for a next page at another host.
        """
        ask = self._next(page)
        if ask is None:
            return None
        if self.given >= self.most:
            raise DataError(
                f"{ask.where}: there are more than {self.most:,} pages.",
                hint="If that is right, raise max_pages; else the server does not say where the end is: check pagination.",
            )
        return self._note(ask)

    def _next(self, page: Page) -> Ask | None:
        how = self.pagination
        if how.kind == "none" or self._is_last(page):
            return None
        match how.kind:
            case "page":
                return self.first_with(how.param, how.first + self.given)
            case "offset":
                return self.first_with(how.param, how.first + self.records)
            case "cursor":
                token = self._said(page)
                return None if token is None else self.first_with(how.param, token)
            case _:
                link = _link_header(page) if how.kind == "link_header" else self._said(page)
                return None if link is None else self._at(link)

    def first_with(self, name: str, value: object) -> Ask:
        """The first request with another value."""
        ask = self.first
        how = self.pagination
        if how.size_param is not None and how.size is not None:
            ask = ask.with_value(how.sent_in, how.size_param, str(how.size))
        return ask.with_value(how.sent_in, name, str(value))

    def _is_last(self, page: Page) -> bool:
        """As far as the page tells it without naming the next one."""
        how = self.pagination
        if how.more is not None:
            found, more = page.at(how.more)
            if not found:
                raise self._lacks(page, how.more, "pagination.more")
            if more in (False, None, "false", "0", 0, ""):
                return True
        elif how.kind in ("page", "offset") and not page.texts:
            return True
        if how.pages is not None:
            return self.given >= self._number(page, how.pages, "pagination.pages")
        if how.total is not None and self.records >= self._number(page, how.total, "pagination.total"):
            return True
        return how.short_is_last and how.size is not None and len(page.texts) < how.size

    def _said(self, page: Page) -> str | None:
        """What the page says about the next one."""
        address = self.pagination.next_from or ""
        found, value = page.at(address)
        if not found and self.given == 1 and page.texts:
            self.notes.append(f"the first page has no {address}: it was taken as the last one")
        if value is None or value is False or value == "":
            return None
        if not isinstance(value, str):
            raise DataError(
                f"{self.first.where}: {address} is neither a text nor a number.",
                hint="Correct the option pagination.from.",
            )
        return value

    def _at(self, link: str) -> Ask:
        ask = self._ask or self.first
        found = ask.at(urljoin(ask.full_url, link))
        try:
            scheme, host, port = origin(found.url)
        except ProjectError:
            host = ""
        home = origin(self.first.url)
        if host != home[1]:
            raise DataError(
                f"{self.first.where}: the next page is said to be at another host; credentials would go there.",
                hint="Put that host into the option url if it is the right one.",
            )
        if (scheme, host, port) != home:
            # servers behind a proxy often do not know how they are called from outside
            base, parts = urlsplit(self.first.url), urlsplit(found.url)
            found = Ask(
                found.method,
                urlunsplit((base.scheme, base.netloc, parts.path, "", "")),
                found.params,
                found.headers,
                found.body,
            )
        return found

    def _note(self, ask: Ask) -> Ask:
        mark = sha256(ask.identity.encode()).digest()
        if mark in self._asked:
            raise DataError(
                f"{ask.where}: page {self.given + 1} would be a page that was asked for before: the server leads in a circle.",
                hint="Check pagination: which value names the next page?",
            )
        self._asked.add(mark)
        self._ask = ask
        return ask

    def _refuse_repetition(self, page: Page) -> None:
        mark = sha256("\n".join(page.texts).encode()).digest() if page.texts else b""
        if mark and mark == self._before and self.pagination.kind != "none":
            raise DataError(
                f"{self.first.where}: page {self.given} holds the same records as the page before.",
                hint="Does the server know the parameter that pagination.param names?",
            )
        self._before = mark

    def _number(self, page: Page, address: str, option: str) -> int:
        found, value = page.at(address)
        if not found:
            raise self._lacks(page, address, option)
        try:
            return int(str(value))
        except ValueError:
            raise DataError(
                f"{self.first.where}: {address} is no whole number.", hint=f"Correct the option {option}."
            ) from None

    def _lacks(self, page: Page, address: str, option: str) -> DataError:
        keys: Any = sorted(page.document)[:20] if isinstance(page.document, dict) else ()
        return DataError(
            f"{self.first.where}: page {self.given} has no {address}; found: {', '.join(keys) or 'no key'}.",
            hint=f"Correct the option {option}.",
        )


def _link_header(page: Page) -> str | None:
    """The address with rel=next of all Link headers (RFC 8288)."""
    for name, value in page.answer.headers:
        if name == "link":
            for address, parameters in _LINK.findall(value):
                if _NEXT.search(parameters):
                    return str(address)
    return None
