"""Invoices: what clients owe (sync ``invoices/invoices``; client, lines and texts are encrypted).

Amounts are decimal texts, such as ``"120.00"``, and are computed as decimals: a binary fraction
would owe somebody a cent sooner or later.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import Field, model_validator

from mana_lab.errors import ConflictError
from mana_lab.registry import (
    CalendarDate,
    Done,
    PageInput,
    PageOutput,
    Records,
    Table,
    ToolContext,
    ToolInput,
    ToolOutput,
    Uuid,
    tool,
)
from mana_lab.tools.usual import changes_of, containing, delete_tool, get_tool

INVOICES = Table(
    "invoices", "invoices", encrypted=("clientSnapshot", "subject", "notes", "terms", "lines")
)

Status: TypeAlias = Literal["draft", "sent", "paid", "cancelled"]
Amount: TypeAlias = Annotated[
    str,
    Field(pattern=r"^[0-9]{1,9}(\.[0-9]{1,2})?$", json_schema_extra={"examples": ["120.00"]}),
]
Percent: TypeAlias = Annotated[
    str,
    Field(pattern=r"^[0-9]{1,2}(\.[0-9]{1,2})?$", json_schema_extra={"examples": ["19"]}),
]
Currency: TypeAlias = Annotated[
    str, Field(pattern=r"^[A-Z]{3}$", json_schema_extra={"examples": ["EUR"]})
]

_CENT = Decimal("0.01")
_DAYS_TO_PAY = 14


class Client(ToolOutput):
    """Who is to pay, as they were when the invoice was made."""

    name: str
    email: str | None


class Line(ToolOutput):
    """One thing that is charged."""

    description: str
    quantity: str
    unit_price: str
    total: str


class Invoice(ToolOutput):
    """An invoice as the app keeps it, in plaintext; its sums are checked."""

    id: str
    number: str
    status: Status
    client_snapshot: Client
    subject: str | None
    lines: list[Line]
    currency: str
    tax_rate: str
    subtotal: str
    tax: str
    total: str
    issue_date: str
    due_date: str
    sent_at: str | None
    paid_at: str | None
    notes: str | None
    created_at: str
    updated_at: str

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        sums = _sums(self.lines, self.tax_rate)
        if (self.subtotal, self.tax, self.total) != sums:
            raise ValueError("the sums of the invoice do not add up")
        return self


class OneInvoice(ToolOutput):
    """One invoice."""

    invoice: Invoice


class InvoicePage(PageOutput):
    """A page of invoices."""

    invoices: list[Invoice]


class NewLine(ToolInput):
    """What to charge."""

    description: str = Field(
        min_length=1, max_length=500, description="What it is", examples=["Portrait session"]
    )
    quantity: Amount = Field(description="How many, such as 1 or 2.5", examples=["1"])
    unit_price: Amount = Field(description="Price of one, before tax", examples=["120.00"])


class NewInvoice(ToolInput):
    """What an invoice is made of."""

    client_name: str = Field(
        min_length=1, max_length=300, description="Who is to pay", examples=["Studio Nord"]
    )
    client_email: str | None = Field(
        None,
        pattern=r"^[^\s@]+@[^\s@]+\.[^\s@]+$",
        max_length=254,
        description="Their e-mail address; null for none",
        examples=["office@example.org"],
    )
    subject: str | None = Field(None, max_length=500, description="What it is for; null for none")
    lines: list[NewLine] = Field(min_length=1, max_length=100, description="What to charge")
    tax_rate: Percent = Field("0", description="Tax in percent, on everything")
    currency: Currency = Field("EUR", description="Currency (ISO 4217)")
    due_date: CalendarDate = Field(
        default_factory=str, description="When it is due; in two weeks if left out"
    )
    notes: str | None = Field(None, max_length=5000, description="A remark; null for none")


class InvoiceFilter(PageInput):
    """Which invoices to list."""

    status: Status | None = Field(None, description="Only this status; null for all")
    query: str = Field("", max_length=300, description="Text in number or subject; empty for all")


class InvoiceChange(ToolInput):
    """What to change of a draft; what is left out stays as it is."""

    id: Uuid = Field(description="The invoice's id, from invoices.list")
    subject: str | None = Field(
        default_factory=lambda: None, max_length=500, description="New subject; null removes it"
    )
    lines: list[NewLine] = Field(
        default_factory=list, min_length=1, max_length=100, description="New lines, all of them"
    )
    tax_rate: Percent = Field(default_factory=str, description="New tax in percent")
    due_date: CalendarDate = Field(default_factory=str, description="New due date")
    notes: str | None = Field(
        default_factory=lambda: None, max_length=5000, description="New remark; null removes it"
    )


class InvoiceId(ToolInput):
    """Which invoice."""

    id: Uuid = Field(description="The invoice's id, from invoices.list")


class Payment(ToolInput):
    """Which invoice was paid, and when."""

    id: Uuid = Field(description="The invoice's id, from invoices.list")
    date: CalendarDate = Field(default_factory=str, description="The day; today if left out")


@tool("invoices.create", policy_hint="write", tables=(INVOICES,))
async def create(given: NewInvoice, ctx: ToolContext) -> OneInvoice:
    """Write an invoice as a draft: client, lines with prices, tax; the sums are computed.

    Amounts are texts such as "120.00". It is not sent; that is invoices.send. Returns the invoice
    with its id and number.

    Example: {"clientName": "Studio Nord", "lines": [{"description": "Portraits", "quantity": "2",
    "unitPrice": "120.00"}], "taxRate": "19"}
    """
    today = ctx.today()
    records = ctx.records(INVOICES)
    lines = [_line(line) for line in given.lines]
    fields = {
        "number": _next_number(today, await records.list()),
        "status": "draft",
        "clientSnapshot": {"name": given.client_name, "email": given.client_email},
        "subject": given.subject,
        "currency": given.currency,
        "issueDate": today.isoformat(),
        "dueDate": given.due_date or (today + timedelta(days=_DAYS_TO_PAY)).isoformat(),
        "sentAt": None,
        "paidAt": None,
        "notes": given.notes,
        **_amounts(lines, given.tax_rate),
    }
    return OneInvoice(invoice=Invoice.of(await records.create(fields)))


@tool("invoices.list", policy_hint="read", tables=(INVOICES,))
async def list_invoices(given: InvoiceFilter, ctx: ToolContext) -> InvoicePage:
    """List invoices, those written last first, perhaps only those of one status.

    Use it to see what is still owed, or to find an invoice before invoices.send or
    invoices.markPaid, which need an id.

    Example: {"status": "sent"}
    """
    page = await ctx.records(INVOICES).page(
        limit=given.limit,
        cursor=given.cursor,
        where=lambda row: given.status in (None, row.get("status")),
        matching=containing(given.query, "number", "subject"),
    )
    return InvoicePage(
        invoices=[Invoice.of(row) for row in page.rows], next_cursor=page.next_cursor
    )


@tool("invoices.update", policy_hint="write", idempotent=True, tables=(INVOICES,))
async def update(given: InvoiceChange, ctx: ToolContext) -> OneInvoice:
    """Change the subject, lines, tax, due date or remark of a draft; the sums are computed anew.

    Only what is named changes. An invoice that was sent stays as it is: cancel it with
    invoices.cancel and write another. Returns the invoice.

    Example: {"id": "<id from invoices.list>", "taxRate": "7"}
    """
    records = ctx.records(INVOICES)
    invoice = await _in_status(records, given.id, "draft", "changed")
    changes = changes_of(given)
    lines = [_line(line) for line in given.lines] if given.lines else invoice["lines"]
    changes |= _amounts(lines, given.tax_rate or invoice["taxRate"])
    await records.update(given.id, changes)
    return OneInvoice(invoice=Invoice.of(await records.get(given.id)))


@tool("invoices.send", policy_hint="write", idempotent=True, tables=(INVOICES,))
async def send(given: InvoiceId, ctx: ToolContext) -> Done:
    """Note that a draft has gone to the client. It changes the status; it sends nothing.

    After that the invoice can no longer be changed. When the money has come use
    invoices.markPaid.

    Example: {"id": "<id from invoices.list>"}
    """
    records = ctx.records(INVOICES)
    invoice = await _in_status(records, given.id, "draft", "sent", done="sent")
    if invoice["status"] == "draft":
        await records.update(given.id, {"status": "sent", "sentAt": ctx.timestamp()})
    return Done()


@tool("invoices.markPaid", policy_hint="write", idempotent=True, tables=(INVOICES,))
async def mark_paid(given: Payment, ctx: ToolContext) -> Done:
    """Note that an invoice that was sent has been paid, today or on another day.

    Not for a draft: that has to be sent first, with invoices.send.

    Example: {"id": "<id from invoices.list>", "date": "2026-01-19"}
    """
    records = ctx.records(INVOICES)
    invoice = await _in_status(records, given.id, "sent", "marked as paid", done="paid")
    if invoice["status"] == "sent":
        paid_at = given.date or ctx.today().isoformat()
        await records.update(given.id, {"status": "paid", "paidAt": paid_at})
    return Done()


@tool("invoices.cancel", policy_hint="write", idempotent=True, tables=(INVOICES,))
async def cancel(given: InvoiceId, ctx: ToolContext) -> Done:
    """Cancel an invoice that is wrong or no longer owed; it stays on record with its number.

    Not for an invoice that has been paid; that one stays paid.

    Example: {"id": "<id from invoices.list>"}
    """
    records = ctx.records(INVOICES)
    invoice = await records.get(given.id)
    if invoice["status"] == "paid":
        raise ConflictError(f"invoice {invoice['number']} is paid, so it cannot be cancelled")
    await records.update(given.id, {"status": "cancelled"})
    return Done()


get = get_tool("invoices.get", INVOICES, OneInvoice, noun="invoice", found_by="invoices.list")
delete = delete_tool("invoices.delete", INVOICES, noun="invoice", instead="invoices.cancel")

TOOLS = (create, list_invoices, send, mark_paid, get, update, cancel, delete)


async def _in_status(
    records: Records, invoice_id: str, needed: Status, verb: str, *, done: Status | None = None
) -> dict[str, Any]:
    invoice = await records.get(invoice_id)
    if invoice["status"] not in (needed, done):
        raise ConflictError(
            f"invoice {invoice['number']} is {invoice['status']}; only one that is {needed} can "
            f"be {verb}"
        )
    return invoice


def _line(line: NewLine) -> dict[str, Any]:
    total = Decimal(line.quantity) * Decimal(line.unit_price)
    return line.model_dump(by_alias=True) | {"total": _money(total)}


def _amounts(lines: list[dict[str, Any]], tax_rate: str) -> dict[str, Any]:
    subtotal, tax, total = _sums([Line.of(line) for line in lines], tax_rate)
    return {
        "lines": lines,
        "taxRate": tax_rate,
        "subtotal": subtotal,
        "tax": tax,
        "total": total,
    }


def _sums(lines: list[Line], tax_rate: str) -> tuple[str, str, str]:
    """Return subtotal, tax and total; every line and the tax are rounded to the cent."""
    subtotal = sum(
        (_rounded(Decimal(line.quantity) * Decimal(line.unit_price)) for line in lines), Decimal(0)
    )
    tax = _rounded(subtotal * Decimal(tax_rate) / 100)
    return _money(subtotal), _money(tax), _money(subtotal + tax)


def _rounded(amount: Decimal) -> Decimal:
    return amount.quantize(_CENT, ROUND_HALF_UP)


def _money(amount: Decimal) -> str:
    return f"{_rounded(amount):f}"


def _next_number(today: date, known: list[dict[str, Any]]) -> str:
    """Return the number after the highest of the year: ``2026-001``."""
    prefix = f"{today.year}-"
    numbers = [str(row.get("number")).removeprefix(prefix) for row in known]
    taken = [int(number) for number in numbers if number.isdigit()]
    return f"{prefix}{max(taken, default=0) + 1:03}"
