"""Bank debits: complete at once, paid or refused later; and the order of the first invoice's events."""

import pytest
import requests
import stripe

from promos.standin.errors import StripeError
from tests.standin.shop import pay, submit, told, visit, words


@pytest.fixture(params=["subscription", "payment"])
def waiting(shop, request):
    """A checkout in each mode that waits for the bank."""
    session = shop.open(mode=request.param)
    assert submit(session, "bank", email="buyer@example.com").status_code == 303
    return session


def test_bank_debit_completes_unpaid(shop, waiting):
    session = shop.reload(waiting)

    assert (session.status, session.payment_status) == ("complete", "unpaid")
    [charge] = shop.v1.charges.list().data
    assert (charge.status, charge.paid, charge.amount_captured) == ("pending", False, 0)
    assert shop.v1.payment_intents.retrieve(charge.payment_intent).status == "processing"
    assert [event.data.object.payment_status for event in completed(shop)] == ["unpaid"]


def completed(shop):
    return shop.v1.events.list({"type": "checkout.session.completed"}).data


def test_bank_debit_leaves_the_first_invoice_open(shop):
    session = shop.open()
    submit(session, "bank", email="buyer@example.com")

    begun = shop.reload(session, "invoice", "subscription")

    assert (begun.invoice.status, begun.invoice.amount_paid) == ("open", 0)
    assert begun.subscription.status == "active"
    assert "invoice.paid" not in told(shop.v1)


def test_settled_debit_is_announced(shop, standin, waiting):
    standin.hooks.settle_payment(waiting.id)

    session = shop.reload(waiting, "invoice")
    assert session.payment_status == "paid"
    assert told(shop.v1, since="charge.succeeded")[-1] == "checkout.session.async_payment_succeeded"
    [charge] = shop.v1.charges.list().data
    assert (charge.status, charge.amount_captured) == ("succeeded", session.amount_total)
    if session.invoice:
        assert (session.invoice.status, session.invoice.amount_paid) == ("paid", 29950)
        assert "invoice.paid" in told(shop.v1)


def test_refused_debit_is_announced(shop, standin, waiting):
    standin.hooks.fail_payment(waiting.id)

    session = shop.reload(waiting, "subscription")
    assert (session.status, session.payment_status) == ("complete", "unpaid")
    assert told(shop.v1, since="charge.failed")[-1] == "checkout.session.async_payment_failed"
    [charge] = shop.v1.charges.list().data
    assert (charge.status, charge.failure_code) == ("failed", "payment_intent_payment_attempt_failed")
    if session.subscription:
        assert session.subscription.status == "past_due"
        assert "invoice.payment_failed" in told(shop.v1)


@pytest.mark.parametrize("outcome", ["settle_payment", "fail_payment"])
def test_bank_decides_once(shop, standin, waiting, outcome):
    getattr(standin.hooks, outcome)(waiting.id)

    for again in (standin.hooks.settle_payment, standin.hooks.fail_payment):
        with pytest.raises(StripeError, match="does not wait"):
            again(waiting.id)


def test_refused_debit_leaves_a_newcomer_new(shop, standin):
    anna = shop.dashboard.create_customer().id
    coupon = shop.dashboard.create_coupon().id
    code = shop.dashboard.create_code(coupon, "NEW", restrictions={"first_time_transaction": True})
    discounts = {"customer": anna, "discounts": [{"promotion_code": code.id}]}
    session = shop.open(customer=anna)
    submit(session, "bank")
    standin.hooks.fail_payment(session.id)

    second = shop.open(**discounts)
    pay(second)

    with pytest.raises(stripe.InvalidRequestError, match="prior transactions"):
        shop.open(**discounts)


def test_person_can_play_the_bank(shop):
    session = shop.open()
    submit(session, "bank", email="buyer@example.com")

    assert "The bank pays" in words(visit(session))
    assert submit(session, "settle").status_code == 303

    assert shop.reload(session).payment_status == "paid"
    assert "nothing more to pay" in words(visit(session))


def test_page_tells_of_a_refusal(shop):
    session = shop.open()
    submit(session, "bank", email="buyer@example.com")
    submit(session, "fail")

    assert "the bank refused" in words(visit(session))


@pytest.mark.parametrize(
    ("values", "offered"),
    [({}, True), ({"payment_method_types": ["card"]}, False)],
)
def test_bank_debit_is_offered_where_it_may_be(shop, values, offered):
    session = shop.open(**values)

    assert ("bank debit" in words(visit(session))) == offered
    assert submit(session, "bank", email="a@example.com").status_code == (303 if offered else 400)


def test_yen_are_paid_by_card_alone(shop):
    price = shop.dashboard.create_price(shop.plan_product, 9800, "jpy").id

    assert shop.open(prices=[price]).payment_method_types == ["card"]


def test_free_order_needs_no_bank(shop):
    session, _code = shop.with_code({"percent_off": 100, "duration": "forever"})

    assert submit(session, "bank", email="a@example.com").status_code == 400


@pytest.mark.parametrize("invoice_first", [True, False])
def test_first_invoice_is_announced_before_or_after_its_checkout(shop, standin, invoice_first):
    standin.core.invoice_first = invoice_first
    pay(shop.open())

    types = told(shop.v1)

    assert (types.index("invoice.paid") < types.index("checkout.session.completed")) == invoice_first
    assert types.count("invoice.paid") == types.count("invoice.payment_succeeded") == 1


@pytest.mark.parametrize("invoice_first", [True, False])
def test_settled_invoice_is_announced_before_or_after_its_checkout(shop, standin, invoice_first):
    standin.core.invoice_first = invoice_first
    session = shop.open()
    submit(session, "bank", email="buyer@example.com")
    standin.hooks.settle_payment(session.id)

    types = told(shop.v1)

    succeeded = types.index("checkout.session.async_payment_succeeded")
    assert (types.index("invoice.paid") < succeeded) == invoice_first


def test_browsers_find_no_icon(standin):
    assert requests.get(f"{standin.url}/favicon.ico", timeout=10).status_code == 204
