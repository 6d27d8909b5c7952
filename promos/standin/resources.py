"""The table of endpoints: each resource's operations, and the few that fit no pattern."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from promos.standin import (
    accounts,
    checkout,
    coupons,
    credit_notes,
    customers,
    disputes,
    listing,
    manual_invoices,
    params,
    portal,
    prices,
    products,
    promotion_codes,
    refunds,
    subscriptions,
    webhook_endpoints,
)
from promos.standin.call import Call
from promos.standin.kinds import KINDS, Document
from promos.standin.params import Fields


@dataclass(frozen=True)
class Endpoint:
    """One address: `run(call, values, *ids)` answers with a document or a list of documents."""

    method: str
    path: str
    run: Callable[..., Document]
    fields: Fields = field(default_factory=dict)
    required: tuple[str, ...] = ()


@dataclass(frozen=True)
class Form:
    """An operation that takes parameters."""

    run: Callable[..., Document]
    fields: Fields
    required: tuple[str, ...] = ()


@dataclass(frozen=True)
class Resource:
    """What can be done with one kind of object."""

    kind: str
    create: Form | None = None
    update: Form | None = None
    delete: Callable[[Call, Document], Document] | None = None
    filters: Fields = field(default_factory=dict)


def upper(value: Any, name: str) -> str:
    """Read a code to search for: case does not count."""
    return (params.text()(value, name) or "").upper()


def any_status(value: Any, name: str) -> str | None:
    """Read a status to search for; `all` is none in particular."""
    return None if value == "all" else params.text()(value, name)


TEXT = params.text()
RESOURCES = [
    Resource(
        "product",
        Form(products.create, products.CREATE, ("name",)),
        Form(products.update, products.UPDATE),
        products.delete,
        {"active": params.boolean, "ids": params.listing(TEXT)},
    ),
    Resource(
        "price",
        Form(prices.create, prices.CREATE, ("currency",)),
        Form(prices.update, prices.UPDATE),
        filters={
            "active": params.boolean,
            "currency": params.currency,
            "lookup_keys": params.listing(TEXT),
            "product": TEXT,
            "type": params.choice("one_time", "recurring"),
        },
    ),
    Resource(
        "customer",
        Form(customers.create, customers.FIELDS),
        Form(customers.update, customers.FIELDS),
        customers.delete,
        {"email": TEXT},
    ),
    Resource(
        "coupon", Form(coupons.create, coupons.CREATE), Form(coupons.update, coupons.UPDATE), coupons.delete
    ),
    Resource(
        "promotion_code",
        Form(promotion_codes.create, promotion_codes.CREATE, ("promotion",)),
        Form(promotion_codes.update, promotion_codes.UPDATE),
        filters={"active": params.boolean, "code": upper, "coupon": TEXT, "customer": TEXT},
    ),
    Resource(
        "checkout.session",
        Form(checkout.create, checkout.CREATE, ("mode", "line_items", "success_url")),
        Form(checkout.update, checkout.UPDATE),
        filters={
            "customer": TEXT,
            "payment_intent": TEXT,
            "status": params.choice("complete", "expired", "open"),
            "subscription": TEXT,
        },
    ),
    Resource("payment_intent", filters={"customer": TEXT}),
    Resource("charge", filters={"customer": TEXT, "payment_intent": TEXT}),
    Resource(
        "refund",
        Form(refunds.create, refunds.CREATE),
        Form(refunds.update, refunds.UPDATE),
        filters={"charge": TEXT, "payment_intent": TEXT},
    ),
    Resource(
        "subscription",
        Form(subscriptions.create, subscriptions.CREATE, ("customer", "items")),
        Form(subscriptions.update, subscriptions.UPDATE),
        filters={"customer": TEXT, "status": any_status},
    ),
    Resource(
        "invoice",
        Form(manual_invoices.create, manual_invoices.CREATE, ("customer",)),
        filters={"customer": TEXT, "status": TEXT, "subscription": TEXT},
    ),
    Resource(
        "invoiceitem",
        Form(manual_invoices.add_item, manual_invoices.ITEM, ("customer",)),
        filters={"customer": TEXT, "invoice": TEXT},
    ),
    Resource(
        "credit_note",
        Form(credit_notes.create, credit_notes.CREATE, ("amount", "invoice")),
        Form(credit_notes.update, credit_notes.UPDATE),
        filters={"customer": TEXT, "invoice": TEXT},
    ),
    Resource(
        "dispute",
        update=Form(disputes.update, disputes.UPDATE),
        filters={"charge": TEXT, "payment_intent": TEXT},
    ),
    Resource(
        "invoice_payment",
        filters={
            "invoice": TEXT,
            "payment": params.group({"payment_intent": TEXT, "type": params.choice("payment_intent")}),
            "status": TEXT,
        },
    ),
    Resource(
        "event",
        filters={"delivery_success": params.boolean, "type": TEXT, "types": params.listing(TEXT)},
    ),
    Resource(
        "webhook_endpoint",
        Form(webhook_endpoints.create, webhook_endpoints.CREATE, ("enabled_events", "url")),
        Form(webhook_endpoints.update, webhook_endpoints.UPDATE),
        Call.remove,
    ),
]
EXTRA = [
    Endpoint("GET", "/v1/account", accounts.own),
    Endpoint("GET", "/v1/accounts/{id}", accounts.retrieve),
    Endpoint("GET", "/v1/products/{id}/features", listing.no_features, listing.PAGE),
    Endpoint("POST", "/v1/checkout/sessions/{id}/expire", checkout.expire),
    Endpoint("POST", "/v1/billing_portal/sessions", portal.create, portal.CREATE, ("customer",)),
    Endpoint("POST", "/v1/credit_notes/{id}/void", credit_notes.void),
    Endpoint("POST", "/v1/disputes/{id}/close", disputes.accept),
    Endpoint("POST", "/v1/invoices/{id}/finalize", manual_invoices.finalise),
    Endpoint("POST", "/v1/invoices/{id}/pay", manual_invoices.pay),
    Endpoint("POST", "/v1/invoices/{id}/void", manual_invoices.void),
    Endpoint("DELETE", "/v1/subscriptions/{id}", subscriptions.cancel, subscriptions.CANCEL),
    Endpoint("GET", "/v1/checkout/sessions/{id}/line_items", checkout.line_items, listing.PAGE),
]


def endpoints() -> Iterator[Endpoint]:
    """Yield every endpoint of the stand-in."""
    yield from EXTRA
    for resource in RESOURCES:
        yield from _endpoints_of(resource)


def _endpoints_of(resource: Resource) -> Iterator[Endpoint]:
    kind = resource.kind
    path = f"/v1/{KINDS[kind].path}"

    def find(call: Call, identifier: str) -> Document:
        return call.get(kind, identifier, status=404)

    yield Endpoint("GET", f"{path}/{{id}}", lambda call, values, identifier: find(call, identifier))
    yield Endpoint(
        "GET",
        path,
        lambda call, values: listing.page(call, kind, values),
        {**listing.PAGE, **listing.CREATED, **resource.filters},
    )
    if resource.create:
        yield Endpoint("POST", path, resource.create.run, resource.create.fields, resource.create.required)
    if update := resource.update:
        yield Endpoint(
            "POST",
            f"{path}/{{id}}",
            lambda call, values, identifier: update.run(call, find(call, identifier), values),
            update.fields,
            update.required,
        )
    if delete := resource.delete:
        yield Endpoint(
            "DELETE", f"{path}/{{id}}", lambda call, values, identifier: delete(call, find(call, identifier))
        )
