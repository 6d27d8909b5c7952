"""The table of resources: what each kind is called, found by, dated by and hides."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

Document = dict[str, Any]
# The statuses of a subscription that goes on.
RUNNING = ("active", "past_due")
Key = Callable[[Document], Any]


def path(dotted: str) -> Key:
    """Return a function that follows a dotted path through nested documents, None where it ends early."""

    def follow(document: Document) -> Any:
        part: Any = document
        for name in dotted.split("."):
            part = (part or {}).get(name)
        return part

    return follow


def same(*names: str) -> dict[str, Key]:
    """Return keys for fields that are searched under their own name."""
    return {name: path(name) for name in names}


def never(document: Document) -> int | None:
    """Answer for kinds that do not change by themselves."""
    return None


@dataclass(frozen=True)
class Kind:
    """One kind of object.

    `events` is the noun of its event types, None where Stripe announces nothing by that name. `due` gives the second
    at which the object changes by itself. `hidden` fields come only when expanded.
    """

    name: str
    path: str
    prefix: str
    events: str | None = None
    keys: Mapping[str, Key] = field(default_factory=dict)
    due: Callable[[Document], int | None] = never
    hidden: frozenset[str] = frozenset()


def _promotion_code_due(code: Document) -> int | None:
    return code["expires_at"] if code["active"] else None


def _coupon_due(coupon: Document) -> int | None:
    return coupon["redeem_by"] if coupon["valid"] else None


def _session_due(session: Document) -> int | None:
    return session["expires_at"] if session["status"] == "open" else None


def _subscription_due(subscription: Document) -> int | None:
    ends = [item["current_period_end"] for item in subscription["items"]["data"]]
    ends += [subscription["cancel_at"]] if subscription["cancel_at"] is not None else []
    return min(ends) if subscription["status"] in RUNNING else None


def _discount_due(discount: Document) -> int | None:
    return None if discount.get("_over") else discount["end"]


TABLE = [
    Kind("product", "products", "prod_", "product", same("active")),
    Kind(
        "price",
        "prices",
        "price_",
        "price",
        same("active", "currency", "lookup_key", "product", "type"),
        hidden=frozenset({"currency_options"}),
    ),
    Kind("customer", "customers", "cus_", "customer", same("email")),
    Kind(
        "coupon",
        "coupons",
        "",
        "coupon",
        due=_coupon_due,
        hidden=frozenset({"applies_to", "currency_options"}),
    ),
    Kind(
        "promotion_code",
        "promotion_codes",
        "promo_",
        "promotion_code",
        {
            **same("active", "customer"),
            "code": lambda code: code["code"].upper(),
            "coupon": path("promotion.coupon"),
        },
        due=_promotion_code_due,
    ),
    Kind(
        "checkout.session",
        "checkout/sessions",
        "cs_test_",
        None,
        same("customer", "payment_intent", "status", "subscription"),
        due=_session_due,
        hidden=frozenset({"line_items"}),
    ),
    Kind("payment_intent", "payment_intents", "pi_", "payment_intent", same("customer")),
    Kind(
        "charge",
        "charges",
        "ch_",
        None,
        same("customer", "payment_intent"),
        hidden=frozenset({"refunds"}),
    ),
    Kind("refund", "refunds", "re_", "refund", same("charge", "payment_intent")),
    Kind(
        "subscription",
        "subscriptions",
        "sub_",
        "customer.subscription",
        same("customer", "status"),
        due=_subscription_due,
    ),
    Kind(
        "invoice",
        "invoices",
        "in_",
        "invoice",
        {
            **same("customer", "status"),
            "subscription": path("parent.subscription_details.subscription"),
        },
        hidden=frozenset({"payments"}),
    ),
    Kind(
        "invoice_payment",
        "invoice_payments",
        "inpay_",
        None,
        {**same("invoice", "status"), "payment_intent": path("payment.payment_intent")},
    ),
    Kind("discount", "discounts", "di_", due=_discount_due),
    Kind("dispute", "disputes", "du_", "charge.dispute", same("charge", "payment_intent")),
    Kind("credit_note", "credit_notes", "cn_", "credit_note", same("customer", "invoice")),
    Kind("invoiceitem", "invoiceitems", "ii_", "invoiceitem", same("customer", "invoice")),
    Kind("billing_portal.session", "billing_portal/sessions", "bps_", "billing_portal.session"),
    Kind("event", "events", "evt_", None, same("type")),
    Kind("webhook_endpoint", "webhook_endpoints", "we_", None, same("status")),
]
KINDS = {kind.name: kind for kind in TABLE}
