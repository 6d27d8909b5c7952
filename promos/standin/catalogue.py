"""Products, prices and customers: plain records with few rules."""

from typing import Any

from promos.standin import errors, params
from promos.standin.call import Call
from promos.standin.kinds import Document

PRODUCT_UPDATE = {
    "active": params.boolean,
    "default_price": params.text(),
    "description": params.text(40000),
    "images": params.listing(params.text()),
    "metadata": params.metadata,
    "name": params.text(),
    "shippable": params.boolean,
    "statement_descriptor": params.text(22),
    "tax_code": params.text(),
    "unit_label": params.text(12),
    "url": params.text(),
}
PRODUCT_DATA = {
    name: PRODUCT_UPDATE[name]
    for name in (
        "description",
        "images",
        "metadata",
        "name",
        "statement_descriptor",
        "tax_code",
        "unit_label",
    )
}
PRODUCT_CREATE = {
    **{name: reader for name, reader in PRODUCT_UPDATE.items() if name != "default_price"},
    "id": params.text(),
}

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
PRICE_UPDATE = {
    "active": params.boolean,
    "currency_options": CURRENCY_OPTIONS,
    "lookup_key": params.text(200),
    "metadata": params.metadata,
    "nickname": params.text(),
    "tax_behavior": TAX_BEHAVIOR,
    "transfer_lookup_key": params.boolean,
}
PRICE_CREATE = {
    **PRICE_UPDATE,
    "billing_scheme": params.choice("per_unit"),
    "currency": params.currency,
    "product": params.text(),
    "product_data": params.group({**PRODUCT_DATA, "active": params.boolean, "id": params.text()}, ("name",)),
    "recurring": RECURRING,
    "unit_amount": params.integer(0),
}
# What a line item of a checkout session may say instead of naming a price.
PRICE_DATA = params.group(
    {
        "currency": params.currency,
        "product": params.text(),
        "product_data": params.group(PRODUCT_DATA, ("name",)),
        "recurring": RECURRING,
        "tax_behavior": TAX_BEHAVIOR,
        "unit_amount": params.integer(0),
    },
    ("currency", "unit_amount"),
)

ADDRESS = params.group(
    {name: params.text() for name in ("city", "country", "line1", "line2", "postal_code", "state")}
)
CUSTOMER_FIELDS = {
    "address": ADDRESS,
    "description": params.text(),
    "email": params.text(512),
    "metadata": params.metadata,
    "name": params.text(256),
    "phone": params.text(20),
    "preferred_locales": params.listing(params.text()),
}


def create_product(call: Call, values: dict[str, Any]) -> Document:
    """Create a product."""
    identifier = values.get("id")
    if identifier and call.store.get("product", identifier):
        raise errors.StripeError("Product already exists.", code="resource_already_exists", param="id")
    product = call.start("product", name=values["name"], updated=call.now)
    metadata = params.merged_metadata({}, values.pop("metadata", {}))
    values = {name: value for name, value in values.items() if value is not None}
    return call.add({**product, **values, "metadata": metadata})


def update_product(call: Call, product: Document, changes: dict[str, Any]) -> Document:
    """Change a product."""
    if changes.get("default_price"):
        call.get("price", changes["default_price"], param="default_price")
    return call.change(product, {**params.with_metadata(product, changes), "updated": call.now})


def delete_product(call: Call, product: Document) -> Document:
    """Delete a product that has no price.

    Raises StripeError.
    """
    if next(call.store.walk("price", key=("product", product["id"])), None):
        message = "This product cannot be deleted because it has one or more user-created prices."
        raise errors.StripeError(message)
    return call.remove(product)


def create_price(call: Call, values: dict[str, Any]) -> Document:
    """Create a price, with its product when `product_data` describes one."""
    if "unit_amount" not in values:
        raise errors.missing_parameter("unit_amount")
    return call.add(_price(call, values, product=_product_of(call, values)))


def create_inline_price(call: Call, values: dict[str, Any]) -> Document:
    """Create the inactive price that `price_data` of a line item stands for."""
    return call.add({**_price(call, values, product=_product_of(call, values)), "active": False})


def _product_of(call: Call, values: dict[str, Any]) -> str:
    if ("product" in values) == ("product_data" in values):
        raise errors.invalid("You must specify either `product` or `product_data`.", "product")
    if "product" in values:
        return str(call.get("product", values["product"], param="product")["id"])
    return str(create_product(call, values["product_data"])["id"])


def _price(call: Call, values: dict[str, Any], product: str) -> Document:
    recurring = values.get("recurring")
    default_recurring = {
        "interval_count": 1,
        "meter": None,
        "usage_type": "licensed",
    }
    lookup_key = _claimed_lookup_key(call, values)
    return call.start(
        "price",
        active=values.get("active", True),
        currency=values["currency"],
        currency_options=_currency_options(values),
        lookup_key=lookup_key,
        metadata=params.merged_metadata({}, values.get("metadata", {})),
        nickname=values.get("nickname"),
        product=product,
        recurring={**default_recurring, **recurring} if recurring else None,
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


def update_price(call: Call, price: Document, changes: dict[str, Any]) -> Document:
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


def create_customer(call: Call, values: dict[str, Any]) -> Document:
    """Create a customer."""
    customer = call.start("customer")
    metadata = params.merged_metadata({}, values.pop("metadata", {}))
    return call.add({**customer, **values, "metadata": metadata})


def update_customer(call: Call, customer: Document, changes: dict[str, Any]) -> Document:
    """Change a customer."""
    return call.change(customer, params.with_metadata(customer, changes))
