"""Invoices written by API, and credit notes on invoices of any kind."""

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


def reload(shop, invoice):
    return shop.v1.invoices.retrieve(invoice.id)


def redemptions(shop, code):
    return shop.v1.promotion_codes.retrieve(code.id).times_redeemed


# Written by API


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


# Credit notes


@pytest.fixture
def paid(shop, anna):
    return shop.v1.invoices.pay(write(shop, anna).id)


def test_credit_note_on_a_paid_invoice_refunds(shop, paid):
    note = shop.dashboard.credit(
        paid.id, 4000, refund_amount=3000, out_of_band_amount=1000, reason="order_change"
    )

    assert (note.type, note.amount, note.post_payment_amount, note.status) == (
        "post_payment",
        4000,
        4000,
        "issued",
    )
    [refund] = note.refunds
    assert (refund.amount_refunded, shop.v1.refunds.retrieve(refund.refund).amount) == (3000, 3000)
    assert reload(shop, paid).post_payment_credit_notes_amount == 4000
    assert told(shop.v1, since="invoice_payment.paid") == [
        "refund.created",
        "charge.refunded",
        "refund.updated",
        "charge.refund.updated",
        "credit_note.created",
        "invoice.updated",
    ]


@pytest.mark.parametrize(
    ("amount", "values"),
    [
        (4000, {}),
        (4000, {"refund_amount": 3000}),
        (4000, {"refund_amount": 5000}),
        (10001, {"refund_amount": 10001}),
    ],
)
def test_credit_note_that_does_not_add_up_is_refused(shop, paid, amount, values):
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        shop.dashboard.credit(paid.id, amount, **values)

    assert refusal.value.param == "amount"
    assert shop.v1.credit_notes.list({"invoice": paid.id}).data == []


def test_credit_notes_add_up_to_the_invoice_and_no_more(shop, paid):
    shop.dashboard.credit(paid.id, 6000, out_of_band_amount=6000)

    with pytest.raises(stripe.InvalidRequestError, match=r"at most USD 40\.00"):
        shop.dashboard.credit(paid.id, 4001, out_of_band_amount=4001)
    shop.dashboard.credit(paid.id, 4000, out_of_band_amount=4000)

    assert len(shop.v1.credit_notes.list({"invoice": paid.id}).data) == 2


def test_credit_note_on_an_open_invoice_asks_for_less(shop, anna):
    invoice = write(shop, anna)

    note = shop.dashboard.credit(invoice.id, 4000)

    assert (note.type, note.pre_payment_amount, note.refunds) == ("pre_payment", 4000, [])
    less = reload(shop, invoice)
    assert (less.amount_due, less.total, less.pre_payment_credit_notes_amount) == (6000, 10000, 4000)
    assert shop.v1.invoices.pay(invoice.id).amount_paid == 6000
    assert shop.v1.charges.list().data[0].amount == 6000


def test_credit_note_over_all_of_an_open_invoice_pays_it(shop, anna):
    invoice = write(shop, anna)

    shop.dashboard.credit(invoice.id, 10000)

    assert (reload(shop, invoice).status, reload(shop, invoice).amount_paid) == ("paid", 0)
    assert shop.v1.charges.list().data == []


def test_credit_note_of_an_open_invoice_can_be_voided(shop, anna):
    invoice = write(shop, anna)
    note = shop.dashboard.credit(invoice.id, 4000)

    assert shop.v1.credit_notes.void_credit_note(note.id).status == "void"

    assert reload(shop, invoice).amount_due == 10000
    assert "credit_note.voided" in told(shop.v1)
    with pytest.raises(stripe.InvalidRequestError, match="only once"):
        shop.v1.credit_notes.void_credit_note(note.id)


def test_credit_note_of_a_paid_invoice_cannot_be_voided(shop, paid):
    note = shop.dashboard.credit(paid.id, 4000, out_of_band_amount=4000)

    with pytest.raises(stripe.InvalidRequestError, match="open invoice"):
        shop.v1.credit_notes.void_credit_note(note.id)


def test_credit_note_for_a_draft_is_refused(shop, anna):
    draft = shop.v1.invoices.create({"customer": anna})

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        shop.dashboard.credit(draft.id, 100)

    assert refusal.value.param == "invoice"


def test_credit_note_memo_can_be_changed(shop, paid):
    note = shop.dashboard.credit(paid.id, 4000, out_of_band_amount=4000)

    assert shop.v1.credit_notes.update(note.id, {"memo": "Sorry"}).memo == "Sorry"
    assert told(shop.v1)[-1] == "credit_note.updated"


def test_refund_nothing_that_was_not_paid(shop, anna):
    free = write(shop, anna, 1000, discounts=[{"coupon": shop.dashboard.create_coupon(percent_off=100).id}])

    with pytest.raises(stripe.InvalidRequestError):
        shop.dashboard.credit(free.id, 1000, refund_amount=1000)
