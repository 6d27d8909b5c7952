"""Refunds: by charge or payment, in parts or whole."""

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


def refund(shop, **values):
    return shop.v1.refunds.create(values)


def test_refund_takes_the_rest_unless_told(shop, charge):
    partial = refund(shop, payment_intent=charge.payment_intent, amount=5000)
    rest = refund(shop, charge=charge.id, reason="requested_by_customer", metadata={"a": "1"})

    assert (partial.amount, partial.charge, partial.status) == (5000, charge.id, "succeeded")
    assert (rest.amount, rest.payment_intent) == (15000, charge.payment_intent)
    assert (rest.reason, rest.metadata.to_dict()) == ("requested_by_customer", {"a": "1"})


def test_charge_adds_its_refunds_up(shop, charge):
    refund(shop, charge=charge.id, amount=5000)
    partly = shop.v1.charges.retrieve(charge.id, {"expand": ["refunds"]})
    refund(shop, charge=charge.id)
    wholly = shop.v1.charges.retrieve(charge.id, {"expand": ["refunds"]})

    assert (partly.amount_refunded, partly.refunded) == (5000, False)
    assert (wholly.amount_refunded, wholly.refunded) == (20000, True)
    assert [one.amount for one in wholly.refunds.data] == [15000, 5000]
    events = shop.v1.events.list({"type": "charge.refunded"}).data
    assert [event.data.object.amount_refunded for event in events] == [20000, 5000]


def test_refund_events_come_in_stripes_order(shop, charge):
    refund(shop, charge=charge.id)

    assert told(shop.v1, since="checkout.session.completed") == [
        "refund.created",
        "charge.refunded",
        "refund.updated",
        "charge.refund.updated",
    ]


@pytest.mark.parametrize(
    ("first", "second", "code"),
    [(20000, 1, "charge_already_refunded"), (5000, 15001, None), (None, None, "charge_already_refunded")],
)
def test_refund_of_more_than_there_is_is_refused(shop, charge, first, second, code):
    refund(shop, charge=charge.id, **({"amount": first} if first else {}))

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        refund(shop, charge=charge.id, **({"amount": second} if second else {}))

    assert refusal.value.error.code == code
    assert shop.v1.charges.retrieve(charge.id).amount_refunded == (first or 20000)


@pytest.mark.parametrize(
    ("values", "param"),
    [
        ({}, "charge"),
        ({"charge": "ch_1", "payment_intent": "pi_1"}, "charge"),
        ({"charge": "ch_none"}, "charge"),
        ({"payment_intent": "pi_none"}, "payment_intent"),
    ],
)
def test_refund_of_nothing_is_refused(shop, values, param):
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        refund(shop, **values)

    assert refusal.value.param == param


def test_refund_of_a_failed_payment_is_refused(shop, standin):
    subscription = shop.subscribe()
    standin.hooks.break_card(subscription.customer)
    standin.hooks.renew(subscription.id)
    failed = shop.v1.charges.list().data[0]

    for values in ({"charge": failed.id}, {"payment_intent": failed.payment_intent}):
        with pytest.raises(stripe.InvalidRequestError, match="succe"):
            refund(shop, **values)


def test_refunds_are_found_by_charge_and_payment(shop, charge):
    made = refund(shop, charge=charge.id)
    pay(shop.open(mode="payment"))

    for filters in ({"charge": charge.id}, {"payment_intent": charge.payment_intent}):
        assert [one.id for one in shop.v1.refunds.list(filters).data] == [made.id]
    assert shop.v1.refunds.list({"charge": "ch_other"}).data == []
    assert shop.v1.refunds.retrieve(made.id, {"expand": ["charge"]}).charge.amount_refunded == 20000


def test_refund_metadata_can_be_changed(shop, charge):
    made = refund(shop, charge=charge.id)

    shop.v1.refunds.update(made.id, {"metadata": {"a": "1"}})

    [shown] = shop.v1.charges.retrieve(charge.id, {"expand": ["refunds"]}).refunds.data
    assert shown.metadata.to_dict() == {"a": "1"}


def test_refund_that_fails_gives_the_money_back_to_us(shop, charge, standin):
    made = refund(shop, charge=charge.id)

    standin.hooks.fail_refund(made.id)

    assert shop.v1.refunds.retrieve(made.id).status == "failed"
    after = shop.v1.charges.retrieve(charge.id)
    assert (after.amount_refunded, after.refunded) == (0, False)
    assert told(shop.v1)[-2:] == ["refund.failed", "charge.refund.updated"]
    with pytest.raises(StripeError, match="failed already"):
        standin.hooks.fail_refund(made.id)


def test_refund_of_dinars_goes_by_tens(shop):
    price = shop.dashboard.create_price(shop.fee_product, 12340, "kwd", interval=None).id
    pay(shop.open(mode="payment", prices=[price]))
    [charge] = shop.v1.charges.list().data

    with pytest.raises(stripe.InvalidRequestError, match="divisible by 10"):
        refund(shop, charge=charge.id, amount=1234)
    assert refund(shop, charge=charge.id, amount=1230).amount == 1230
