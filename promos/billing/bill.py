"""The order as the page shows it: every amount already in words."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from promos import money
from promos.billing import words
from promos.eligibility import Verdict
from promos.plans import Plan

#: The intervals between which the page switches.
SWITCHED = {"month": _("Monthly"), "year": _("Yearly")}


@dataclass(frozen=True)
class PlanCard:
    """One plan to choose from."""

    price_id: str
    name: str
    price: str
    per: str
    setup_fee: str

    @classmethod
    def of(cls, plan: Plan) -> PlanCard:
        fee = money.display(plan.setup_fee.amount, plan.currency) if plan.setup_fee else ""
        return cls(plan.price_id, plan.name, money.display(plan.amount, plan.currency), words.per(plan), fee)


@dataclass(frozen=True)
class Choice:
    """One side of the switch between monthly and yearly plans."""

    interval: str
    label: str
    is_chosen: bool


def choices(plans: Collection[Plan], chosen: Plan) -> list[Choice]:
    """Return the sides of the switch; none when there is nothing to switch between."""
    offered = {plan.interval for plan in plans}
    if not offered >= SWITCHED.keys() or chosen.interval not in SWITCHED:
        return []
    return [Choice(interval, str(label), interval == chosen.interval) for interval, label in SWITCHED.items()]


def on_this_side(plans: Collection[Plan], chosen: Plan) -> list[Plan]:
    """Return the plans to show beside the chosen one."""
    if not choices(plans, chosen):
        return list(plans)
    return [plan for plan in plans if plan.interval == chosen.interval or plan.interval not in SWITCHED]


@dataclass(frozen=True)
class Bill:
    """What an order costs, before and after the code; ``discount`` and ``before`` are empty without one."""

    plan_name: str
    plan_price: str
    setup_fee_name: str
    setup_fee: str
    code: str
    discount: str
    before: str
    due_today: str
    renewal: str
    refusal: str
    is_unasked: bool

    @classmethod
    def of(cls, plan: Plan, verdict: Verdict | None, *, on_sale: Collection[Plan] = ()) -> Bill:
        """Lay out an order; a refused code changes nothing but adds why, and which plans ``on_sale`` it is for."""
        quote = verdict.quote if verdict and verdict.is_accepted else None
        code = verdict.promo_code if verdict and quote else None
        fee = plan.setup_fee
        return cls(
            plan_name=plan.name,
            plan_price=money.display(plan.amount, plan.currency),
            setup_fee_name=fee.name if fee else "",
            setup_fee=money.display(fee.amount, plan.currency) if fee else "",
            code=code.code if code else "",
            discount=money.display(quote.discount_amount, plan.currency) if quote else "",
            before=money.display(plan.gross_amount, plan.currency) if quote and quote.discount_amount else "",
            due_today=money.display(quote.net_amount if quote else plan.gross_amount, plan.currency),
            renewal=words.renewal(plan, code.offer if code else None),
            refusal=words.refusal(verdict, plan, on_sale=on_sale) if verdict else "",
            is_unasked=bool(verdict and verdict.is_unasked),
        )
