"""What a coupon takes off an order: arithmetic on whole minor units, nothing else."""

from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal

from promos.standin import currencies
from promos.standin.kinds import Document


@dataclass(frozen=True)
class Line:
    """What is bought: a product and its amount before any discount."""

    product: str
    amount: int


def discounts(lines: list[Line], coupon: Document | None, currency: str) -> list[int]:
    """Return what the coupon takes off each line; 0 for products it does not apply to."""
    if coupon is None:
        return [0] * len(lines)
    matching = [line.amount if applies(coupon, line.product) else 0 for line in lines]
    if coupon["percent_off"] is not None:
        return [percent_of(amount, coupon["percent_off"], currencies.step(currency)) for amount in matching]
    return spread(min(amount_off(coupon, currency) or 0, sum(matching)), matching)


def stack(lines: list[Line], coupons: list[Document], currency: str) -> list[list[int]]:
    """Return, for each coupon, what it takes off each line: one after the other, of what the others left."""
    shares = []
    for coupon in coupons:
        share = discounts(lines, coupon, currency)
        lines = [replace(line, amount=line.amount - off) for line, off in zip(lines, share, strict=True)]
        shares.append(share)
    return shares


def applies(coupon: Document, product: str) -> bool:
    """Tell whether a coupon is for a product; without `applies_to` it is for every one, setup fees included."""
    return product in coupon.get("applies_to", {}).get("products", [product])


def amount_off(coupon: Document, currency: str) -> int | None:
    """Return a fixed coupon's amount in a currency, None where it has none."""
    option = coupon.get("currency_options", {}).get(currency)
    return option and int(option["amount_off"])


def percent_of(amount: int, percent: float, step: int = 1) -> int:
    """Return a percentage of an amount in whole steps, half a step rounded up."""
    exact = Decimal(amount) * Decimal(str(percent)) / 100
    return int((exact / step).quantize(Decimal(1), ROUND_HALF_UP)) * step


def spread(total: int, weights: list[int]) -> list[int]:
    """Share a total in proportion to the weights, to the last unit (largest remainders first)."""
    whole = sum(weights)
    if not whole:
        return [0] * len(weights)
    shares = [total * weight // whole for weight in weights]
    remainders = [total * weight % whole for weight in weights]
    fullest = sorted(range(len(weights)), key=lambda index: -remainders[index])
    for index in fullest[: total - sum(shares)]:
        shares[index] += 1
    return shares
