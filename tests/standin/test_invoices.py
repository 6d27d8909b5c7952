"""Invoices written by API."""

import pytest
import stripe

from tests.standin.shop import told

HALF = {"percent_off": 50, "duration": "once"}


@pytest.fixture
def anna(shop):
    return shop.dashboard.create_customer("anna@example.com", name="Anna").id


@pytest.fixture
def code(shop):
    return shop.dashboard.create_code(shop.dashboard.create_coupon(**HALF).id, "SPRING")


def write(shop, customer, amount=10000, **values):
    return shop.dashboard.write_invoice(customer, amount, **values)


def redemptions(shop, code):
    return shop.v1.promotion_codes.retrieve(code.id).times_redeemed


def test_invoice_with_a_code_is_written_and_paid(shop, anna, code):
    invoice = write(shop, anna, discounts=[{"promotion_code": code.id}], metadata={"a": "1"})
    assert (invoice.status, invoice.amount_due) == ("open", 5000)

    paid = shop.v1.invoices.pay(invoice.id, {"expand": ["discounts", "lines.data.discounts"]})

    assert (paid.status, paid.amount_paid, paid.billing_reason, paid.parent) == ("paid", 5000, "manual", None)
    assert (paid.customer, paid.customer_email, paid.metadata.to_dict()) == (
        anna,
        "anna@example.com",
        {"a": "1"},
    )
    assert [one.promotion_code for one in paid.discounts] == [code.id]
    assert [one.amount for one in paid.total_discount_amounts] == [5000]
    assert paid.lines.data[0].parent.type == "invoice_item_details"
    assert redemptions(shop, code) == 1


def test_invoice_events_come_in_stripes_order(shop, anna):
    invoice = write(shop, anna)
    shop.v1.invoices.pay(invoice.id)

    assert told(shop.v1, since="customer.created") == [
        "invoice.created",
        "invoiceitem.created",
        "invoice.updated",
        "invoice.finalized",
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "invoice.updated",
        "invoice.paid",
        "invoice.payment_succeeded",
        "invoice_payment.paid",
    ]


def test_invoice_takes_pending_items_when_asked(shop, anna):
    item = {"customer": anna, "pricing": {"price": shop.fee}, "quantity": 2}
    pending = shop.v1.invoice_items.create(item)
    shop.v1.invoice_items.create({"customer": anna, "amount": 700, "currency": "eur"})

    without = shop.v1.invoices.create({"customer": anna})
    with_it = shop.v1.invoices.create({"customer": anna, "pending_invoice_items_behavior": "include"})

    assert (without.total, with_it.total) == (0, 40000)
    [line] = with_it.lines.data
    assert line.pricing.price_details.price == shop.fee
    assert shop.v1.invoice_items.retrieve(pending.id).invoice == with_it.id


def test_draft_redeems_nothing(shop, anna, code):
    shop.v1.invoices.create({"customer": anna, "discounts": [{"promotion_code": code.id}]})

    assert redemptions(shop, code) == 0


def test_finalising_with_a_code_that_may_not_be_redeemed_is_refused(shop, anna, code):
    shop.dashboard.deactivate_code(code.id)

    with pytest.raises(stripe.InvalidRequestError, match="not active"):
        write(shop, anna, discounts=[{"promotion_code": code.id}])


def test_invoice_of_nothing_is_paid_at_once(shop, anna):
    invoice = write(shop, anna, 0)

    assert (invoice.status, invoice.amount_paid) == ("paid", 0)
    assert shop.v1.invoices.list({"customer": anna, "status": "paid"}).data[0].id == invoice.id


def test_paying_a_draft_finalises_it(shop, anna):
    draft = shop.v1.invoices.create({"customer": anna})
    shop.v1.invoice_items.create({"customer": anna, "invoice": draft.id, "amount": 500, "currency": "usd"})

    assert shop.v1.invoices.pay(draft.id).amount_paid == 500


def test_paying_with_a_broken_card_is_refused(shop, standin, anna):
    invoice = write(shop, anna)
    standin.hooks.break_card(anna)

    with pytest.raises(stripe.CardError):
        shop.v1.invoices.pay(invoice.id)
    standin.hooks.mend_card(anna)

    assert shop.v1.invoices.pay(invoice.id).status == "paid"


def test_paying_a_failed_renewal_makes_the_subscription_active(shop, standin):
    subscription = shop.subscribe()
    standin.hooks.break_card(subscription.customer)
    standin.hooks.renew(subscription.id)
    standin.hooks.mend_card(subscription.customer)

    shop.v1.invoices.pay(shop.invoices(subscription)[-1].id)

    assert shop.v1.subscriptions.retrieve(subscription.id).status == "active"


@pytest.mark.parametrize("operation", ["finalize_invoice", "pay", "void_invoice"])
def test_paid_invoice_stays_as_it_is(shop, anna, operation):
    invoice = write(shop, anna)
    shop.v1.invoices.pay(invoice.id)

    with pytest.raises(stripe.InvalidRequestError):
        getattr(shop.v1.invoices, operation)(invoice.id)


def test_void_ends_an_open_invoice(shop, anna):
    invoice = write(shop, anna)

    voided = shop.v1.invoices.void_invoice(invoice.id)

    assert (voided.status, voided.amount_remaining) == ("void", 0)
    assert told(shop.v1)[-1] == "invoice.voided"


@pytest.mark.parametrize(
    ("values", "param"),
    [
        ({}, "amount"),
        ({"amount": 100, "pricing": {"price": "price_1"}}, "amount"),
        ({"pricing": {"price": "price_none"}}, "pricing[price]"),
        ({"amount": 100, "invoice": "in_none"}, "invoice"),
    ],
)
def test_wrong_item_is_refused(shop, anna, values, param):
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        shop.v1.invoice_items.create({"customer": anna, **values})

    assert refusal.value.param == param


def test_item_for_a_finalised_invoice_or_in_another_currency_is_refused(shop, anna):
    draft = shop.v1.invoices.create({"customer": anna})
    item = {"customer": anna, "amount": 100}

    with pytest.raises(stripe.InvalidRequestError, match="currency"):
        shop.v1.invoice_items.create({**item, "invoice": draft.id, "currency": "eur"})
    with pytest.raises(stripe.InvalidRequestError, match="not a draft"):
        shop.v1.invoice_items.create({**item, "invoice": write(shop, anna).id, "currency": "usd"})
