"""Disputes: opened by a buyer, decided by the bank or given up."""

import pytest
import stripe

from promos.standin.errors import StripeError
from tests.standin.shop import pay, told


@pytest.fixture
def charge(shop):
    """A charge of USD 200.00."""
    pay(shop.open(mode="payment"))
    [charge] = shop.v1.charges.list().data
    return charge


def test_dispute_withdraws_the_money(shop, standin, charge):
    opened = standin.hooks.open_dispute(charge.id)

    dispute = shop.v1.disputes.retrieve(opened["id"], {"expand": ["charge"]})
    assert (dispute.amount, dispute.status, dispute.payment_intent) == (
        20000,
        "needs_response",
        charge.payment_intent,
    )
    assert dispute.charge.disputed
    assert [(one.amount, one.net) for one in dispute.balance_transactions] == [(-20000, -21500)]
    assert told(shop.v1, since="checkout.session.completed") == [
        "charge.dispute.created",
        "charge.dispute.funds_withdrawn",
    ]


@pytest.mark.parametrize(
    ("status", "moved", "announced"),
    [
        ("won", [-20000, 20000], ["charge.dispute.closed", "charge.dispute.funds_reinstated"]),
        ("lost", [-20000], ["charge.dispute.closed"]),
    ],
)
def test_dispute_is_decided(shop, standin, charge, status, moved, announced):
    dispute = standin.hooks.open_dispute(charge.id)

    standin.hooks.close_dispute(dispute["id"], status)

    closed = shop.v1.disputes.retrieve(dispute["id"])
    assert closed.status == status
    assert [one.amount for one in closed.balance_transactions] == moved
    assert told(shop.v1, since="charge.dispute.funds_withdrawn") == announced


def test_dispute_is_decided_once(standin, charge):
    dispute = standin.hooks.open_dispute(charge.id)["id"]
    with pytest.raises(StripeError, match="cannot become"):
        standin.hooks.close_dispute(dispute, "needs_response")
    standin.hooks.close_dispute(dispute, "won")

    with pytest.raises(StripeError, match="cannot become"):
        standin.hooks.close_dispute(dispute, "lost")


def test_dispute_may_be_about_a_part(shop, standin, charge):
    shop.dashboard.refund(charge.payment_intent, 15000)

    with pytest.raises(StripeError, match="that much"):
        standin.hooks.open_dispute(charge.id, 5001)
    assert standin.hooks.open_dispute(charge.id, 4000)["amount"] == 4000
    with pytest.raises(StripeError, match="that much"):
        standin.hooks.open_dispute(charge.id)


def test_dispute_can_be_given_up(shop, standin, charge):
    dispute = standin.hooks.open_dispute(charge.id)["id"]

    assert shop.v1.disputes.close(dispute).status == "lost"


def test_disputed_charge_cannot_be_refunded(shop, standin, charge):
    standin.hooks.open_dispute(charge.id)

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        shop.dashboard.refund(charge.payment_intent)

    assert refusal.value.error.code == "charge_disputed"


def test_disputes_are_found_by_charge_and_payment(shop, standin, charge):
    dispute = standin.hooks.open_dispute(charge.id)["id"]

    for filters in ({"charge": charge.id}, {"payment_intent": charge.payment_intent}):
        assert [one.id for one in shop.v1.disputes.list(filters).data] == [dispute]
    assert shop.v1.disputes.list({"charge": "ch_other"}).data == []


def test_dispute_metadata_can_be_changed(shop, standin, charge):
    dispute = standin.hooks.open_dispute(charge.id)["id"]

    shop.v1.disputes.update(dispute, {"metadata": {"a": "1"}})

    assert told(shop.v1)[-1] == "charge.dispute.updated"
