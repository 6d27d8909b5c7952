"""The customer's running subscriptions as the page shows them."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import QuerySet
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from promos import money, plans
from promos.billing import renewals, words
from promos.models import Customer, PromoCode, StripePromotionCode, Subscription
from promos.plans import Plan

#: Whatever is sent in place of a number, the database can compare this.
NUMBER = re.compile(r"[0-9]{1,18}")
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
    """A discount that runs; ``ends_at`` None: for as long as the subscription does; ``code`` None: of no code of ours."""

    code: PromoCode | None
    ends_at: datetime | None

    def reaches(self, moment: datetime | None) -> bool:
        return self.ends_at is None or (moment is not None and moment < self.ends_at)


@dataclass(frozen=True)
class Current:
    """A running subscription in words; amounts and dates are formatted, empty when not known."""

    number: int
    plan_name: str
    status: str
    price: str
    renews_on: str
    ends_on: str
    next_price: str
    discounts: tuple[str, ...]


def find(customer: Customer, number: str) -> Subscription | None:
    """Return the customer's running subscription of this ``number``; the latest one, if none is named."""
    running = _running(customer)
    if not number:
        return running.first()
    return running.filter(pk=number).first() if NUMBER.fullmatch(number) else None


def all_of(customer: Customer, *, now: datetime) -> list[Current]:
    """Return the running subscriptions for the page, the latest first."""
    running = list(_running(customer))
    bought = plans.find_all({each.plan for each in running})
    discounts = _discounts(running)
    return [_in_words(each, bought.get(each.plan), discounts[each.pk], now=now) for each in running]


def is_discounted(subscription: Subscription, *, now: datetime) -> bool:
    """Say whether a discount runs, going by what Stripe last told."""
    return any(Discount(None, _moment(end)).reaches(now) for end in subscription.discounts.values())


def _running(customer: Customer) -> QuerySet[Subscription]:
    running = Subscription.objects.filter(customer=customer, status__in=STATUSES, ended_at=None)
    return running.order_by("-started_at", "-pk")


def _discounts(running: Collection[Subscription]) -> dict[int, list[Discount]]:
    """Return the discounts of each subscription, as Stripe last told of them."""
    ids = {key for each in running for key in each.discounts}
    named = StripePromotionCode.objects.filter(stripe_promotion_code_id__in=ids)
    codes = {
        one.stripe_promotion_code_id: one.promo_code for one in named.select_related("promo_code__offer")
    }
    return {
        each.pk: [Discount(codes.get(key), _moment(end)) for key, end in sorted(each.discounts.items())]
        for each in running
    }


def _moment(epoch: int | None) -> datetime | None:
    return datetime.fromtimestamp(epoch, UTC) if epoch else None


def _in_words(
    subscription: Subscription, plan: Plan | None, discounts: list[Discount], *, now: datetime
) -> Current:
    running = [each for each in discounts if each.reaches(now)]
    renewal = subscription.current_period_ends_at
    return Current(
        number=subscription.pk,
        plan_name=plan.name if plan else "",
        status=str(STATUSES[subscription.status]),
        price=f"{money.display(plan.amount, plan.currency)} {words.per(plan)}" if plan else "",
        renews_on="" if subscription.cancel_at else _date(renewal),
        ends_on=_date(subscription.cancel_at),
        next_price=_next_price(plan, [each for each in running if each.reaches(renewal)]),
        discounts=tuple(_lasting(each) for each in running),
    )


def _next_price(plan: Plan | None, running: list[Discount]) -> str:
    """Return what the next payment will be; empty when Stripe alone knows what discounts make of it."""
    if plan is None or len(running) > 1:
        return ""
    if not running:
        return money.display(plan.amount, plan.currency)
    code = running[0].code
    return money.display(renewals.reduced_amount(plan, code.offer), plan.currency) if code else ""


def _lasting(discount: Discount) -> str:
    name = discount.code.code if discount.code else _("Granted to you")
    if discount.ends_at is None:
        return _("%(code)s, for as long as you stay") % {"code": name}
    return _("%(code)s, until %(date)s") % {"code": name, "date": _date(discount.ends_at)}


def _date(moment: datetime | None) -> str:
    return date_format(moment, "DATE_FORMAT") if moment else ""
