"""Subscriptions: changed, discounted while they run, ended; begun by API."""

import pytest
import stripe

from tests.standin.shop import told

HALF_ONCE = {"percent_off": 50, "duration": "once"}
HALF_FOREVER = {"percent_off": 50, "duration": "forever"}


def give_code(shop, text="SPRING", terms=None, **values):
    return shop.dashboard.create_code(shop.dashboard.create_coupon(**(terms or HALF_ONCE)).id, text, **values)


def offs(shop, subscription):
    return [[one.amount for one in invoice.total_discount_amounts] for invoice in shop.invoices(subscription)]


def reload(shop, subscription, *expand):
    return shop.v1.subscriptions.retrieve(subscription.id, {"expand": list(expand)})


# Codes on a running subscription


def test_code_on_a_running_subscription_discounts_the_next_invoice(shop, standin):
    subscription = shop.subscribe()
    code = give_code(shop)

    changed = shop.v1.subscriptions.update(
        subscription.id, {"discounts": [{"promotion_code": code.id}], "expand": ["discounts"]}
    )
    standin.hooks.renew(subscription.id)
    standin.hooks.renew(subscription.id)

    [discount] = changed.discounts
    assert (discount.promotion_code, discount.subscription) == (code.id, subscription.id)
    assert offs(shop, subscription) == [[], [4975], []]
    assert reload(shop, subscription).discounts == []
    assert shop.v1.promotion_codes.retrieve(code.id).times_redeemed == 1


def test_code_on_a_running_subscription_is_announced(shop):
    subscription = shop.subscribe()
    code = give_code(shop)

    shop.v1.subscriptions.update(subscription.id, {"discounts": [{"promotion_code": code.id}]})

    assert told(shop.v1, since="promotion_code.created") == [
        "customer.discount.created",
        "customer.subscription.updated",
    ]
    event = shop.v1.events.list({"type": "customer.subscription.updated"}).data[0]
    assert event.data.previous_attributes.to_dict() == {"discounts": []}


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"active": False}, "not active"),
        ({"restrictions": {"first_time_transaction": True}}, "prior transactions"),
        (
            {"restrictions": {"minimum_amount": 9951, "minimum_amount_currency": "usd"}},
            "minimum amount",
        ),
    ],
)
def test_code_on_a_running_subscription_may_be_refused(shop, values, words):
    subscription = shop.subscribe()
    code = give_code(shop, **values)

    with pytest.raises(stripe.InvalidRequestError, match=words):
        shop.v1.subscriptions.update(subscription.id, {"discounts": [{"promotion_code": code.id}]})

    assert reload(shop, subscription).discounts == []
    assert shop.v1.promotion_codes.retrieve(code.id).times_redeemed == 0


def test_two_discounts_come_off_one_after_the_other(shop, standin):
    subscription = shop.subscribe(HALF_FOREVER)
    [first] = subscription.discounts
    ten = shop.dashboard.create_coupon(amount_off=1000, currency="usd", duration="forever").id

    shop.v1.subscriptions.update(subscription.id, {"discounts": [{"discount": first}, {"coupon": ten}]})
    standin.hooks.renew(subscription.id)

    assert offs(shop, subscription) == [[14975], [4975, 1000]]
    assert shop.invoices(subscription)[-1].total == 9950 - 5975


def test_new_discounts_replace_the_old(shop, standin):
    subscription = shop.subscribe(HALF_FOREVER)
    ten = shop.dashboard.create_coupon(percent_off=10, duration="forever").id

    shop.v1.subscriptions.update(subscription.id, {"discounts": [{"coupon": ten}]})
    standin.hooks.renew(subscription.id)

    assert offs(shop, subscription) == [[14975], [995]]
    assert "customer.discount.deleted" in told(shop.v1)


def test_discounts_can_be_cleared(shop, standin):
    subscription = shop.subscribe(HALF_FOREVER)

    shop.v1.subscriptions.update(subscription.id, {"discounts": ""})
    standin.hooks.renew(subscription.id)

    assert offs(shop, subscription) == [[14975], []]


def test_discount_of_another_subscription_cannot_be_kept(shop):
    subscription = shop.subscribe()

    with pytest.raises(stripe.InvalidRequestError, match="No such discount"):
        shop.v1.subscriptions.update(subscription.id, {"discounts": [{"discount": "di_none"}]})


def test_discount_leaves_when_its_months_are_over(shop, standin, clock):
    subscription = shop.subscribe()
    months = {"percent_off": 50, "duration": "repeating", "duration_in_months": 1}
    clock.advance(3 * 86400)
    code = give_code(shop, terms=months)
    shop.v1.subscriptions.update(subscription.id, {"discounts": [{"promotion_code": code.id}]})

    clock.advance(32 * 86400)

    assert reload(shop, subscription).discounts == []
    assert offs(shop, subscription) == [[], [4975]]
    assert told(shop.v1)[-2:] == ["customer.discount.deleted", "customer.subscription.updated"]


# Changes and ends


def test_update_moves_to_another_price(shop, standin):
    subscription = shop.subscribe()
    item = subscription["items"].data[0].id
    dearer = shop.dashboard.create_price(shop.plan_product, 19900).id

    with pytest.raises(stripe.InvalidRequestError, match="prorated"):
        shop.v1.subscriptions.update(subscription.id, {"items": [{"id": item, "price": dearer}]})
    change = {"items": [{"id": item, "price": dearer}], "proration_behavior": "none"}
    shop.v1.subscriptions.update(subscription.id, change)
    standin.hooks.renew(subscription.id)

    assert [invoice.total for invoice in shop.invoices(subscription)] == [29950, 19900]


def test_update_merges_metadata(shop):
    subscription = shop.subscribe(subscription_data={"metadata": {"a": "1"}})

    changed = shop.v1.subscriptions.update(subscription.id, {"metadata": {"b": "2"}})

    assert changed.metadata.to_dict() == {"a": "1", "b": "2"}


def test_cancel_ends_it_at_once(shop, standin, clock):
    subscription = shop.subscribe()

    ended = shop.v1.subscriptions.cancel(subscription.id)

    assert (ended.status, ended.cancellation_details.reason) == ("canceled", "cancellation_requested")
    assert ended.ended_at
    assert told(shop.v1)[-1] == "customer.subscription.deleted"
    clock.advance(40 * 86400)
    assert len(shop.invoices(subscription)) == 1
    with pytest.raises(stripe.InvalidRequestError, match="canceled subscription"):
        shop.v1.subscriptions.cancel(subscription.id)


def test_cancel_at_period_end_ends_it_then(shop, clock):
    subscription = shop.subscribe()
    [item] = subscription["items"].data

    changed = shop.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    assert (changed.status, changed.cancel_at) == ("active", item.current_period_end)
    clock.advance(40 * 86400)

    ended = reload(shop, subscription)
    assert (ended.status, ended.ended_at) == ("canceled", item.current_period_end)
    assert len(shop.invoices(subscription)) == 1


def test_cancel_at_period_end_can_be_taken_back(shop, clock):
    subscription = shop.subscribe()
    shop.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})

    changed = shop.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": False})
    clock.advance(40 * 86400)

    assert (changed.cancel_at, changed.canceled_at) == (None, None)
    assert len(shop.invoices(subscription)) == 2


def test_cancel_at_a_moment_ends_it_then(shop, clock):
    subscription = shop.subscribe()
    moment = int(clock()) + 10 * 86400

    shop.v1.subscriptions.update(subscription.id, {"cancel_at": moment})
    clock.advance(40 * 86400)

    assert reload(shop, subscription).ended_at == moment
    assert len(shop.invoices(subscription)) == 1


def test_list_leaves_the_ended_out_unless_asked(shop):
    subscription = shop.subscribe()
    shop.v1.subscriptions.cancel(subscription.id)
    listed = shop.v1.subscriptions.list

    assert listed({"customer": subscription.customer}).data == []
    assert len(listed({"status": "all"}).data) == 1
    assert len(listed({"status": "canceled"}).data) == 1


def test_deleting_the_customer_ends_their_subscriptions(shop):
    subscription = shop.subscribe()

    shop.v1.customers.delete(subscription.customer)

    assert reload(shop, subscription).status == "canceled"
    assert told(shop.v1)[-2:] == ["customer.subscription.deleted", "customer.deleted"]


# Begun by API


def test_create_by_api_bills_with_a_code(shop):
    anna = shop.dashboard.create_customer("anna@example.com").id
    code = give_code(shop, terms=HALF_FOREVER)

    made = shop.v1.subscriptions.create(
        {"customer": anna, "items": [{"price": shop.plan}], "discounts": [{"promotion_code": code.id}]}
    )

    [invoice] = shop.invoices(made)
    assert (made.status, made.latest_invoice) == ("active", invoice.id)
    assert (invoice.billing_reason, invoice.total) == ("subscription_create", 4975)
    assert invoice.customer_email == "anna@example.com"
    assert shop.v1.promotion_codes.retrieve(code.id).times_redeemed == 1


@pytest.mark.parametrize(
    ("values", "param"),
    [
        ({"customer": "cus_none"}, "customer"),
        ({"items": [{"price": "price_none"}]}, "line_items[0][price]"),
        ({"discounts": [{"promotion_code": "promo_none"}]}, "discounts[0][promotion_code]"),
    ],
)
def test_create_by_api_with_what_does_not_exist_is_refused(shop, values, param):
    anna = shop.dashboard.create_customer().id

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        shop.v1.subscriptions.create({"customer": anna, "items": [{"price": shop.plan}], **values})

    assert refusal.value.param == param


def test_create_by_api_with_a_broken_card_leaves_nothing(shop, standin):
    anna = shop.dashboard.create_customer().id
    standin.hooks.break_card(anna)

    with pytest.raises(stripe.CardError):
        shop.v1.subscriptions.create({"customer": anna, "items": [{"price": shop.plan}]})

    assert shop.v1.subscriptions.list({"status": "all"}).data == []
