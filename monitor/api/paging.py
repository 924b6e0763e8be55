"""A list's page: how many rows, from which on, and how many there are in all, told in headers:
nothing is cut silently.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, TypeVar

from fastapi import Depends, Request, Response

from monitor.api.moments import Limit, Offset
from monitor.api.questions import Listed, Range

Item = TypeVar("Item")
TOTAL = "x-total-count"


@dataclass(frozen=True, slots=True)
class Paging:
    """What a request wants of a list."""

    limit: int
    offset: int
    request: Request
    response: Response

    def told(self, shown: int, total: int) -> None:
        """Say how many there are, and where the next page is (RFC 8288) when these are not all."""
        self.response.headers[TOTAL] = str(total)
        follows = self.offset + shown
        if shown and follows < total:
            there = self.request.url.include_query_params(limit=self.limit, offset=follows)
            self.response.headers["link"] = f'<{there.path}?{there.query}>; rel="next"'

    def dated(self, asked: Range, newest: datetime | None) -> None:
        """Say which time this answer is of, and of when the newest data is: an empty one means
        little without.
        """
        headers = self.response.headers
        headers["x-data-since"], headers["x-data-until"] = (
            asked.since.isoformat(),
            asked.until.isoformat(),
        )
        if newest is not None:
            headers["x-newest-data"] = newest.isoformat()
        if asked.moved:
            headers["x-data-moved"] = "true"

    def answered(self, listing: Listed, asked: Range, newest: datetime | None) -> None:
        """Say how many there are and which time this answer is of."""
        self.told(len(listing.rows), listing.total)
        self.dated(asked, newest)

    def of(self, rows: Sequence[Item]) -> list[Item]:
        """This page of rows that are all there."""
        page = list(rows[self.offset : self.offset + self.limit])
        self.told(len(page), len(rows))
        return page


def paging(request: Request, response: Response, limit: Limit = 500, offset: Offset = 0) -> Paging:
    """The page that a request asks for; the first 500 unless it says otherwise."""
    return Paging(limit, offset, request, response)


Paged = Annotated[Paging, Depends(paging)]
