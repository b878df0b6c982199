"""Branches and cash machines: where the bank is, and whether it is open."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from openteller._async.caller import AsyncCaller
from openteller._async.paging import AsyncRows
from openteller._core import catalogue
from openteller._core.changes import Changes, together
from openteller._core.values import Box, Position, aware, box, position
from openteller.models.branches import Atm, AtmList, Branch, BranchList, RemovedAtm, RemovedBranch, Ticket

__all__ = [
    "AccessibilityName",
    "AsyncAtms",
    "AsyncBranches",
    "AsyncTickets",
    "AtmServiceName",
    "AtmTypeName",
    "BranchServiceName",
    "BranchTypeName",
    "Crs",
    "ExportFormat",
    "SegmentName",
    "TicketServiceName",
]

Crs = Literal["wgs84", "gcj02", "bd09"]
ExportFormat = Literal["csv", "ndjson"]
BranchServiceName = Literal[
    "ACCOUNT_OPENING",
    "CASH",
    "CARD",
    "LOAN",
    "WEALTH",
    "FOREIGN_EXCHANGE",
    "CORPORATE",
    "BILL_PAYMENT",
    "COIN_EXCHANGE",
    "SAFE_DEPOSIT",
    "SOCIAL_SECURITY_CARD",
    "SELF_SERVICE",
]
AtmServiceName = Literal[
    "CASH_WITHDRAWAL",
    "CASH_DEPOSIT",
    "CARDLESS_WITHDRAWAL",
    "BALANCE_ENQUIRY",
    "TRANSFER",
    "BILL_PAYMENT",
    "PIN_CHANGE",
    "CONTACTLESS",
]
BranchTypeName = Literal["PHYSICAL", "MOBILE", "SELF_SERVICE", "COMMUNITY"]
AtmTypeName = Literal["BRANCH_INTERNAL", "BRANCH_EXTERNAL", "BRANCH_LOBBY", "RETAILER_OUTLET", "REMOTE_UNIT", "OTHER"]
TicketServiceName = Literal[
    "ACCOUNT_OPENING",
    "CASH",
    "CARD",
    "LOAN",
    "WEALTH",
    "FOREIGN_EXCHANGE",
    "CORPORATE",
    "BILL_PAYMENT",
    "COIN_EXCHANGE",
    "SAFE_DEPOSIT",
    "SOCIAL_SECURITY_CARD",
]
SegmentName = Literal["PERSONAL", "PREMIER", "PRIVATE", "BUSINESS", "CORPORATE"]
AccessibilityName = Literal[
    "WHEELCHAIR_ACCESS",
    "EXTERNAL_RAMP",
    "LEVEL_ACCESS",
    "AUTOMATIC_DOORS",
    "LOWER_LEVEL_COUNTER",
    "INDUCTION_LOOP",
    "AUDIO_CASH_MACHINE",
    "SENIOR_COUNTER",
    "SIGN_LANGUAGE",
]


_MOST_ROWS = 100  # of a page
_MEDIA_TYPES: dict[ExportFormat, str] = {"csv": "text/csv", "ndjson": "application/x-ndjson"}


class AsyncBranches:
    """``client.branches``. Open data: no credentials needed, a larger quota with them."""

    def __init__(self, caller: AsyncCaller) -> None:
        self._caller = caller

    def list(
        self,
        *,
        near: Position | None = None,
        radius_m: int | None = None,
        bbox: Box | None = None,
        adcode: str | None = None,
        city: str | None = None,
        q: str | None = None,
        service: BranchServiceName | None = None,
        accessibility: AccessibilityName | None = None,
        segment: SegmentName | None = None,
        type: BranchTypeName | None = None,  # noqa: A002 - the name in the contract
        serving: bool | None = None,
        open_now: bool | None = None,
        open_at: datetime | str | None = None,
        changed_since: datetime | str | None = None,
        crs: Crs | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> AsyncRows[BranchList, Branch]:
        """List branches that match every filter: the nearest to ``near`` first, or those that fit ``q`` best.

        Args:
            near: latitude and longitude in degrees of ``crs``; rows then have ``distance_m``.
            radius_m: metres around ``near``, which it needs, measured in WGS-84.
            bbox: a part of the map: west, south, east, north, in ``crs``; what lies in it is shown in it.
            adcode: a division code; instead of ``city``.
            city: by name in Chinese or Latin letters, or by division code.
            q: words of name, address or city: Chinese, pinyin, initials, English.
            service: with ``open_now`` or ``open_at`` the service itself is on offer then.
            serving: only what serves at all: neither closed, nor moved, nor out of service.
            open_now: only what is open at this moment of bank time.
            open_at: only what is open at this instant: a datetime with a zone, or a text such as
                ``2026-10-10T16:30:00+08:00``; rows then have ``open_at``. Instead of ``open_now``.
            changed_since: what has changed after this instant instead, on pages that also have ``removed`` and
                ``next_changed_since``; goes with ``crs``, ``after`` and ``limit`` only.
            crs: the datum of positions, asked and answered: ``gcj02`` for Chinese maps, ``bd09`` for Baidu's.
            limit: rows a page, 1 to 100.

        Raises:
            InvalidRequest: filters contradict each other, or there is no such city.
        """
        query = {
            "near": position(near),
            "radius_m": radius_m,
            "bbox": box(bbox),
            "adcode": adcode,
            "city": city,
            "q": q,
            "service": service,
            "accessibility": accessibility,
            "segment": segment,
            "type": type,
            "serving": serving,
            "open_now": open_now,
            "open_at": open_at,
            "changed_since": changed_since,
            "crs": crs,
            "after": after,
            "limit": limit,
        }
        return self._caller.rows(catalogue.LIST_BRANCHES, BranchList, Branch, query)

    def near(
        self,
        place: Position,
        *,
        radius_m: int | None = None,
        bbox: Box | None = None,
        adcode: str | None = None,
        city: str | None = None,
        q: str | None = None,
        service: BranchServiceName | None = None,
        accessibility: AccessibilityName | None = None,
        segment: SegmentName | None = None,
        type: BranchTypeName | None = None,  # noqa: A002 - the name in the contract
        serving: bool | None = None,
        open_now: bool | None = None,
        open_at: datetime | str | None = None,
        crs: Crs | None = None,
        limit: int | None = None,
    ) -> AsyncRows[BranchList, Branch]:
        """List branches around a position, the nearest first and on and on, page by page as rows are read.

        Args:
            place: latitude and longitude in degrees, as a pair or as text, or the ``location`` of a branch.
            radius_m: metres around it; without it rows go on to the farthest.

        The other arguments are those of ``list``.

        Raises:
            ConfigurationError: ``place`` is no pair of degrees; latitude comes first.
        """
        return self.list(
            near=place,
            radius_m=radius_m,
            bbox=bbox,
            adcode=adcode,
            city=city,
            q=q,
            service=service,
            accessibility=accessibility,
            segment=segment,
            type=type,
            serving=serving,
            open_now=open_now,
            open_at=open_at,
            crs=crs,
            limit=limit,
        )

    async def changes(self, since: datetime | str, *, crs: Crs | None = None) -> Changes[Branch, RemovedBranch]:
        """Read all that has changed after an instant, for whoever keeps a copy: every page, or an error and nothing.

        Args:
            since: an instant with a zone: the ``next_changed_since`` of the last time, or for a first copy one before
                anything was, such as the beginning of the year 2000.

        Raises:
            InvalidRequest: ``since`` is in the future of the bank's time.
        """
        start = aware(since)
        return together(
            [page async for page in self.list(changed_since=start, crs=crs, limit=_MOST_ROWS).pages()], start
        )

    async def get(self, branch_id: str, *, crs: Crs | None = None) -> Branch:
        """Get a branch.

        Raises:
            NotFound: there is no such branch.
        """
        query = {"crs": crs}
        return await self._caller.get(catalogue.GET_BRANCH, Branch, identifiers={"branch_id": branch_id}, query=query)

    async def export(
        self,
        format: ExportFormat = "csv",  # noqa: A002 - what everybody calls it
        *,
        near: Position | None = None,
        radius_m: int | None = None,
        bbox: Box | None = None,
        adcode: str | None = None,
        city: str | None = None,
        q: str | None = None,
        service: BranchServiceName | None = None,
        accessibility: AccessibilityName | None = None,
        segment: SegmentName | None = None,
        type: BranchTypeName | None = None,  # noqa: A002 - the name in the contract
        serving: bool | None = None,
        open_now: bool | None = None,
        open_at: datetime | str | None = None,
        crs: Crs | None = None,
    ) -> bytes:
        """Download every branch that matches the filters, which are those of ``list``: a table, or JSON lines.

        It is of one moment. An answer of more than 64 MiB is refused, as with every call: narrow it with filters.
        """
        query = {
            "near": position(near),
            "radius_m": radius_m,
            "bbox": box(bbox),
            "adcode": adcode,
            "city": city,
            "q": q,
            "service": service,
            "accessibility": accessibility,
            "segment": segment,
            "type": type,
            "serving": serving,
            "open_now": open_now,
            "open_at": open_at,
            "crs": crs,
        }
        outcome = await self._caller.send(catalogue.LIST_BRANCHES, query=query, accept=_MEDIA_TYPES[format])
        return outcome.answer.body


class AsyncAtms:
    """``client.atms``. Open data: no credentials needed, a larger quota with them."""

    def __init__(self, caller: AsyncCaller) -> None:
        self._caller = caller

    def list(
        self,
        *,
        near: Position | None = None,
        radius_m: int | None = None,
        bbox: Box | None = None,
        adcode: str | None = None,
        city: str | None = None,
        q: str | None = None,
        service: AtmServiceName | None = None,
        accessibility: AccessibilityName | None = None,
        type: AtmTypeName | None = None,  # noqa: A002 - the name in the contract
        serving: bool | None = None,
        open_now: bool | None = None,
        open_at: datetime | str | None = None,
        changed_since: datetime | str | None = None,
        crs: Crs | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> AsyncRows[AtmList, Atm]:
        """List cash machines that match every filter: the nearest to ``near`` first, or those that fit ``q`` best.

        The arguments are those of ``client.branches.list``.
        """
        query = {
            "near": position(near),
            "radius_m": radius_m,
            "bbox": box(bbox),
            "adcode": adcode,
            "city": city,
            "q": q,
            "service": service,
            "accessibility": accessibility,
            "type": type,
            "serving": serving,
            "open_now": open_now,
            "open_at": open_at,
            "changed_since": changed_since,
            "crs": crs,
            "after": after,
            "limit": limit,
        }
        return self._caller.rows(catalogue.LIST_ATMS, AtmList, Atm, query)

    def near(
        self,
        place: Position,
        *,
        radius_m: int | None = None,
        bbox: Box | None = None,
        adcode: str | None = None,
        city: str | None = None,
        q: str | None = None,
        service: AtmServiceName | None = None,
        accessibility: AccessibilityName | None = None,
        type: AtmTypeName | None = None,  # noqa: A002 - the name in the contract
        serving: bool | None = None,
        open_now: bool | None = None,
        open_at: datetime | str | None = None,
        crs: Crs | None = None,
        limit: int | None = None,
    ) -> AsyncRows[AtmList, Atm]:
        """List cash machines around a position, the nearest first and on and on, page by page as rows are read.

        Args:
            place: latitude and longitude in degrees, as a pair or as text, or the ``location`` of a branch.
            radius_m: metres around it; without it rows go on to the farthest.

        The other arguments are those of ``list``.

        Raises:
            ConfigurationError: ``place`` is no pair of degrees; latitude comes first.
        """
        return self.list(
            near=place,
            radius_m=radius_m,
            bbox=bbox,
            adcode=adcode,
            city=city,
            q=q,
            service=service,
            accessibility=accessibility,
            type=type,
            serving=serving,
            open_now=open_now,
            open_at=open_at,
            crs=crs,
            limit=limit,
        )

    async def changes(self, since: datetime | str, *, crs: Crs | None = None) -> Changes[Atm, RemovedAtm]:
        """Read all that has changed after an instant, as ``client.branches.changes`` does.

        Raises:
            InvalidRequest: ``since`` is in the future of the bank's time.
        """
        start = aware(since)
        return together(
            [page async for page in self.list(changed_since=start, crs=crs, limit=_MOST_ROWS).pages()], start
        )

    async def get(self, atm_id: str, *, crs: Crs | None = None) -> Atm:
        """Get a cash machine.

        Raises:
            NotFound: there is no such machine.
        """
        query = {"crs": crs}
        return await self._caller.get(catalogue.GET_ATM, Atm, identifiers={"atm_id": atm_id}, query=query)

    async def export(
        self,
        format: ExportFormat = "csv",  # noqa: A002 - what everybody calls it
        *,
        near: Position | None = None,
        radius_m: int | None = None,
        bbox: Box | None = None,
        adcode: str | None = None,
        city: str | None = None,
        q: str | None = None,
        service: AtmServiceName | None = None,
        accessibility: AccessibilityName | None = None,
        type: AtmTypeName | None = None,  # noqa: A002 - the name in the contract
        serving: bool | None = None,
        open_now: bool | None = None,
        open_at: datetime | str | None = None,
        crs: Crs | None = None,
    ) -> bytes:
        """Download every cash machine that matches the filters, which are those of ``list``: a table, or JSON lines.

        It is of one moment. An answer of more than 64 MiB is refused, as with every call: narrow it with filters.
        """
        query = {
            "near": position(near),
            "radius_m": radius_m,
            "bbox": box(bbox),
            "adcode": adcode,
            "city": city,
            "q": q,
            "service": service,
            "accessibility": accessibility,
            "type": type,
            "serving": serving,
            "open_now": open_now,
            "open_at": open_at,
            "crs": crs,
        }
        outcome = await self._caller.send(catalogue.LIST_ATMS, query=query, accept=_MEDIA_TYPES[format])
        return outcome.answer.body


class AsyncTickets:
    """``client.tickets``: numbers in the lines of branches. Scope ``open-data``, with the app's credentials."""

    def __init__(self, caller: AsyncCaller) -> None:
        self._caller = caller

    async def create(
        self, branch_id: str, *, service: TicketServiceName, end_user_ref: str, idempotency_key: str | None = None
    ) -> Ticket:
        """Draw a number in the line of a branch.

        Args:
            end_user_ref: your HMAC of your user, so that numbers can be counted; ``openteller.user_ref`` makes one.

        Raises:
            NotFound: there is no such branch.
            Conflict: ``BRANCH_CLOSED``; or ``TICKET_HELD``: the error's ``ticket_id`` is the number that the user has.
            InvalidRequest: ``SERVICE_NOT_OFFERED``.
            RateLimited: ``TICKET_LIMIT``: the user, or the app at this branch, has drawn too many.
        """
        return await self._caller.post(
            catalogue.CREATE_TICKET,
            Ticket,
            identifiers={"branch_id": branch_id},
            body={"service": service, "end_user_ref": end_user_ref},
            key=idempotency_key,
        )

    async def get(self, ticket_id: str) -> Ticket:
        """Get a ticket as it stands; ``ahead`` never grows.

        Raises:
            NotFound: there is none for this app.
        """
        return await self._caller.get(catalogue.GET_TICKET, Ticket, identifiers={"ticket_id": ticket_id})

    async def cancel(self, ticket_id: str) -> Ticket:
        """Give a number back.

        Raises:
            NotFound: there is none for this app.
            Conflict: ``INVALID_TRANSITION``: it was called already.
        """
        return await self._caller.post(catalogue.CANCEL_TICKET, Ticket, identifiers={"ticket_id": ticket_id})
