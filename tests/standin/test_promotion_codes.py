"""Stripe's rules for promotion codes, each both ways."""

import pytest
import stripe

DAY = 24 * 3600


@pytest.fixture
def coupon(dashboard):
    return dashboard.create_coupon(percent_off=50).id


def message_of(refusal):
    return {
        name: value for name, value in refusal.value.json_body["error"].items() if name in ("code", "param")
    }


def test_create_shows_the_new_shape(dashboard, coupon):
    code = dashboard.create_code(coupon, "Launch-50", metadata={"row": "7"})

    assert code.code == "Launch-50"
    assert code.promotion.to_dict() == {"type": "coupon", "coupon": coupon}
    assert code.restrictions.to_dict() == {
        "first_time_transaction": False,
        "minimum_amount": None,
        "minimum_amount_currency": None,
    }
    assert code.active
    assert code.times_redeemed == 0


def test_create_without_a_text_makes_one_up(dashboard, coupon):
    code = dashboard.v1.promotion_codes.create({"promotion": {"type": "coupon", "coupon": coupon}})

    assert len(code.code) == 8
    assert code.code.isalnum()


def test_create_in_the_old_shape_is_refused(dashboard, coupon):
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        dashboard.v1.promotion_codes.create({"coupon": coupon, "code": "OLD"})

    assert message_of(refusal) == {"code": "parameter_unknown", "param": "coupon"}


def test_create_without_a_promotion_is_refused(dashboard):
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        dashboard.v1.promotion_codes.create({"code": "OLD"})

    assert message_of(refusal) == {"code": "parameter_missing", "param": "promotion"}


def test_create_for_an_unknown_coupon_is_refused(dashboard):
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        dashboard.create_code("NONE", "SPRING")

    assert message_of(refusal) == {"code": "resource_missing", "param": "promotion[coupon]"}


@pytest.mark.parametrize("text", ["TWO WORDS", "ÜBER", "A_B", "50%"])
def test_create_outside_the_alphabet_is_refused(dashboard, coupon, text):
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        dashboard.create_code(coupon, text)

    assert refusal.value.param == "code"


def test_create_taken_text_is_refused_with_only_a_message(dashboard, coupon):
    dashboard.create_code(coupon, "SPRING")

    with pytest.raises(stripe.InvalidRequestError, match="already exists") as refusal:
        dashboard.create_code(coupon, "spring")

    assert message_of(refusal) == {}


@pytest.mark.parametrize(
    ("first", "second", "allowed"),
    [
        ("anna", "ben", True),
        ("anna", "anna", False),
        ("anna", None, False),
        (None, "anna", False),
        (None, None, False),
    ],
)
def test_create_same_text_per_customer(dashboard, coupon, first, second, allowed):
    ids = {name: dashboard.create_customer().id for name in ("anna", "ben")}

    def create(name):
        dashboard.create_code(coupon, "MINE", **({"customer": ids[name]} if name else {}))

    create(first)
    if allowed:
        create(second)
    else:
        with pytest.raises(stripe.InvalidRequestError, match="already exists"):
            create(second)


def test_create_same_text_beside_an_inactive_one(dashboard, coupon):
    dashboard.create_code(coupon, "SPRING", active=False)

    assert dashboard.create_code(coupon, "SPRING").active


def test_reactivate_is_refused_while_another_has_the_text(dashboard, coupon):
    old = dashboard.create_code(coupon, "SPRING", active=False)
    new = dashboard.create_code(coupon, "SPRING")

    with pytest.raises(stripe.InvalidRequestError, match="already exists"):
        dashboard.reactivate_code(old.id)
    dashboard.deactivate_code(new.id)

    assert dashboard.reactivate_code(old.id).active


def test_update_changes_active_and_metadata(dashboard, coupon):
    code = dashboard.create_code(coupon, "SPRING", metadata={"a": "1"})

    changed = dashboard.v1.promotion_codes.update(code.id, {"active": False, "metadata": {"b": "2"}})

    assert (changed.active, changed.metadata.to_dict()) == (False, {"a": "1", "b": "2"})


@pytest.mark.parametrize(
    "change",
    [
        {"code": "OTHER"},
        {"max_redemptions": 5},
        {"expires_at": 2000000000},
        {"customer": "cus_1"},
        {"restrictions": {"minimum_amount": 5}},
    ],
)
def test_update_of_anything_else_is_refused(dashboard, coupon, change):
    code = dashboard.create_code(coupon, "SPRING")

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        dashboard.v1.promotion_codes.update(code.id, change)

    assert refusal.value.error.code == "parameter_unknown"


def test_update_adds_a_minimum_in_another_currency(dashboard, coupon):
    restrictions = {"minimum_amount": 1000, "minimum_amount_currency": "usd"}
    code = dashboard.create_code(coupon, "SPRING", restrictions=restrictions)

    options = {"currency_options": {"eur": {"minimum_amount": 900}}}
    changed = dashboard.v1.promotion_codes.update(
        code.id, {"restrictions": options, "expand": ["restrictions.currency_options"]}
    )

    assert "currency_options" not in code.restrictions
    assert changed.restrictions.currency_options["eur"].minimum_amount == 900


def test_minimum_amount_needs_its_currency(dashboard, coupon):
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        dashboard.create_code(coupon, "SPRING", restrictions={"minimum_amount": 1000})

    assert refusal.value.param == "restrictions[minimum_amount_currency]"


def test_expires_at_is_filled_from_the_coupon(dashboard, clock):
    redeem_by = int(clock()) + 10 * DAY
    coupon = dashboard.create_coupon(percent_off=50, redeem_by=redeem_by).id

    assert dashboard.create_code(coupon, "A").expires_at == redeem_by
    assert dashboard.create_code(coupon, "B", expires_at=redeem_by - DAY).expires_at == redeem_by - DAY
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        dashboard.create_code(coupon, "C", expires_at=redeem_by + DAY)
    assert refusal.value.param == "expires_at"


def test_max_redemptions_stays_within_the_coupons(dashboard):
    coupon = dashboard.create_coupon(percent_off=50, max_redemptions=10).id

    assert dashboard.create_code(coupon, "A", max_redemptions=10).max_redemptions == 10
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        dashboard.create_code(coupon, "B", max_redemptions=11)
    assert refusal.value.param == "max_redemptions"


def test_expiry_switches_off_for_good_and_says_nothing(dashboard, coupon, clock):
    code = dashboard.create_code(coupon, "SPRING", expires_at=int(clock()) + DAY)
    assert dashboard.v1.promotion_codes.retrieve(code.id).active
    clock.advance(DAY + 1)

    assert not dashboard.v1.promotion_codes.retrieve(code.id).active
    assert dashboard.v1.events.list({"type": "promotion_code.updated"}).data == []
    with pytest.raises(stripe.InvalidRequestError, match="it has expired"):
        dashboard.reactivate_code(code.id)


def test_expired_text_is_free_again(dashboard, coupon, clock):
    dashboard.create_code(coupon, "SPRING", expires_at=int(clock()) + DAY)
    clock.advance(DAY + 1)

    assert dashboard.create_code(coupon, "SPRING").active


def test_list_finds_by_text_whatever_its_case(dashboard, coupon):
    code = dashboard.create_code(coupon, "Spring")
    dashboard.create_code(coupon, "OTHER")
    listed = dashboard.v1.promotion_codes.list

    assert [one.id for one in listed({"code": "SPRING", "active": True}).data] == [code.id]
    dashboard.deactivate_code(code.id)
    assert listed({"code": "SPRING", "active": True}).data == []
    assert [one.id for one in listed({"code": "spring"}).data] == [code.id]


def test_list_finds_by_coupon_and_customer(dashboard, coupon):
    customer = dashboard.create_customer().id
    mine = dashboard.create_code(coupon, "MINE", customer=customer)
    other = dashboard.create_code(dashboard.create_coupon(percent_off=5).id, "OTHER")
    listed = dashboard.v1.promotion_codes.list

    assert [one.id for one in listed({"customer": customer}).data] == [mine.id]
    assert [one.id for one in listed({"coupon": other.promotion.coupon}).data] == [other.id]


def test_no_code_can_be_deleted(dashboard, coupon):
    code = dashboard.create_code(coupon, "SPRING")

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        dashboard.client.raw_request("delete", f"/v1/promotion_codes/{code.id}")

    assert refusal.value.http_status == 404
