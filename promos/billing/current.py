"""The customer's running subscription as the page shows it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from promos import money, plans
from promos.billing import renewals, words
from promos.models import Customer, PromoCode, StripePromotionCode, Subscription
from promos.plans import Plan

#: Stripe's words for a subscription that still runs, and ours for the customer.
STATUSES: dict[str, str | Promise] = {
    "active": gettext_lazy("Active"),
    "trialing": gettext_lazy("In its trial"),
    "past_due": gettext_lazy("Payment is late"),
    "unpaid": gettext_lazy("Not paid"),
    "paused": gettext_lazy("Paused"),
}


@dataclass(frozen=True)
class Discount:
    """A discount that runs; ``ends_at`` None: for as long as the subscription does."""

    code: PromoCode
    ends_at: datetime | None

    def reaches(self, moment: datetime | None) -> bool:
        return self.ends_at is None or (moment is not None and moment < self.ends_at)


@dataclass(frozen=True)
class Current:
    """A running subscription in words; amounts and dates are formatted, empty when not known."""

    plan_name: str
    status: str
    price: str
    renews_on: str
    ends_on: str
    next_price: str
    discounts: tuple[str, ...]


def subscription_of(customer: Customer) -> Subscription | None:
    """Return the customer's latest subscription that still runs."""
    running = Subscription.objects.filter(customer=customer, status__in=STATUSES, ended_at=None)
    return running.order_by("-started_at", "-pk").first()


def of(customer: Customer, *, now: datetime) -> Current | None:
    """Return the running subscription for the page; None when there is none."""
    subscription = subscription_of(customer)
    if subscription is None:
        return None
    plan = plans.find(subscription.plan)
    running = [each for each in _discounts(subscription) if each.reaches(now)]
    renewal = subscription.current_period_ends_at
    return Current(
        plan_name=plan.name if plan else "",
        status=str(STATUSES[subscription.status]),
        price=f"{money.display(plan.amount, plan.currency)} {words.per(plan)}" if plan else "",
        renews_on="" if subscription.cancel_at else _date(renewal),
        ends_on=_date(subscription.cancel_at),
        next_price=_next_price(plan, [each for each in running if each.reaches(renewal)]),
        discounts=tuple(_in_words(each) for each in running),
    )


def is_discounted(subscription: Subscription, *, now: datetime) -> bool:
    """Say whether a discount runs, going by what Stripe last told."""
    return any(each.reaches(now) for each in _discounts(subscription))


def _discounts(subscription: Subscription) -> list[Discount]:
    ends = subscription.discounts
    named = StripePromotionCode.objects.filter(stripe_promotion_code_id__in=ends)
    return [
        Discount(each.promo_code, datetime.fromtimestamp(end, UTC) if end else None)
        for each in named.select_related("promo_code__offer").order_by("pk")
        for end in [ends[each.stripe_promotion_code_id]]
    ]


def _next_price(plan: Plan | None, running: list[Discount]) -> str:
    if plan is None:
        return ""
    amount = renewals.reduced_amount(plan, running[0].code.offer) if running else plan.amount
    return money.display(amount, plan.currency)


def _in_words(discount: Discount) -> str:
    if discount.ends_at is None:
        return _("%(code)s, for as long as you stay") % {"code": discount.code.code}
    return _("%(code)s, until %(date)s") % {"code": discount.code.code, "date": _date(discount.ends_at)}


def _date(moment: datetime | None) -> str:
    return date_format(moment, "DATE_FORMAT") if moment else ""
