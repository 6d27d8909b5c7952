"""The hosted pay page, by the requests a browser would make, and what paying brings about."""

import pytest
import requests

from tests.standin.shop import DECLINED_CARD, GOOD_CARD, pay, submit, visit, words


def test_page_says_what_it_is_and_what_is_due(shop):
    session, _ = shop.with_code({"percent_off": 50, "applies_to": {"products": [shop.fee_product]}})

    page = words(visit(session))

    assert "Stand-in for Stripe Checkout — no real money" in page
    assert "Team, every month USD 99.50" in page
    assert "Setup USD 200.00" in page
    assert "Discount USD -100.00" in page
    assert "Total due today USD 199.50" in page


def test_page_of_an_unknown_session_is_404(standin):
    assert requests.get(f"{standin.url}/c/pay/cs_test_none", timeout=10).status_code == 404


def test_page_shows_what_people_wrote_as_text(shop):
    product = shop.dashboard.create_product("<script>alert(1)</script>").id
    session = shop.open(prices=[shop.dashboard.create_price(product).id])

    assert "<script>" not in visit(session).text
    answer = submit(session, card='"><script>', email="a@example.com")
    assert answer.status_code == 402
    assert "<script>" not in answer.text


def test_page_leads_back_to_the_shop(shop):
    assert 'href="http://127.0.0.1:1/plans?a=1&amp;b=2"' in visit(shop.open()).text


def test_page_asks_for_an_email_only_when_unknown(shop):
    customer = shop.dashboard.create_customer("anna@example.com").id

    assert 'name="email"' in visit(shop.open()).text
    assert 'name="email"' not in visit(shop.open(customer=customer)).text
    assert "Paying as b@example.com" in words(visit(shop.open(customer_email="b@example.com")))


def test_paying_without_an_email_is_refused(shop):
    session = shop.open()

    answer = submit(session, card="4242424242424242")

    assert answer.status_code == 400
    assert "email address" in words(answer)
    assert shop.reload(session).status == "open"


@pytest.mark.parametrize(
    ("card", "problem"), [(DECLINED_CARD, "declined"), ("1234", "test card"), ("", "test card")]
)
def test_paying_with_a_bad_card_is_refused(shop, card, problem):
    session = shop.open()

    answer = pay(session, card=card)

    assert answer.status_code == 402
    assert problem in words(answer)
    assert shop.reload(session).status == "open"
    assert shop.v1.payment_intents.list().data == []


def test_paying_returns_to_the_shop(shop):
    session = shop.open()

    answer = pay(session)

    assert answer.status_code == 303
    assert answer.headers["Location"] == f"http://127.0.0.1:1/done?session={session.id}"


def test_paying_twice_is_told_plainly(shop):
    session = shop.open()
    pay(session)

    for answer in (visit(session), pay(session)):
        assert "This checkout is complete" in words(answer)
        assert f'href="http://127.0.0.1:1/done?session={session.id}"' in answer.text
    assert len(shop.v1.events.list({"type": "checkout.session.completed"}).data) == 1


def test_expired_session_is_told_plainly(shop):
    session = shop.open()
    shop.v1.checkout.sessions.expire(session.id)

    assert "This checkout has expired" in words(visit(session))


# Codes typed on the page


def test_typed_code_is_applied_and_can_be_removed(shop):
    shop.dashboard.create_code(shop.dashboard.create_coupon(percent_off=50).id, "SPRING")
    session = shop.open(allow_promotion_codes=True)

    assert submit(session, "code", promotion_code=" spring ").status_code == 303
    assert "Total due today USD 149.75" in words(visit(session))
    submit(session, "remove")
    assert "Total due today USD 299.50" in words(visit(session))


@pytest.mark.parametrize("text", ["NOPE", ""])
def test_typed_code_that_does_not_exist_is_refused(shop, text):
    session = shop.open(allow_promotion_codes=True)

    answer = submit(session, "code", promotion_code=text)

    assert answer.status_code == 400
    assert "This code is invalid." in words(answer)


def test_code_cannot_be_typed_where_none_is_allowed(shop):
    shop.dashboard.create_code(shop.dashboard.create_coupon(percent_off=50).id, "SPRING")
    session = shop.open()

    assert 'name="promotion_code"' not in visit(session).text
    assert submit(session, "code", promotion_code="SPRING").status_code == 400


def test_typed_code_of_ones_own_goes_before_the_one_for_all(shop):
    anna = shop.dashboard.create_customer().id
    coupon = shop.dashboard.create_coupon(percent_off=50).id
    ours = shop.dashboard.create_code(coupon, "MINE", customer=anna)
    session = shop.open(allow_promotion_codes=True, customer=anna)

    submit(session, "code", promotion_code="MINE")

    assert shop.reload(session).discounts[0].promotion_code == ours.id


# What paying brings about


def test_subscription_comes_to_be(shop):
    session, code = shop.with_code(
        {"percent_off": 50, "duration": "forever"},
        metadata={"plan": "team"},
        subscription_data={"metadata": {"plan": "team", "empty": ""}},
    )
    pay(session)

    paid = shop.reload(session, "subscription.discounts", "invoice.payments")

    assert (paid.status, paid.payment_status, paid.url, paid.payment_intent) == (
        "complete",
        "paid",
        None,
        None,
    )
    assert paid.customer_details.email == "buyer@example.com"
    subscription, invoice = paid.subscription, paid.invoice
    assert subscription.metadata.to_dict() == {"plan": "team"}
    assert [one.promotion_code for one in subscription.discounts] == [code.id]
    assert [item.price.id for item in subscription["items"].data] == [shop.plan]
    assert (invoice.billing_reason, invoice.status) == ("subscription_create", "paid")
    assert (invoice.subtotal, invoice.total, invoice.amount_paid) == (29950, 14975, 14975)
    assert [one.amount for one in invoice.total_discount_amounts] == [14975]
    assert invoice.parent.subscription_details.subscription == subscription.id
    [payment] = invoice.payments.data
    assert shop.v1.payment_intents.retrieve(payment.payment.payment_intent).amount == 14975


def test_discount_for_once_leaves_the_subscription(shop):
    session, _ = shop.with_code({"percent_off": 50, "duration": "once"})
    pay(session)

    paid = shop.reload(session, "subscription", "invoice")

    assert paid.subscription.discounts == []
    assert len(paid.invoice.discounts) == 1


def test_discount_for_months_has_an_end(shop):
    session, _ = shop.with_code({"percent_off": 50, "duration": "repeating", "duration_in_months": 3})
    pay(session)

    [discount] = shop.reload(session, "subscription.discounts").subscription.discounts

    assert 89 <= (discount.end - discount.start) / 86400 <= 92


def test_invoice_payment_leads_from_a_payment_to_its_invoice(shop):
    session = shop.open()
    pay(session)
    [intent] = shop.v1.payment_intents.list().data

    payment = {"type": "payment_intent", "payment_intent": intent.id}
    [found] = shop.v1.invoice_payments.list({"payment": payment}).data

    assert found.invoice == shop.reload(session).invoice


def test_single_payment_comes_to_be(shop):
    session, _ = shop.with_code(
        {"percent_off": 50}, mode="payment", payment_intent_data={"metadata": {"a": "1"}}
    )
    pay(session)

    paid = shop.reload(session, "payment_intent.latest_charge")

    assert (paid.payment_status, paid.customer, paid.subscription) == ("paid", None, None)
    assert (paid.payment_intent.status, paid.payment_intent.amount) == ("succeeded", 10000)
    assert paid.payment_intent.metadata.to_dict() == {"a": "1"}
    assert paid.payment_intent.latest_charge.amount == 10000


def test_single_payment_makes_a_customer_when_asked(shop):
    session = shop.open(mode="payment", customer_creation="always")
    pay(session)

    assert shop.reload(session, "customer").customer.email == "buyer@example.com"


def test_free_subscription_needs_no_card_when_told_so(shop):
    free, _code = shop.with_code(
        {"percent_off": 100, "duration": "forever"}, payment_method_collection="if_required"
    )

    assert 'name="card"' not in visit(free).text
    assert submit(free, email="buyer@example.com").status_code == 303

    paid = shop.reload(free, "invoice.payments")
    assert (paid.payment_status, paid.amount_total) == ("no_payment_required", 0)
    assert (paid.invoice.status, paid.invoice.payments.data) == ("paid", [])
    assert shop.v1.payment_intents.list().data == []


def test_free_subscription_asks_for_a_card_otherwise(shop):
    session, _ = shop.with_code({"percent_off": 100, "duration": "forever"})

    assert 'name="card"' in visit(session).text
    assert submit(session, email="buyer@example.com").status_code == 402


def test_paying_counts_the_redemption(shop):
    session, code = shop.with_code({"percent_off": 50})
    pay(session)

    assert shop.v1.promotion_codes.retrieve(code.id).times_redeemed == 1
    assert shop.v1.coupons.retrieve(code.promotion.coupon).times_redeemed == 1
    assert shop.v1.events.list({"type": "promotion_code.updated"}).data == []


def test_paying_can_announce_the_redemption(shop, standin):
    standin.core.announce_redemptions = True
    session, _code = shop.with_code({"percent_off": 50})
    pay(session)

    [event] = shop.v1.events.list({"type": "promotion_code.updated"}).data
    assert event.data.previous_attributes.to_dict() == {"times_redeemed": 0}


@pytest.mark.parametrize("capped", ["code", "coupon"])
def test_last_redemption_is_the_last(shop, capped):
    cap = {"max_redemptions": 1}
    first, code = shop.with_code(
        {"percent_off": 50, **(cap if capped == "coupon" else {})}, code_terms=cap if capped == "code" else {}
    )
    second = shop.open(discounts=[{"promotion_code": code.id}])

    assert pay(first).status_code == 303
    answer = pay(second)

    assert answer.status_code == 400
    assert "cannot be redeemed" in words(answer)
    assert not shop.v1.promotion_codes.retrieve(code.id).active


def test_events_come_in_stripes_order(shop):
    session = shop.open()
    pay(session)

    told = [event.type for event in shop.v1.events.list({"limit": 100}).data][::-1]

    assert told[told.index("customer.created") :] == [
        "customer.created",
        "customer.subscription.created",
        "invoice.created",
        "invoice.finalized",
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "invoice.updated",
        "customer.subscription.updated",
        "invoice.paid",
        "invoice.payment_succeeded",
        "invoice_payment.paid",
        "checkout.session.completed",
    ]


def test_details_keep_what_is_known_of_the_customer(shop):
    anna = shop.dashboard.create_customer("anna@example.com", name="Anna").id
    session = shop.open(customer=anna)
    pay(session)

    paid = shop.reload(session)
    assert (paid.customer, paid.customer_details.name, paid.customer_details.email) == (
        anna,
        "Anna",
        "anna@example.com",
    )


def test_the_country_chosen_is_the_address_of_the_buyer(shop):
    chosen, unasked = shop.open(), shop.open()
    submit(chosen, card=GOOD_CARD, email="buyer@example.com", country="AT")
    pay(unasked)

    countries = [shop.reload(session).customer_details.address.country for session in (chosen, unasked)]
    assert countries == ["AT", "US"]


def test_a_country_that_is_not_offered_is_refused(shop):
    answer = submit(shop.open(), card=GOOD_CARD, email="buyer@example.com", country="Atlantis")

    assert answer.status_code == 400
    assert "Please choose a country." in words(answer)
