"""Keys, errors, idempotency, expansion, lists: what every endpoint shares."""

import pytest
import requests
import stripe

from promos.standin import forms, params
from promos.standin.errors import StripeError

AUTHORIZED = {"Authorization": "Bearer sk_test_" + "a" * 24}
DAY = 24 * 3600


def post(standin, path, data, **headers):
    return requests.post(f"{standin.url}{path}", data, headers={**AUTHORIZED, **headers}, timeout=10)


# Keys


@pytest.mark.parametrize("key", ["", "Bearer pk_test_1234", "Bearer nonsense", "Bearer sk_live_" + "a" * 24])
def test_key_missing_or_wrong_is_401(standin, key):
    answer = requests.get(f"{standin.url}/v1/coupons", headers={"Authorization": key}, timeout=10)

    assert answer.status_code == 401
    assert answer.json()["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize("key", ["sk_test_abc", "rk_test_abc"])
def test_key_of_test_mode_is_taken_also_as_a_user_name(standin, key):
    answer = requests.get(f"{standin.url}/v1/coupons", auth=(key, ""), timeout=10)

    assert answer.status_code == 200


# Headers and errors


def test_every_answer_has_its_own_request_id(standin):
    answers = [
        requests.get(f"{standin.url}/v1/coupons{end}", headers=AUTHORIZED, timeout=10)
        for end in ("", "/NONE")
    ]

    first, second = (answer.headers["Request-Id"] for answer in answers)
    assert first.startswith("req_")
    assert first != second
    assert second in answers[1].json()["error"]["request_log_url"]


def test_version_is_echoed(standin):
    headers = {**AUTHORIZED, "Stripe-Version": "2026-08-26.dahlia"}
    answer = requests.get(f"{standin.url}/v1/coupons", headers=headers, timeout=10)

    assert answer.headers["Stripe-Version"] == "2026-08-26.dahlia"


def test_unknown_address_is_404(standin):
    answer = requests.get(f"{standin.url}/v1/gifts", headers=AUTHORIZED, timeout=10)

    assert answer.status_code == 404
    assert "Unrecognized request URL" in answer.json()["error"]["message"]


def test_unknown_parameter_is_refused(dashboard):
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        dashboard.v1.coupons.list({"colour": "red"})

    assert refusal.value.error.code == "parameter_unknown"
    assert refusal.value.param == "colour"


def test_malformed_form_is_400(standin):
    for data in ("a]b=1", "a=1&a[b]=2"):
        assert post(standin, "/v1/coupons", data).status_code == 400


def test_account_is_the_keys_own(dashboard):
    account = dashboard.v1.accounts.retrieve_current()

    assert dashboard.v1.accounts.retrieve(account.id).id == account.id
    with pytest.raises(stripe.PermissionError):
        dashboard.v1.accounts.retrieve("acct_other")


# Forms


def test_decode_nests_and_keeps_order():
    decoded = forms.decode("a[b][c]=1&types[]=x&types[]=y&expand[0]=z&empty=")

    assert decoded == {
        "a": {"b": {"c": "1"}},
        "types": {"0": "x", "1": "y"},
        "expand": {"0": "z"},
        "empty": "",
    }


@pytest.mark.parametrize("name", ["a[b", "]", "[a]", "a" + "[b]" * 9])
def test_decode_of_a_bad_name_is_refused(name):
    with pytest.raises(StripeError):
        forms.decode(f"{name}=1")


def test_metadata_keeps_keys_that_are_numbers(dashboard):
    coupon = dashboard.create_coupon(percent_off=5, metadata={"0": "zero"})

    assert coupon.metadata.to_dict() == {"0": "zero"}


def test_metadata_as_a_whole_can_be_unset(dashboard):
    coupon = dashboard.create_coupon(percent_off=5, metadata={"a": "1"})

    assert dashboard.v1.coupons.update(coupon.id, {"metadata": ""}).metadata.to_dict() == {}


@pytest.mark.parametrize(
    ("reader", "value"),
    [
        (params.boolean, "yes"),
        (params.integer(), "1.5"),
        (params.integer(1, 100), "101"),
        (params.currency, "us"),
        (params.listing(params.text()), {"a": "b"}),
        (params.listing(params.text()), "a"),
        (params.text(3), "long"),
        (params.text(), {"a": "b"}),
        (params.metadata, "a"),
    ],
)
def test_reader_refuses_a_wrong_value(reader, value):
    with pytest.raises(StripeError) as refusal:
        reader(value, "field")

    assert refusal.value.param == "field"


# Idempotency


def test_same_key_and_parameters_replay_the_answer(standin):
    first = post(standin, "/v1/coupons", {"percent_off": 5}, **{"Idempotency-Key": "k"})
    second = post(standin, "/v1/coupons", {"percent_off": 5}, **{"Idempotency-Key": "k"})

    assert first.json()["id"] == second.json()["id"]
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"


def test_same_key_with_other_parameters_is_refused(v1):
    v1.coupons.create({"percent_off": 5}, {"idempotency_key": "k"})

    with pytest.raises(stripe.IdempotencyError) as refusal:
        v1.coupons.create({"percent_off": 6}, {"idempotency_key": "k"})

    assert refusal.value.http_status == 400
    assert refusal.value.error.type == "idempotency_error"


def test_other_key_does_it_again(v1):
    made = {v1.coupons.create({"percent_off": 5}, {"idempotency_key": key}).id for key in "ab"}

    assert len(made) == 2


def test_refusal_is_replayed_but_not_one_of_bad_parameters(v1, dashboard):
    def create(terms, key):
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            v1.coupons.create(terms, {"idempotency_key": key})
        return refusal.value.headers.get("Idempotent-Replayed")

    dashboard.create_coupon(id="HALF", percent_off=50)

    assert [create({"id": "HALF", "percent_off": 50}, "taken") for _ in range(2)] == [None, "true"]
    assert [create({"percent_off": 500}, "bad") for _ in range(2)] == [None, None]


def test_key_is_forgotten_after_a_day(v1, clock):
    first = v1.coupons.create({"percent_off": 5}, {"idempotency_key": "k"})
    clock.advance(DAY + 60)

    assert v1.coupons.create({"percent_off": 6}, {"idempotency_key": "k"}).id != first.id


def test_key_reaches_the_event(v1):
    v1.coupons.create({"percent_off": 5}, {"idempotency_key": "ours-7"})

    [event] = v1.events.list().data
    assert event["request"].idempotency_key == "ours-7"
    assert event["request"].id.startswith("req_")


# Expansion


def test_expand_nests_and_works_on_lists(dashboard):
    product = dashboard.create_product().id
    coupon = dashboard.create_coupon(percent_off=5, applies_to={"products": [product]})
    customer = dashboard.create_customer()
    dashboard.create_code(coupon.id, "SPRING", customer=customer.id)

    [code] = dashboard.v1.promotion_codes.list(
        {"expand": ["data.promotion.coupon.applies_to", "data.customer"]}
    ).data

    assert code.promotion.coupon.applies_to.products == [product]
    assert code.customer.email == customer.email


@pytest.mark.parametrize("path", ["colour", "promotion.colour", "code", "metadata", "a.b.c.d.e"])
def test_expand_of_something_else_is_refused(dashboard, path):
    code = dashboard.create_code(dashboard.create_coupon().id, "SPRING")

    with pytest.raises(stripe.InvalidRequestError) as refusal:
        dashboard.v1.promotion_codes.retrieve(code.id, {"expand": [path]})

    assert refusal.value.param == "expand"


# Lists


def test_list_pages_both_ways(dashboard):
    made = [dashboard.create_coupon(id=f"C{n}", percent_off=5).id for n in range(5)]
    listed = dashboard.v1.coupons.list

    first = listed({"limit": 2})
    second = listed({"limit": 2, "starting_after": first.data[-1].id})
    back = listed({"limit": 2, "ending_before": second.data[0].id})

    assert [one.id for one in first.data] == [made[4], made[3]]
    assert first.has_more
    assert [one.id for one in second.data] == [made[2], made[1]]
    assert [one.id for one in back.data] == [made[4], made[3]]
    assert not back.has_more
    assert not listed({"starting_after": made[1]}).has_more
    assert [one.id for one in listed({"limit": 2}).auto_paging_iter()] == made[::-1]


@pytest.mark.parametrize("limit", [0, 101])
def test_list_limit_is_1_to_100(dashboard, limit):
    with pytest.raises(stripe.InvalidRequestError):
        dashboard.v1.coupons.list({"limit": limit})


def test_list_after_an_unknown_id_is_refused(dashboard):
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        dashboard.v1.coupons.list({"starting_after": "NONE"})

    assert refusal.value.param == "starting_after"


def test_list_within_a_time(dashboard, clock):
    early = dashboard.create_coupon(percent_off=5)
    clock.advance(100)
    late = dashboard.create_coupon(percent_off=5)
    listed = dashboard.v1.coupons.list

    assert [one.id for one in listed({"created": {"gte": late.created}}).data] == [late.id]
    assert [one.id for one in listed({"created": {"gt": early.created}}).data] == [late.id]
    assert [one.id for one in listed({"created": {"lt": late.created}}).data] == [early.id]
    assert [one.id for one in listed({"created": early.created}).data] == [early.id]


def test_list_customers_by_email(dashboard):
    wanted = dashboard.create_customer("a@example.com")
    dashboard.create_customer("b@example.com")

    assert [one.id for one in dashboard.v1.customers.list({"email": "a@example.com"}).data] == [wanted.id]


def test_list_prices_by_product_and_activity(dashboard):
    product = dashboard.create_product().id
    price = dashboard.create_price(product)
    old = dashboard.create_price(product)
    dashboard.v1.prices.update(old.id, {"active": False})
    dashboard.create_price(dashboard.create_product().id)

    found = dashboard.v1.prices.list({"product": product, "active": True}).data
    assert [one.id for one in found] == [price.id]
