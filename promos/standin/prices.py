"""Prices: amounts are fixed once they are made."""

from typing import Any

from promos.standin import currencies, errors, params, products
from promos.standin.call import Call
from promos.standin.kinds import Document

RECURRING = params.group(
    {
        "interval": params.choice("day", "week", "month", "year"),
        "interval_count": params.integer(1, 156),
        "usage_type": params.choice("licensed"),
    },
    ("interval",),
)
TAX_BEHAVIOR = params.choice("exclusive", "inclusive", "unspecified")
CURRENCY_OPTIONS = params.by_currency(
    params.group({"tax_behavior": TAX_BEHAVIOR, "unit_amount": params.integer(0)}, ("unit_amount",))
)
UPDATE = {
    "active": params.boolean,
    "currency_options": CURRENCY_OPTIONS,
    "lookup_key": params.text(200),
    "metadata": params.metadata,
    "nickname": params.text(),
    "tax_behavior": TAX_BEHAVIOR,
    "transfer_lookup_key": params.boolean,
}
CREATE = {
    **UPDATE,
    "billing_scheme": params.choice("per_unit"),
    "currency": params.currency,
    "product": params.text(),
    "product_data": params.group(
        {**products.INLINE, "active": params.boolean, "id": params.text()}, ("name",)
    ),
    "recurring": RECURRING,
    "unit_amount": params.integer(0),
}
# What a line item of a checkout session may say instead of naming a price.
INLINE = params.group(
    {
        "currency": params.currency,
        "product": params.text(),
        "product_data": params.group(products.INLINE, ("name",)),
        "recurring": RECURRING,
        "tax_behavior": TAX_BEHAVIOR,
        "unit_amount": params.integer(0),
    },
    ("currency", "unit_amount"),
)


def create(call: Call, values: dict[str, Any]) -> Document:
    """Create a price, with its product when `product_data` describes one."""
    if values.get("unit_amount") is None:
        raise errors.missing_parameter("unit_amount")
    currencies.check(values["unit_amount"], values["currency"], "unit_amount")
    return call.add(_price(call, values, product=_product_of(call, values)))


def create_inline(call: Call, values: dict[str, Any]) -> Document:
    """Create the inactive price that `price_data` of a line item stands for."""
    return call.add({**_price(call, values, product=_product_of(call, values)), "active": False})


def _product_of(call: Call, values: dict[str, Any]) -> str:
    if ("product" in values) == ("product_data" in values):
        raise errors.invalid("You must specify either `product` or `product_data`.", "product")
    if "product" in values:
        return str(call.get("product", values["product"], param="product")["id"])
    return str(products.create(call, values["product_data"])["id"])


def _price(call: Call, values: dict[str, Any], product: str) -> Document:
    recurring = values.get("recurring")
    defaults = {"interval_count": 1, "meter": None, "usage_type": "licensed"}
    return call.start(
        "price",
        active=values.get("active", True),
        currency=values["currency"],
        currency_options=_currency_options(values),
        lookup_key=_claimed_lookup_key(call, values),
        metadata=params.merged_metadata({}, values.get("metadata", {})),
        nickname=values.get("nickname"),
        product=product,
        recurring={**defaults, **recurring} if recurring else None,
        tax_behavior=values.get("tax_behavior", "unspecified"),
        type="recurring" if recurring else "one_time",
        unit_amount=values["unit_amount"],
        unit_amount_decimal=str(values["unit_amount"]),
    )


def _currency_options(values: dict[str, Any]) -> dict[str, Any]:
    """Return the price in each currency, its own included, as Stripe shows it when expanded."""
    options = {values["currency"]: values, **values.get("currency_options", {})}
    return {
        currency: {
            "custom_unit_amount": None,
            "tax_behavior": option.get("tax_behavior", "unspecified"),
            "unit_amount": option["unit_amount"],
            "unit_amount_decimal": str(option["unit_amount"]),
        }
        for currency, option in options.items()
    }


def _claimed_lookup_key(call: Call, values: dict[str, Any]) -> str | None:
    """Return the lookup key, taken from the price that holds it if the caller says so."""
    lookup_key = values.get("lookup_key")
    holder = lookup_key and next(call.store.walk("price", key=("lookup_key", lookup_key)), None)
    if holder and not values.get("transfer_lookup_key"):
        message = f"A price (`{holder['id']}`) already uses that lookup key."
        raise errors.StripeError(message, param="lookup_key")
    if holder:
        call.change(holder, {"lookup_key": None})
    return lookup_key


def update(call: Call, price: Document, changes: dict[str, Any]) -> Document:
    """Change what may be changed of a price: never its amount in its own currency."""
    if changes.get("lookup_key") == price["lookup_key"]:
        changes.pop("lookup_key", None)
    if "lookup_key" in changes:
        changes["lookup_key"] = _claimed_lookup_key(call, changes)
    if "currency_options" in changes:
        own = {"currency": price["currency"], "unit_amount": price["unit_amount"]}
        added = _currency_options({**own, "currency_options": changes["currency_options"]})
        changes["currency_options"] = {**price["currency_options"], **added}
    changes.pop("transfer_lookup_key", None)
    return call.change(price, params.with_metadata(price, changes))


def pricing(price: Document, unit_amount: int) -> Document:
    """Return how an invoice line or item names its price."""
    return {
        "price_details": {"price": price["id"], "product": price["product"]},
        "type": "price_details",
        "unit_amount_decimal": str(unit_amount),
    }
