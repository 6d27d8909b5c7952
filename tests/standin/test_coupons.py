"""Stripe's rules for coupons, each both ways."""

import pytest
import stripe

DAY = 24 * 3600


@pytest.fixture
def product(dashboard):
    return dashboard.create_product().id


def test_create_taken_id_is_refused(dashboard):
    dashboard.create_coupon(id="HALF", percent_off=50)

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        dashboard.create_coupon(id="HALF", percent_off=50)

    assert refusal.value.error.code == "resource_already_exists"


def test_create_after_a_delete_takes_the_id_again(dashboard):
    dashboard.create_coupon(id="HALF", percent_off=50)
    dashboard.delete_coupon("HALF")

    assert dashboard.create_coupon(id="HALF", percent_off=40).percent_off == 40


@pytest.mark.parametrize(
    "terms",
    [
        {"percent_off": 0.01},
        {"percent_off": 100},
        {"amount_off": 500, "currency": "usd"},
        {"amount_off": 500, "currency": "USD", "currency_options": {"eur": {"amount_off": 450}}},
        {"percent_off": 5, "duration": "repeating", "duration_in_months": 3},
        {"percent_off": 5, "name": "x" * 40},
        {"percent_off": 5, "metadata": {"k" * 40: "v" * 500}},
    ],
)
def test_create_right_terms_are_taken(dashboard, terms):
    assert dashboard.create_coupon(**terms).valid


@pytest.mark.parametrize(
    ("terms", "param"),
    [
        ({"percent_off": 0}, "percent_off"),
        ({"percent_off": 101}, "percent_off"),
        ({"percent_off": "many"}, "percent_off"),
        ({"duration": "once"}, "percent_off"),
        ({"percent_off": 5, "amount_off": 5, "currency": "usd"}, "percent_off"),
        ({"amount_off": 5}, "currency"),
        ({"amount_off": 0, "currency": "usd"}, "amount_off"),
        ({"amount_off": 1.5, "currency": "usd"}, "amount_off"),
        ({"percent_off": 5, "currency_options": {"eur": {"amount_off": 450}}}, "currency_options"),
        ({"percent_off": 5, "duration": "repeating"}, "duration_in_months"),
        ({"percent_off": 5, "duration": "once", "duration_in_months": 3}, "duration_in_months"),
        ({"percent_off": 5, "duration": "sometimes"}, "duration"),
        ({"percent_off": 5, "name": "x" * 41}, "name"),
        ({"percent_off": 5, "redeem_by": 1}, "redeem_by"),
        ({"percent_off": 5, "max_redemptions": 0}, "max_redemptions"),
        ({"percent_off": 5, "applies_to": {"products": ["prod_none"]}}, "applies_to[products][0]"),
        ({"percent_off": 5, "applies_to": {"prices": ["price_1"]}}, "applies_to[prices]"),
        ({"percent_off": 5, "metadata": {"k" * 41: "v"}}, f"metadata[{'k' * 40}]"),
        ({"percent_off": 5, "metadata": {str(n): "v" for n in range(51)}}, "metadata"),
    ],
)
def test_create_wrong_terms_are_refused(dashboard, terms, param):
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        dashboard.create_coupon(**terms)

    assert refusal.value.param == param
    assert refusal.value.http_status == 400


def test_create_redeem_by_beyond_five_years_is_refused(dashboard, clock):
    with pytest.raises(stripe.InvalidRequestError, match="five years"):
        dashboard.create_coupon(percent_off=5, redeem_by=int(clock()) + 2000 * DAY)


def test_update_changes_name_metadata_and_currency_options(dashboard):
    coupon = dashboard.create_coupon(amount_off=500, currency="usd", metadata={"a": "1", "b": "2"})

    changes = {
        "name": "New",
        "metadata": {"a": "", "c": "3"},
        "currency_options": {"eur": {"amount_off": 450}},
    }
    changed = dashboard.v1.coupons.update(coupon.id, {**changes, "expand": ["currency_options"]})

    assert changed.name == "New"
    assert changed.metadata.to_dict() == {"b": "2", "c": "3"}
    assert changed.currency_options["eur"].amount_off == 450
    assert changed.currency_options["usd"].amount_off == 500


@pytest.mark.parametrize("field", ["percent_off", "duration", "max_redemptions", "redeem_by", "applies_to"])
def test_update_of_anything_else_is_refused(dashboard, field):
    coupon = dashboard.create_coupon(percent_off=50)

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        dashboard.v1.coupons.update(coupon.id, {field: "1"})

    assert refusal.value.error.code == "parameter_unknown"


def test_applies_to_comes_only_when_expanded(dashboard, product):
    coupon = dashboard.create_coupon(percent_off=50, applies_to={"products": [product]})

    expanded = dashboard.v1.coupons.retrieve(coupon.id, {"expand": ["applies_to"]})
    [event] = dashboard.v1.events.list({"type": "coupon.created"}).data

    assert "applies_to" not in coupon
    assert "applies_to" not in event.data.object
    assert expanded.applies_to.products == [product]


def test_applies_to_is_absent_without_products(dashboard):
    coupon = dashboard.create_coupon(percent_off=50)

    assert "applies_to" not in dashboard.v1.coupons.retrieve(coupon.id, {"expand": ["applies_to"]})


def test_delete_makes_its_codes_dead_for_good(dashboard):
    coupon = dashboard.create_coupon(id="HALF", percent_off=50)
    code = dashboard.create_code(coupon.id, "SPRING")

    dashboard.delete_coupon(coupon.id)
    dashboard.create_coupon(id="HALF", percent_off=50)

    assert not dashboard.v1.promotion_codes.retrieve(code.id).active
    with pytest.raises(stripe.InvalidRequestError, match="cannot be activated"):
        dashboard.reactivate_code(code.id)


def test_delete_answers_404_afterwards(dashboard):
    coupon = dashboard.create_coupon(percent_off=50)

    assert dashboard.delete_coupon(coupon.id).deleted
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        dashboard.v1.coupons.retrieve(coupon.id)

    assert (refusal.value.http_status, refusal.value.error.code) == (404, "resource_missing")


def test_redeem_by_makes_coupon_and_codes_invalid_without_an_event(dashboard, clock):
    coupon = dashboard.create_coupon(percent_off=50, redeem_by=int(clock()) + DAY)
    code = dashboard.create_code(coupon.id, "SPRING")
    clock.advance(2 * DAY)

    assert not dashboard.v1.coupons.retrieve(coupon.id).valid
    assert not dashboard.v1.promotion_codes.retrieve(code.id).active
    kinds = [event.type for event in dashboard.v1.events.list().data]
    assert kinds == ["promotion_code.created", "coupon.created"]
