"""Credit notes: an invoice made smaller after it was finalised, before or after it was paid."""

from typing import Any

from promos.standin import currencies, errors, events, ids, invoices, listing, params, refunds, shapes
from promos.standin.call import Call
from promos.standin.errors import StripeError
from promos.standin.kinds import Document

UPDATE = {"memo": params.text(), "metadata": params.metadata}
CREATE = {
    **UPDATE,
    "amount": params.integer(1),
    "invoice": params.text(),
    "out_of_band_amount": params.integer(0),
    "reason": params.choice("duplicate", "fraudulent", "order_change", "product_unsatisfactory"),
    "refund_amount": params.integer(0),
}


def create(call: Call, values: dict[str, Any]) -> Document:
    """Credit an amount of an invoice: an open one asks for less, a paid one is refunded or settled elsewhere.

    Raises StripeError for a draft, more than is left, and amounts that do not add up.
    """
    invoice = call.get("invoice", values["invoice"], param="invoice")
    if invoice["status"] not in ("open", "paid"):
        raise StripeError("Credit notes are for invoices that are open or paid.", param="invoice")
    is_paid = invoice["status"] == "paid"
    _check(invoice, values)
    note = _note(call, invoice, values, is_paid=is_paid)
    if values.get("refund_amount"):
        note["refunds"] = [_refund(call, invoice, values["refund_amount"])]
    call.add(note)
    (_reduce_paid if is_paid else _reduce_open)(call, invoice, note["amount"])
    return note


def _check(invoice: Document, values: dict[str, Any]) -> None:
    amount, currency = values["amount"], invoice["currency"]
    currencies.check(amount, currency, "amount")
    is_paid = invoice["status"] == "paid"
    left = invoice["total"] - invoice["post_payment_credit_notes_amount"]
    left = left if is_paid else invoice["amount_remaining"]
    if amount > left:
        message = f"The credit note may have at most {currencies.money(left, currency)}."
        raise errors.invalid(message, "amount")
    given = (values.get("refund_amount") or 0) + (values.get("out_of_band_amount") or 0)
    if given != (amount if is_paid else 0):
        wanted = "make up the amount of a paid invoice's credit note, and are not for an open one's"
        raise errors.invalid(f"refund_amount and out_of_band_amount must {wanted}.", "amount")


def _note(call: Call, invoice: Document, values: dict[str, Any], *, is_paid: bool) -> Document:
    amount = values["amount"]
    totals = ("amount", "subtotal", "subtotal_excluding_tax", "total", "total_excluding_tax")
    note = call.start(
        "credit_note",
        **dict.fromkeys(totals, amount),
        currency=invoice["currency"],
        customer=invoice["customer"],
        effective_at=call.now,
        invoice=invoice["id"],
        memo=values.get("memo"),
        metadata=params.merged_metadata({}, values.get("metadata", {})),
        number=f"{invoice['number']}-CN-{ids.new_code()[:2]}",
        out_of_band_amount=values.get("out_of_band_amount"),
        post_payment_amount=amount if is_paid else 0,
        pre_payment_amount=0 if is_paid else amount,
        reason=values.get("reason"),
        type="post_payment" if is_paid else "pre_payment",
    )
    note["lines"] = listing.envelope(f"/v1/credit_notes/{note['id']}/lines", [_line(note)])
    return {**note, "pdf": f"{call.base_url}/credit_notes/{note['id']}/pdf"}


def _line(note: Document) -> Document:
    return {
        "id": ids.new("cnli_"),
        "object": "credit_note_line_item",
        **shapes.blank("credit_note_line_item"),
        "amount": note["amount"],
        "livemode": False,
        "unit_amount": note["amount"],
        "unit_amount_decimal": str(note["amount"]),
    }


def _refund(call: Call, invoice: Document, amount: int) -> Document:
    if not invoice["payments"]["data"]:
        raise errors.invalid("Nothing was paid for this invoice.", "refund_amount")
    [request] = invoice["payments"]["data"]
    intent = request["payment"]["payment_intent"]
    refund = refunds.create(call, {"amount": amount, "payment_intent": intent})
    return {
        "amount_refunded": amount,
        "payment_record_refund": None,
        "refund": refund["id"],
        "type": "refund",
    }


def _reduce_paid(call: Call, invoice: Document, amount: int) -> None:
    credited = invoice["post_payment_credit_notes_amount"] + amount
    call.change(invoice, {"post_payment_credit_notes_amount": credited})


def _reduce_open(call: Call, invoice: Document, amount: int) -> None:
    """Let an open invoice ask for less (or for more again); one that asks for nothing any more is paid."""
    credited = invoice["pre_payment_credit_notes_amount"] + amount
    due = invoice["amount_due"] - amount
    requests = [_asking(call, request, due) for request in invoice["payments"]["data"]] if due else []
    changes = {"amount_due": due, "amount_remaining": due, "pre_payment_credit_notes_amount": credited}
    invoice = call.change(invoice, {**changes, **invoices.with_payments(requests)})
    if not due:
        invoices.announce_paid(call, invoices.settle(call, invoice))


def _asking(call: Call, request: Document, due: int) -> Document:
    call.change(invoices.intent_of(call, request), {"amount": due}, silent=True)
    return call.change(request, {"amount_requested": due})


def void(call: Call, values: dict[str, Any], identifier: str) -> Document:
    """Take a credit note back.

    Raises StripeError unless its invoice is still open.
    """
    note = call.get("credit_note", identifier, status=404)
    invoice = call.get("invoice", note["invoice"])
    if note["status"] == "void" or invoice["status"] != "open":
        raise StripeError("Only the credit notes of an open invoice can be voided, and only once.")
    note = call.change(note, {"status": "void", "voided_at": call.now}, silent=True)
    events.emit(call, "credit_note.voided", note)
    _reduce_open(call, invoice, -note["amount"])
    return note


def update(call: Call, note: Document, changes: dict[str, Any]) -> Document:
    """Change a credit note's memo and metadata."""
    return call.change(note, params.with_metadata(note, changes))
