"""Discounts that live on a subscription: begun, used once, ended after their months."""

from typing import Any

from promos.standin import basket, discounts, errors, events, periods
from promos.standin.call import Call
from promos.standin.discounts import Applied, Order
from promos.standin.kinds import Document

MENTION = ("coupon", "discount", "promotion_code")


def begin(call: Call, applied: Applied, subscription: Document, shown: Document | None = None) -> Document:
    """Store a discount as the subscription's own; `shown` is the one its checkout showed already.

    It keeps the coupon's terms: a running discount outlives its coupon.
    """
    coupon = applied.coupon
    months = coupon["duration_in_months"]
    discount = {
        **(shown or discounts.blank(call, applied)),
        "customer": subscription["customer"],
        "end": periods.months_later(call.now, months) if months else None,
        "start": call.now,
        "subscription": subscription["id"],
        "_coupon": coupon,
    }
    call.store.save(discount)
    return discount


def replaced(call: Call, subscription: Document, wanted: list[dict[str, Any]]) -> list[str]:
    """Return the ids of a subscription's discounts after an update: kept ones by id, new ones redeemed and begun.

    Raises StripeError for one that does not exist or may not be redeemed.
    """
    before: list[str] = subscription["discounts"]
    after = [_kept_or_begun(call, subscription, mention, index) for index, mention in enumerate(wanted)]
    for identifier in before:
        if identifier not in after:
            events.emit(call, "customer.discount.deleted", call.get("discount", identifier))
    return after


def _kept_or_begun(call: Call, subscription: Document, mention: dict[str, Any], index: int) -> str:
    param = f"discounts[{index}]"
    kept = mention.get("discount")
    if kept:
        if kept not in subscription["discounts"]:
            raise errors.no_such("discount", kept, param=f"{param}[discount]")
        return str(kept)
    return str(redeem(call, subscription, discounts.named_one(call, mention, param))["id"])


def redeem(call: Call, subscription: Document, applied: Applied) -> Document:
    """Redeem a code or a coupon on a running subscription: its next invoice carries the discount."""
    discount = redeem_quietly(call, subscription, applied)
    events.emit(call, "customer.discount.created", discount)
    return discount


def redeem_quietly(call: Call, subscription: Document, applied: Applied) -> Document:
    """Redeem on a subscription that is only beginning; `subscriptions.begin` announces."""
    items = subscription["items"]["data"]
    subtotal = sum(
        basket.unit_amount(item["price"], subscription["currency"]) * item["quantity"] for item in items
    )
    discounts.check(call, Order(subscription["currency"], subscription["customer"], subtotal), applied)
    discounts.redeem(call, applied)
    return begin(call, applied, subscription)


def of(call: Call, subscription: Document) -> list[Document]:
    """Return the discounts that an invoice of this moment gets."""
    found = [call.get("discount", identifier) for identifier in subscription["discounts"]]
    return [one for one in found if one["end"] is None or one["end"] > call.now]


def left(call: Call, subscription: Document) -> list[str]:
    """Return the discounts a subscription keeps after an invoice: those for once and those that are over leave."""
    running = [one["id"] for one in of(call, subscription) if one["_coupon"]["duration"] != "once"]
    for identifier in subscription["discounts"]:
        if identifier not in running:
            events.emit(call, "customer.discount.deleted", call.get("discount", identifier))
    return running


def lapse(call: Call, discount: Document) -> None:
    """Take a discount whose months are over off its subscription."""
    call.store.save({**discount, "_over": True})
    subscription = call.store.get("subscription", discount["subscription"])
    if subscription and discount["id"] in subscription["discounts"]:
        events.emit(call, "customer.discount.deleted", discount)
        rest = [one for one in subscription["discounts"] if one != discount["id"]]
        call.change(subscription, {"discounts": rest})
