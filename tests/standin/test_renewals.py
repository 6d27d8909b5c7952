"""Renewals: when they come, what they bill, which discounts they still carry."""

from datetime import UTC, datetime

import pytest

from promos.standin.errors import StripeError
from tests.standin.shop import pay, told

HALF_FOREVER = {"percent_off": 50, "duration": "forever"}
HALF_ONCE = {"percent_off": 50, "duration": "once"}
HALF_FOR_3_MONTHS = {"percent_off": 50, "duration": "repeating", "duration_in_months": 3}


def moment(*date):
    return datetime(*date, tzinfo=UTC).timestamp()


def day(seconds):
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()


def discounted(invoices):
    return [sum(one.amount for one in invoice.total_discount_amounts) for invoice in invoices]


def test_advance_renews_at_the_end_of_the_period(shop, standin, clock):
    clock.set(moment(2026, 1, 10))
    subscription = shop.subscribe()

    standin.hooks.advance(moment(2026, 2, 9))
    assert len(shop.invoices(subscription)) == 1
    standin.hooks.advance(moment(2026, 2, 11))

    _first, renewal = shop.invoices(subscription)
    assert (renewal.billing_reason, renewal.status, renewal.total) == ("subscription_cycle", "paid", 9950)
    assert (day(renewal.created), day(renewal.status_transitions.paid_at)) == ("2026-02-10", "2026-02-10")
    assert renewal.parent.subscription_details.subscription == subscription.id
    [line] = renewal.lines.data
    assert (day(line.period.start), day(line.period.end)) == ("2026-02-10", "2026-03-10")


def test_advance_moves_the_subscription_on(shop, standin, clock):
    clock.set(moment(2026, 1, 10))
    subscription = shop.subscribe()

    standin.hooks.advance(moment(2026, 4, 1))

    now = shop.v1.subscriptions.retrieve(subscription.id)
    [item] = now["items"].data
    assert (day(item.current_period_start), day(item.current_period_end)) == ("2026-03-10", "2026-04-10")
    assert now.latest_invoice == shop.invoices(subscription)[-1].id


def test_advance_lets_everything_lapse_at_its_own_moment(shop, standin, clock):
    clock.set(moment(2026, 1, 10))
    subscription = shop.subscribe()
    session = shop.open()

    standin.hooks.advance(moment(2026, 3, 1))

    happened = {event.type: event for event in shop.v1.events.list({"limit": 100}).data[::-1]}
    assert happened["checkout.session.expired"].created == session.expires_at
    assert day(happened["invoice.paid"].created) == "2026-02-10"
    assert "invoice.paid" in told(shop.v1, since="checkout.session.expired")
    assert shop.v1.customers.create({"name": "Late"}).created >= moment(2026, 3, 1)
    assert len(shop.invoices(subscription)) == 2


def test_advance_comes_back_to_the_31st(shop, standin, clock):
    clock.set(moment(2026, 1, 31))
    subscription = shop.subscribe()

    standin.hooks.advance(moment(2026, 5, 1))

    days = [day(invoice.created) for invoice in shop.invoices(subscription)]
    assert days == ["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30"]


@pytest.mark.parametrize(
    ("interval", "count", "ends"),
    [
        ("day", 3, "2026-01-13"),
        ("week", 2, "2026-01-24"),
        ("month", 3, "2026-04-10"),
        ("year", 1, "2027-01-10"),
    ],
)
def test_period_follows_the_price(shop, standin, clock, interval, count, ends):
    clock.set(moment(2026, 1, 10))
    every = {"recurring": {"interval": interval, "interval_count": count}}
    price = shop.dashboard.create_price(shop.plan_product, interval=None, **every).id

    [item] = shop.subscribe(prices=[price])["items"].data

    assert day(item.current_period_end) == ends


@pytest.mark.parametrize(
    ("terms", "offs"),
    [
        (HALF_ONCE, [14975, 0, 0, 0, 0]),
        (HALF_FOR_3_MONTHS, [14975, 4975, 4975, 0, 0]),
        (HALF_FOREVER, [14975, 4975, 4975, 4975, 4975]),
    ],
)
def test_renewals_carry_a_discount_as_long_as_it_lasts(shop, standin, clock, terms, offs):
    clock.set(moment(2026, 1, 31))
    subscription = shop.subscribe(terms)

    standin.hooks.advance(moment(2026, 6, 1))

    invoices = shop.invoices(subscription, "data.discounts")
    assert discounted(invoices) == offs
    assert [len(invoice.discounts) for invoice in invoices] == [int(off > 0) for off in offs]
    left = shop.v1.subscriptions.retrieve(subscription.id).discounts
    assert len(left) == int(terms == HALF_FOREVER)


def test_renewal_names_code_and_coupon_when_expanded(shop, standin):
    session, code = shop.with_code(HALF_FOREVER)
    pay(session)
    subscription = shop.reload(session, "subscription").subscription
    standin.hooks.renew(subscription.id)

    renewal = shop.invoices(subscription, "data.discounts", "data.lines.data.discounts")[-1]

    [discount] = renewal.discounts
    assert (discount.promotion_code, discount.source.coupon) == (code.id, code.promotion.coupon)
    assert renewal.lines.data[0].discounts[0].id == discount.id


def test_running_discount_outlives_its_coupon(shop, standin):
    subscription = shop.subscribe(HALF_FOREVER)
    [coupon] = shop.v1.coupons.list().data
    shop.dashboard.delete_coupon(coupon.id)

    standin.hooks.renew(subscription.id)

    assert discounted(shop.invoices(subscription)) == [14975, 4975]


def test_renew_comes_before_its_time_and_is_dated_then(shop, standin, clock):
    clock.set(moment(2026, 1, 10))
    subscription = shop.subscribe(HALF_FOR_3_MONTHS)

    for _ in range(3):
        standin.hooks.renew(subscription.id)

    invoices = shop.invoices(subscription)
    assert discounted(invoices) == [14975, 4975, 4975, 0]
    assert day(invoices[-1].created) == "2026-04-10"


def test_renewal_events_come_in_stripes_order(shop, standin):
    subscription = shop.subscribe()

    standin.hooks.renew(subscription.id)

    assert told(shop.v1, since="checkout.session.completed") == [
        "invoice.created",
        "customer.subscription.updated",
        "invoice.finalized",
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "invoice.updated",
        "invoice.paid",
        "invoice.payment_succeeded",
        "invoice_payment.paid",
    ]


def test_renewal_is_created_as_a_draft(shop, standin):
    standin.hooks.renew(shop.subscribe().id)

    created = shop.v1.events.list({"type": "invoice.created"}).data[0].data.object
    finalized = shop.v1.events.list({"type": "invoice.finalized"}).data[0].data.object

    assert (created.status, created.number, created.status_transitions.finalized_at) == ("draft", None, None)
    assert finalized.status == "open"
    assert finalized.number


def test_free_renewal_takes_no_payment(shop, standin):
    subscription = shop.subscribe({"percent_off": 100, "duration": "forever"})

    standin.hooks.renew(subscription.id)

    renewal = shop.invoices(subscription, "data.payments")[-1]
    assert (renewal.status, renewal.amount_paid, renewal.payments.data) == ("paid", 0, [])
    assert shop.v1.charges.list().data == []


def test_failed_renewal_leaves_the_invoice_open(shop, standin):
    subscription = shop.subscribe()
    standin.hooks.break_card(subscription.customer)

    standin.hooks.renew(subscription.id)

    renewal = shop.invoices(subscription)[-1]
    assert (renewal.status, renewal.attempt_count, renewal.amount_remaining) == ("open", 1, 9950)
    assert shop.v1.subscriptions.retrieve(subscription.id).status == "past_due"
    assert told(shop.v1, since="payment_intent.created") == [
        "charge.failed",
        "payment_intent.payment_failed",
        "invoice.updated",
        "invoice.payment_failed",
        "customer.subscription.updated",
    ]


def test_next_renewal_after_a_failed_one_can_be_paid(shop, standin):
    subscription = shop.subscribe()
    standin.hooks.break_card(subscription.customer)
    standin.hooks.renew(subscription.id)
    standin.hooks.mend_card(subscription.customer)

    standin.hooks.renew(subscription.id)

    assert [invoice.status for invoice in shop.invoices(subscription)] == ["paid", "open", "paid"]
    assert shop.v1.subscriptions.retrieve(subscription.id).status == "active"


def test_payment_leads_to_its_renewal(shop, standin):
    subscription = shop.subscribe()
    standin.hooks.renew(subscription.id)
    charge = shop.v1.charges.list({"customer": subscription.customer}).data[0]

    payment = {"type": "payment_intent", "payment_intent": charge.payment_intent}
    [found] = shop.v1.invoice_payments.list({"payment": payment}).data

    assert found.invoice == shop.invoices(subscription)[-1].id
    assert (found.status, found.amount_paid) == ("paid", 9950)


@pytest.mark.parametrize(
    ("currency", "price", "off"), [("jpy", 9800, 3234), ("kwd", 12340, 4070), ("usd", 9999, 3300)]
)
def test_renewal_in_other_currencies(shop, standin, currency, price, off):
    plan = shop.dashboard.create_price(shop.plan_product, price, currency).id
    subscription = shop.subscribe({"percent_off": 33, "duration": "forever"}, prices=[plan])

    standin.hooks.renew(subscription.id)

    invoices = shop.invoices(subscription)
    assert discounted(invoices) == [off, off]
    assert [(one.currency, one.amount_paid) for one in invoices] == [(currency, price - off)] * 2


def test_renewal_of_an_ended_subscription_is_refused(shop, standin):
    subscription = shop.subscribe()
    shop.v1.subscriptions.cancel(subscription.id)

    with pytest.raises(StripeError, match="has ended"):
        standin.hooks.renew(subscription.id)
