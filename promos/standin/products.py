"""Products."""

from typing import Any

from promos.standin import errors, params
from promos.standin.call import Call
from promos.standin.kinds import Document

UPDATE = {
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
# What may be said of a product while making a price.
INLINE = {
    name: UPDATE[name]
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
CREATE = {
    **{name: reader for name, reader in UPDATE.items() if name != "default_price"},
    "id": params.text(),
}


def create(call: Call, values: dict[str, Any]) -> Document:
    """Create a product."""
    identifier = values.get("id")
    if identifier and call.store.get("product", identifier):
        raise errors.StripeError("Product already exists.", code="resource_already_exists", param="id")
    product = call.start("product", name=values["name"], updated=call.now)
    metadata = params.merged_metadata({}, values.pop("metadata", {}))
    values = {name: value for name, value in values.items() if value is not None}
    return call.add({**product, **values, "metadata": metadata})


def update(call: Call, product: Document, changes: dict[str, Any]) -> Document:
    """Change a product."""
    if changes.get("default_price"):
        call.get("price", changes["default_price"], param="default_price")
    return call.change(product, {**params.with_metadata(product, changes), "updated": call.now})


def delete(call: Call, product: Document) -> Document:
    """Delete a product that has no price.

    Raises StripeError.
    """
    if next(call.store.walk("price", key=("product", product["id"])), None):
        message = "This product cannot be deleted because it has one or more user-created prices."
        raise errors.StripeError(message)
    return call.remove(product)
