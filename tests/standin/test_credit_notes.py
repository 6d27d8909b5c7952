"""Credit notes on open and on paid invoices."""

import pytest
import stripe

from tests.standin.shop import told


@pytest.fixture
def anna(shop):
    return shop.dashboard.create_customer("anna@example.com", name="Anna").id


def write(shop, customer, amount=10000, **values):
    return shop.dashboard.write_invoice(customer, amount, **values)


def reload(shop, invoice):
    return shop.v1.invoices.retrieve(invoice.id)


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


def test_credit_note_refunds_nothing_that_was_not_paid(shop, anna):
    free = write(shop, anna, 1000, discounts=[{"coupon": shop.dashboard.create_coupon(percent_off=100).id}])

    with pytest.raises(stripe.InvalidRequestError):
        shop.dashboard.credit(free.id, 1000, refund_amount=1000)
