"""The customer portal, by the requests a browser would make."""

import pytest
import requests
import stripe

from tests.standin.shop import pay, submit, visit, words


@pytest.fixture
def subscription(shop):
    return shop.subscribe()


@pytest.fixture
def portal(shop, subscription):
    terms = {"customer": subscription.customer, "return_url": "http://127.0.0.1:1/account?a=1&b=2"}
    return shop.v1.billing_portal.sessions.create(terms)


def enter(shop, portal, subscription, text="SPRING", **terms):
    coupon = shop.dashboard.create_coupon(**(terms or {"percent_off": 50, "duration": "once"}))
    shop.dashboard.create_code(coupon.id, "SPRING")
    return submit(portal, "code", subscription=subscription.id, promotion_code=text)


def test_portal_shows_what_is_subscribed(portal):
    page = words(visit(portal))

    assert "Stand-in for Stripe Billing — no real money" in page
    assert "Team USD 99.50 every month" in page
    assert "paid USD 299.50" in page
    assert 'href="http://127.0.0.1:1/account?a=1&amp;b=2"' in visit(portal).text


def test_entered_code_discounts_the_next_invoice(shop, standin, portal, subscription):
    assert enter(shop, portal, subscription, text=" spring ").status_code == 303
    assert "Discount: SPRING" in words(visit(portal))

    standin.hooks.renew(subscription.id)

    renewal = shop.invoices(subscription, "data.discounts")[-1]
    [discount] = renewal.discounts
    [code] = shop.v1.promotion_codes.list().data
    assert (renewal.total, discount.promotion_code) == (4975, code.id)
    assert discount.checkout_session is None
    assert code.times_redeemed == 1
    assert "Discount" not in words(visit(portal))


def test_entered_code_that_does_not_exist_is_refused(shop, portal, subscription):
    answer = enter(shop, portal, subscription, text="NOPE")

    assert answer.status_code == 400
    assert "This code is invalid." in words(answer)
    assert shop.v1.subscriptions.retrieve(subscription.id).discounts == []


def test_plan_can_be_cancelled_and_kept_after_all(shop, portal, subscription):
    submit(portal, "cancel", subscription=subscription.id)
    assert shop.v1.subscriptions.retrieve(subscription.id).cancel_at_period_end
    assert "Ends on" in words(visit(portal))

    submit(portal, "resume", subscription=subscription.id)
    assert not shop.v1.subscriptions.retrieve(subscription.id).cancel_at_period_end
    assert "Renews on" in words(visit(portal))


def test_portal_without_a_subscription_says_so(shop, portal, subscription):
    shop.dashboard.cancel(subscription.id)

    assert "You have no subscription." in words(visit(portal))


def test_portal_does_not_touch_what_is_anothers(shop, portal):
    other = shop.subscribe()

    for wrong in (other.id, "sub_none"):
        answer = submit(portal, "cancel", subscription=wrong)
        assert answer.status_code in (400, 404)
    assert not shop.v1.subscriptions.retrieve(other.id).cancel_at_period_end


def test_portal_shows_what_people_wrote_as_text(shop, standin):
    product = shop.dashboard.create_product("<script>alert(1)</script>").id
    subscription = shop.subscribe(prices=[shop.dashboard.create_price(product).id])
    session = shop.v1.billing_portal.sessions.create({"customer": subscription.customer})

    assert "<script>" not in visit(session).text


def test_unknown_portal_is_404(standin, shop):
    assert requests.get(f"{standin.url}/p/session/bps_none", timeout=10).status_code == 404
    with pytest.raises(stripe.InvalidRequestError):
        shop.v1.billing_portal.sessions.create({"customer": "cus_none"})


def test_person_can_end_the_period(shop, portal, subscription):
    submit(portal, "renew", subscription=subscription.id)

    assert [invoice.status for invoice in shop.invoices(subscription)] == ["paid", "paid"]


def test_person_can_let_the_card_fail(shop, portal, subscription):
    for action in ("break", "renew", "mend", "renew"):
        assert submit(portal, action, subscription=subscription.id).status_code == 303

    assert [invoice.status for invoice in shop.invoices(subscription)] == ["paid", "open", "paid"]


def test_paying_again_brings_a_card_that_works(shop, standin, subscription):
    standin.hooks.break_card(subscription.customer)
    session = shop.open(customer=subscription.customer)

    assert pay(session).status_code == 303
    standin.hooks.renew(subscription.id)

    assert shop.invoices(subscription)[-1].status == "paid"
