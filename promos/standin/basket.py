"""What a checkout is about: its line items, before any discount."""

from typing import Any

from promos.standin import errors, ids, params, prices
from promos.standin.call import Call
from promos.standin.errors import StripeError
from promos.standin.kinds import Document

LINE_ITEM = params.group(
    {
        "metadata": params.metadata,
        "price": params.text(),
        "price_data": prices.INLINE,
        "quantity": params.integer(0),
    }
)


def fill(call: Call, lines: list[dict[str, Any]], *, mode: str, currency: str | None) -> list[Document]:
    """Return the line items for what a server asked for, in the wanted currency or the prices' own.

    Raises StripeError for prices that do not exist, do not fit each other or do not fit the mode.
    """
    items = [_item(call, line, f"line_items[{index}]", currency) for index, line in enumerate(lines)]
    _check(items, mode)
    return items


def _item(call: Call, line: dict[str, Any], name: str, currency: str | None) -> Document:
    quantity = line.get("quantity")
    if not quantity:
        raise errors.missing_parameter(f"{name}[quantity]")
    price = _price(call, line, name)
    currency = currency or price["currency"]
    amount = unit_amount(price, currency) * quantity
    return {
        "id": ids.new("li_"),
        "object": "item",
        "adjustable_quantity": None,
        "amount_discount": 0,
        "amount_subtotal": amount,
        "amount_tax": 0,
        "amount_total": amount,
        "currency": currency,
        "description": call.get("product", price["product"])["name"],
        "discounts": [],
        "metadata": params.merged_metadata({}, line.get("metadata", {})),
        "price": price,
        "quantity": quantity,
        "taxes": [],
    }


def _price(call: Call, line: dict[str, Any], name: str) -> Document:
    if ("price" in line) == ("price_data" in line):
        raise errors.invalid("A line item needs either `price` or `price_data`.", name)
    if "price_data" in line:
        return prices.create_inline(call, line["price_data"])
    price = call.get("price", line["price"], param=f"{name}[price]")
    if not price["active"]:
        raise StripeError("The price specified is inactive.", param=f"{name}[price]")
    return price


def unit_amount(price: Document, currency: str) -> int:
    """Return what one of a price costs in a currency.

    Raises StripeError where the price has none.
    """
    option = price["currency_options"].get(currency)
    if option is None:
        raise StripeError(f"The price `{price['id']}` is not available in {currency}.", param="line_items")
    return int(option["unit_amount"])


def _check(items: list[Document], mode: str) -> None:
    if not items:
        raise errors.missing_parameter("line_items")
    if len({item["currency"] for item in items}) > 1:
        raise StripeError("All prices on a Checkout Session must have the same currency.", param="line_items")
    recurring = any(item["price"]["recurring"] for item in items)
    if recurring and mode == "payment":
        raise StripeError("You specified `payment` mode but passed a recurring price.", param="line_items")
    if mode == "subscription" and not recurring:
        raise StripeError("`subscription` mode needs at least one recurring price.", param="line_items")
