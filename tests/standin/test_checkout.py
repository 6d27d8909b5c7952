"""Opening and ending checkout sessions: prices, discounts, refusals."""

import pytest
import stripe

from tests.standin.shop import pay

MINUTE = 60
DAY = 24 * 60 * MINUTE


def test_create_shows_an_open_session(shop, standin):
    session = shop.open(client_reference_id="row-7", metadata={"plan": "team"})

    assert (session.status, session.payment_status, session.mode) == ("open", "unpaid", "subscription")
    assert (session.amount_subtotal, session.amount_total, session.currency) == (29950, 29950, "usd")
    assert session.client_reference_id == "row-7"
    assert session.url == f"{standin.url}/c/pay/{session.id}"
    assert "line_items" not in session
    assert session.discounts == []


@pytest.mark.parametrize(
    ("scope", "discount"),
    [(None, 14975), ("fee", 10000), ("plan", 4975), ("other", 0)],
)
def test_create_discounts_only_the_coupons_products(shop, scope, discount):
    products = {
        "fee": shop.fee_product,
        "plan": shop.plan_product,
        "other": shop.dashboard.create_product().id,
    }
    terms = {"applies_to": {"products": [products[scope]]}} if scope else {}

    session, code = shop.with_code({"percent_off": 50, **terms})

    assert session.total_details.amount_discount == discount
    assert session.amount_total == 29950 - discount
    assert [one.to_dict() for one in session.discounts] == [{"coupon": None, "promotion_code": code.id}]


def test_create_with_a_bare_coupon(shop):
    coupon = shop.dashboard.create_coupon(
        amount_off=2950, currency="usd", applies_to={"products": [shop.plan_product]}
    )

    session = shop.open(discounts=[{"coupon": coupon.id}])

    assert [one.to_dict() for one in session.discounts] == [{"coupon": coupon.id, "promotion_code": None}]
    assert session.total_details.amount_discount == 2950


def test_create_breaks_the_discount_down_when_expanded(shop):
    session, code = shop.with_code({"percent_off": 50, "applies_to": {"products": [shop.fee_product]}})

    expanded = shop.reload(
        session, "total_details.breakdown", "line_items.data.discounts", "discounts.promotion_code"
    )

    [part] = expanded.total_details.breakdown.discounts
    assert (part.amount, part.discount.promotion_code) == (10000, code.id)
    assert "breakdown" not in session.total_details
    assert [item.amount_discount for item in expanded.line_items.data] == [0, 10000]
    assert expanded.discounts[0].promotion_code.code == "LAUNCH"


def test_line_items_can_be_listed(shop):
    session = shop.open()

    items = shop.v1.checkout.sessions.line_items.list(session.id).data

    assert [(item.description, item.price.id) for item in items] == [("Team", shop.plan), ("Setup", shop.fee)]


def test_create_with_price_data(shop):
    price_data = {"currency": "usd", "unit_amount": 700, "product_data": {"name": "Mug"}}

    session = shop.open(mode="payment", line_items=[{"price_data": price_data, "quantity": 3}])

    assert session.amount_total == 2100


def test_create_in_another_currency_of_the_price(shop):
    options = {"eur": {"unit_amount": 9000}}
    price = shop.dashboard.create_price(shop.plan_product, currency_options=options).id

    session = shop.open(prices=[price], currency="eur")

    assert (session.currency, session.amount_total) == ("eur", 9000)
    with pytest.raises(stripe.InvalidRequestError, match="not available in gbp"):
        shop.open(prices=[price], currency="gbp")


@pytest.mark.parametrize(
    ("values", "param"),
    [
        ({"discounts": [{"coupon": "X"}], "allow_promotion_codes": True}, "allow_promotion_codes"),
        ({"customer": "cus_1", "customer_email": "a@example.com"}, "customer"),
        ({"customer": "cus_none"}, "customer"),
        ({"discounts": [{"promotion_code": "promo_none"}]}, "discounts[0][promotion_code]"),
        ({"discounts": [{"coupon": "NONE"}]}, "discounts[0][coupon]"),
        ({"discounts": [{"coupon": "A"}, {"coupon": "B"}]}, "discounts"),
        ({"mode": "payment", "subscription_data": {"metadata": {"a": "1"}}}, "subscription_data"),
        ({"mode": "payment", "payment_method_collection": "if_required"}, "payment_method_collection"),
        ({"payment_intent_data": {"metadata": {"a": "1"}}}, "payment_intent_data"),
        ({"success_url": ""}, "success_url"),
        ({"line_items": []}, "line_items"),
        ({"line_items": [{"quantity": 1}]}, "line_items[0]"),
        ({"mode": "setup"}, "mode"),
    ],
)
def test_create_wrong_parameters_are_refused(shop, values, param):
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        shop.open(**values)

    assert refusal.value.param == param


def test_create_in_the_wrong_mode_is_refused(shop):
    with pytest.raises(stripe.InvalidRequestError, match="recurring"):
        shop.open(mode="payment", prices=[shop.plan])
    with pytest.raises(stripe.InvalidRequestError, match="recurring"):
        shop.open(mode="subscription", prices=[shop.fee])


def test_create_with_an_inactive_price_is_refused(shop):
    shop.v1.prices.update(shop.fee, {"active": False})

    with pytest.raises(stripe.InvalidRequestError, match="inactive"):
        shop.open()


@pytest.mark.parametrize(
    ("minutes", "allowed"), [(29, False), (31, True), (24 * 60 - 1, True), (24 * 60 + 1, False)]
)
def test_create_expires_within_30_minutes_and_a_day(shop, clock, minutes, allowed):
    expires_at = int(clock()) + minutes * MINUTE

    if allowed:
        assert shop.open(expires_at=expires_at).expires_at == expires_at
    else:
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            shop.open(expires_at=expires_at)
        assert refusal.value.param == "expires_at"


# Codes that may not be used


def refused(shop, code, words, **values):
    with pytest.raises(stripe.InvalidRequestError, match=words):
        shop.open(discounts=[{"promotion_code": code.id}], **values)


def test_inactive_code_is_refused(shop):
    _session, code = shop.with_code({"percent_off": 50})
    shop.dashboard.deactivate_code(code.id)

    refused(shop, code, "not active")


def test_code_of_another_customer_is_refused(shop):
    anna, ben = (shop.dashboard.create_customer().id for _ in range(2))
    session, code = shop.with_code({"percent_off": 50}, code_terms={"customer": anna}, customer=anna)

    assert session.amount_total == 14975
    refused(shop, code, "another customer", customer=ben)
    refused(shop, code, "another customer")


def test_first_time_code_is_refused_to_who_has_paid(shop):
    anna = shop.dashboard.create_customer().id
    terms = {"restrictions": {"first_time_transaction": True}}
    session, code = shop.with_code({"percent_off": 50}, code_terms=terms, customer=anna)
    assert pay(session).status_code == 303

    refused(shop, code, "prior transactions", customer=anna)


@pytest.mark.parametrize(("minimum", "allowed"), [(29950, True), (29951, False)])
def test_minimum_amount(shop, minimum, allowed):
    restrictions = {"minimum_amount": minimum, "minimum_amount_currency": "usd"}
    coupon = shop.dashboard.create_coupon(percent_off=50)
    code = shop.dashboard.create_code(coupon.id, "BIG", restrictions=restrictions)

    if allowed:
        assert shop.open(discounts=[{"promotion_code": code.id}]).amount_total == 14975
    else:
        refused(shop, code, "minimum amount")


def test_amount_in_another_currency_is_refused_unless_it_is_an_option(shop):
    euros = shop.dashboard.create_coupon(amount_off=500, currency="eur")
    both = shop.dashboard.create_coupon(
        amount_off=500, currency="eur", currency_options={"usd": {"amount_off": 550}}
    )

    refused(shop, shop.dashboard.create_code(euros.id, "EUROS"), "no amount in usd")
    assert shop.open(discounts=[{"coupon": both.id}]).total_details.amount_discount == 550


# Ends


def test_expire_ends_an_open_session_once(shop):
    session = shop.open()

    expired = shop.v1.checkout.sessions.expire(session.id)

    assert (expired.status, expired.url) == ("expired", None)
    assert len(shop.v1.events.list({"type": "checkout.session.expired"}).data) == 1
    with pytest.raises(stripe.InvalidRequestError, match="expired"):
        shop.v1.checkout.sessions.expire(session.id)


def test_session_expires_by_the_clock(shop, clock):
    session = shop.open(expires_at=int(clock()) + 31 * MINUTE)
    clock.advance(30 * MINUTE)
    assert shop.reload(session).status == "open"
    clock.advance(2 * MINUTE)

    assert shop.reload(session).status == "expired"
    [event] = shop.v1.events.list({"type": "checkout.session.expired"}).data
    assert event.data.object.id == session.id


def test_update_changes_metadata(shop):
    session = shop.open(metadata={"a": "1"})

    changed = shop.v1.checkout.sessions.update(session.id, {"metadata": {"b": "2"}})

    assert changed.metadata.to_dict() == {"a": "1", "b": "2"}


def test_list_finds_by_customer_and_status(shop):
    anna = shop.dashboard.create_customer().id
    session = shop.open(customer=anna)
    shop.open()
    listed = shop.v1.checkout.sessions.list

    assert [one.id for one in listed({"customer": anna, "status": "open"}).data] == [session.id]
    assert listed({"customer": anna, "status": "complete"}).data == []
