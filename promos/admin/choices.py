"""What the forms offer to choose from, read from the mirror of Stripe."""

from __future__ import annotations

from djstripe.models import Product

from promos import money, plans

Choices = list[tuple[str, str]]


def products() -> Choices:
    """Return the active products by name."""
    active = Product.objects.filter(active=True).order_by("name", "id")
    return [(product.id, product.name or product.id) for product in active]


def list_prices() -> Choices:
    """Return the plans on sale, since a fixed price replaces one of them: "Team · $99.50 / month"."""
    return [
        (plan.price_id, f"{plan.name} · {money.display(plan.amount, plan.currency)} / {plan.interval}")
        for plan in plans.active()
    ]


def currencies() -> Choices:
    """Return the currencies of the active prices; before any is mirrored, the most common ones."""
    return [(currency, currency.upper()) for currency in plans.currencies() or money.SYMBOLS]


def only_currency() -> str:
    """Return the currency that a new amount is in when everything is sold in one; empty when there is a choice."""
    found = plans.currencies()
    return found[0] if len(found) == 1 else ""


def product_names(ids: list[str]) -> list[str]:
    """Return what products are called; the id of one that Stripe no longer has."""
    names = dict(Product.objects.filter(id__in=ids).values_list("id", "name")) if ids else {}
    return [names.get(product_id) or product_id for product_id in ids]
