"""A use that a full refund gives back, of a code that Stripe has ended: a successor carries it to somebody else."""

from __future__ import annotations

from django.core.management import call_command

from analytics.demo.catalogue import Catalogue
from promos import stripe_gateway
from promos.models import Customer, PromoCode, StripePromotionCode
from tests import factories
from tests.conftest import PASSWORD
from tests.flows.conftest import House, eventually
from tests.standin.dashboard import Dashboard


def code() -> PromoCode:
    return PromoCode.objects.get()


def in_step(**counts: int) -> bool:
    return PromoCode.objects.filter(sync_status="synced", next_try_at=None, **counts).exists()


def ask(house: House, customer: Customer, plan: str) -> str:
    """Ask for a checkout with the code; return where it is paid, or nothing when it was refused."""
    assert customer.user
    visitor = house.sign_in(customer.user)
    visitor.get("/billing/")
    answer = visitor.post("/billing/checkout/", {"plan": plan, "code": "LAST"})
    if answer.status_code == 303:
        visitor.pay(answer.headers["Location"])
    return answer.headers.get("Location", "")


def test_use_given_back_by_a_refund_is_redeemed_by_another(
    house: House, customer: Customer, shop: Catalogue
) -> None:
    other = factories.CustomerFactory(user=factories.user("other@example.com", PASSWORD))
    factories.PromoCodeFactory(code="LAST", max_redemptions=1)
    eventually(lambda: in_step(used_count=0))
    assert ask(house, customer, shop.monthly_price)
    eventually(lambda: in_step(used_count=1))
    [first] = stripe_gateway.list_promotion_codes(code="LAST")
    assert (first["active"], first["times_redeemed"]) == (False, 1)
    assert not ask(house, other, shop.monthly_price)

    [invoice] = stripe_gateway.list_invoices()
    Dashboard(house.standin.url).refund_invoice(invoice["id"])
    eventually(lambda: in_step(used_count=0))
    states = StripePromotionCode.objects.order_by("generation").values_list("state", flat=True)
    assert list(states) == ["retired", "current"]
    [successor] = stripe_gateway.list_promotion_codes(code="LAST", active=True)
    assert (successor["max_redemptions"], successor["times_redeemed"]) == (1, 0)

    assert ask(house, other, shop.monthly_price)
    eventually(lambda: in_step(used_count=1))
    assert {usage.status for usage in code().usages.all()} == {"refunded", "settled"}
    call_command("verify_analytics")
