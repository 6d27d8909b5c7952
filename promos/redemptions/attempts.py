"""The checkout of ours that an order is, read with its code and campaign in one statement."""

from __future__ import annotations

from promos import statements
from promos.models import Campaign, CheckoutAttempt, PromoCode
from promos.orders import Order
from promos.redemptions import limits

#: What recording needs of a checkout, of its code and of its campaign: a third of their columns.
_OF_ATTEMPT = statements.columns(
    CheckoutAttempt,
    "id",
    "customer_id",
    "promo_code_id",
    "stripe_session_id",
    "held_amount",
    "promised_amount",
)
_OF_CODE = statements.columns(
    PromoCode,
    "id",
    "campaign_id",
    "batch_id",
    "max_redemptions",
    "max_redemptions_per_customer",
    "first_time_only",
)
_OF_CAMPAIGN = statements.columns(Campaign, "id", "currency", "budget_amount", "gives_back_on_refund")
_ATTEMPT = f"""
SELECT
    {", ".join(f"attempts.{column}" for column in _OF_ATTEMPT)},
    {", ".join(f"codes.{column}" for column in _OF_CODE)},
    {", ".join(f"campaigns.{column}" for column in _OF_CAMPAIGN)},
    EXISTS (
        SELECT 1 FROM promo_code_usage AS usages
        WHERE usages.promo_code_id = codes.id AND usages.redemption_key = %s
    ) AS is_redeemed
FROM promos_checkoutattempt AS attempts
LEFT JOIN promo_codes AS codes ON codes.id = attempts.promo_code_id
LEFT JOIN promos_campaign AS campaigns ON campaigns.id = codes.campaign_id
WHERE attempts.{{column}} = %s
"""  # noqa: S608 - our names


def of_order(order: Order) -> CheckoutAttempt | None:
    """Return the checkout of ours that an order is; ``finding.code`` reads off it whether its redemption is known."""
    if order.is_renewal:
        return given(order, order.stripe_promotion_code_id)
    if not (order.attempt_id or order.session_id):
        return None
    if order.attempt_id:
        found = _read(order, "id", order.attempt_id)
    else:
        found = _read(order, "stripe_session_id", order.session_id)
    if found is None or found.stripe_session_id == order.session_id:
        return found
    # The session's id may not have been saved yet, and an invoice does not tell it. But the number in its
    # metadata may be another installation's on the same account.
    is_other = bool(order.session_id and found.stripe_session_id)
    return None if is_other or found.customer.stripe_customer_id != order.stripe_customer_id else found


def given(order: Order, stripe_promotion_code_id: str) -> CheckoutAttempt | None:
    """Return what holds the use of a code that was given to the order's subscription after it began."""
    if not stripe_promotion_code_id:
        return None
    generation = {"promo_code__stripe_promotion_codes__stripe_promotion_code_id": stripe_promotion_code_id}
    held = CheckoutAttempt.objects.filter(stripe_subscription_id=order.subscription_id, **generation)
    mine = held.filter(state__in=limits.UNSETTLED).order_by("pk").values_list("pk", flat=True).first()
    return _read(order, "id", mine) if mine else None


def _read(order: Order, column: str, value: int | str) -> CheckoutAttempt | None:
    found = statements.row(_ATTEMPT.format(column=column), [order.redemption_key, value])
    if found is None:
        return None
    *columns, is_redeemed = found
    values = iter(columns)
    attempt = statements.made(CheckoutAttempt, _OF_ATTEMPT, values)
    code, campaign = (
        statements.made(PromoCode, _OF_CODE, values),
        statements.made(Campaign, _OF_CAMPAIGN, values),
    )
    if attempt.promo_code_id:
        code.campaign = campaign if code.campaign_id else None
        attempt.promo_code = code
    attempt.is_redeemed = bool(is_redeemed)  # type: ignore[attr-defined]
    return attempt
