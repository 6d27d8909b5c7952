"""What the end of a billing period brings: a renewal, or the end of the subscription."""

from dataclasses import replace

from promos.standin import invoice_lines, invoices, periods, running_discounts, subscriptions
from promos.standin.call import Call
from promos.standin.errors import StripeError
from promos.standin.kinds import RUNNING, Document


def lapse(call: Call, subscription: Document) -> None:
    """Renew a subscription whose period is over, or end it where that was wished."""
    if subscription["cancel_at"] is not None and subscription["cancel_at"] <= call.now:
        subscriptions.end(call, subscription)
    else:
        _renew(call, subscription)


def renew(call: Call, identifier: str) -> Document:
    """Do what the end of the current period brings, before its time and dated then; return the subscription.

    Raises StripeError for a subscription that has ended.
    """
    subscription = call.get("subscription", identifier)
    if subscription["status"] not in RUNNING:
        raise StripeError("This subscription has ended.")
    lapse(replace(call, now=subscriptions.period_end(subscription)), subscription)
    return call.get("subscription", identifier)


def _renew(call: Call, subscription: Document) -> None:
    over = [item for item in subscription["items"]["data"] if item["current_period_end"] <= call.now]
    moved = {item["id"]: _moved(subscription, item) for item in over}
    items = [moved.get(item["id"], item) for item in subscription["items"]["data"]]
    billed = invoice_lines.of_period(call, list(moved.values()), subscription["currency"])
    discounts = running_discounts.of(call, subscription)
    draft = invoices.of_subscription(
        call, subscription, billed, reason="subscription_cycle", discounts=discounts
    )
    subscriptions.note_invoice(
        call, subscription["id"], draft["id"], items={**subscription["items"], "data": items}
    )
    subscriptions.follow(call, invoices.collect(call, invoices.finalise(call, draft)))


def _moved(subscription: Document, item: Document) -> Document:
    start = item["current_period_end"]
    end = periods.end(start, item["price"]["recurring"], subscription["billing_cycle_anchor"])
    return {**item, "current_period_end": end, "current_period_start": start}
