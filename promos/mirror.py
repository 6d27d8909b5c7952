"""Copying what Stripe says into dj-stripe's tables: Account, APIKey, Event, Product, Price, Coupon, PromotionCode
and WebhookEndpoint, and no other.

dj-stripe's own ``sync_from_stripe_data`` calls Stripe from inside its transaction
(a product's features, an account's logo); here its conversion is used and the row
is written by us, so that all calls are made before and through the gateway.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from django.conf import settings
from djstripe.models import (
    Account,
    APIKey,
    Coupon,
    Event,
    Price,
    Product,
    PromotionCode,
    WebhookEndpoint,
)

from promos import stripe_gateway
from promos.models import WebhookEvent
from promos.stripe_gateway import StripeObject

MirrorModel = type[Product | Price | Coupon | PromotionCode | WebhookEndpoint]

MODELS: dict[str, MirrorModel] = {
    "product": Product,
    "price": Price,
    "coupon": Coupon,
    "promotion_code": PromotionCode,
    "webhook_endpoint": WebhookEndpoint,
}
RETRIEVE: dict[str, Callable[[str], StripeObject]] = {
    "product": stripe_gateway.retrieve_product,
    "price": stripe_gateway.retrieve_price,
    "coupon": stripe_gateway.retrieve_coupon,
    "promotion_code": stripe_gateway.retrieve_promotion_code,
}
#: Stands for the account of a restricted key, which Stripe does not let ask for its name.
UNNAMED_ACCOUNT_ID = "acct_unnamed"


def refresh(kind: str, stripe_id: str) -> None:
    """Ask Stripe for an object (``kind`` as in its ``object`` field) and mirror it, or its absence."""
    try:
        data = RETRIEVE[kind](stripe_id)
    except stripe_gateway.NotFound:
        data = {"deleted": True}
    keep({"id": stripe_id, "object": kind, **data})


def keep(data: StripeObject) -> None:
    """Mirror an object as Stripe answered it, or its absence (``deleted``)."""
    if data.get("deleted"):
        MODELS[data["object"]].objects.filter(id=data["id"]).delete()
    else:
        copy(data)


def copy(data: StripeObject) -> None:
    """Write a Stripe object into its table. Calls Stripe only for what the row cannot do without."""
    ensure_account()
    if data["object"] == "price" and not Product.objects.filter(id=data["product"]).exists():
        refresh("product", data["product"])
    model = MODELS[data["object"]]
    record = model._stripe_object_to_record(data, api_key=settings.STRIPE_SECRET_KEY)
    model.objects.update_or_create(id=data["id"], defaults=record)


def copy_all(kind: str, objects: Iterable[StripeObject]) -> int:
    """Mirror every object of a kind, drop the rows of those that are gone, and return how many there are."""
    gone = set(MODELS[kind].objects.values_list("id", flat=True))
    count = 0
    for count, data in enumerate(objects, start=1):  # noqa: B007 - the last number is the answer
        copy(data)
        gone.discard(data["id"])
    for stripe_id in gone:
        MODELS[kind].objects.filter(id=stripe_id).delete()
    return count


def record_event(event: WebhookEvent) -> None:
    """Keep the event in dj-stripe's own table, the audit trail; its handlers of our types are disconnected."""
    ensure_account()
    Event.process(event.payload, api_key=settings.STRIPE_SECRET_KEY)


def ensure_account() -> Account:
    """Return dj-stripe's row of the account; without it dj-stripe would ask Stripe for it in every transaction."""
    key = (
        APIKey.objects.filter(secret=settings.STRIPE_SECRET_KEY)
        .select_related("djstripe_owner_account")
        .first()
    )
    if key is not None and key.djstripe_owner_account is not None:
        return key.djstripe_owner_account
    return seed_account(account_data())


def account_data() -> StripeObject:
    """Ask Stripe for the account of the key in use; a restricted key gets one without a name."""
    try:
        return stripe_gateway.retrieve_account()
    except stripe_gateway.NotAuthorised:
        if not _is_restricted():
            raise
        return {"id": UNNAMED_ACCOUNT_ID, "object": "account"}


def seed_account(data: StripeObject) -> Account:
    """Write the account's row and that of the key in use."""
    account, _ = Account.objects.update_or_create(id=data["id"], defaults={"stripe_data": data})
    kind = "restricted" if _is_restricted() else "secret"
    APIKey.objects.update_or_create(
        secret=settings.STRIPE_SECRET_KEY,
        defaults={
            "type": kind,
            "name": f"Promodesk's {kind} key",
            "livemode": settings.STRIPE_LIVE_MODE,
            "djstripe_owner_account": account,
        },
    )
    return account


def _is_restricted() -> bool:
    return settings.STRIPE_SECRET_KEY.startswith("rk_")
