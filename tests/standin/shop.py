"""A shop at the stand-in: a plan with a setup fee, and a buyer with a browser that follows no redirect."""

import html
import re

import requests

GOOD_CARD = "4242 4242 4242 4242"
DECLINED_CARD = "4000 0000 0000 0002"


class Shop:
    def __init__(self, dashboard):
        self.dashboard = dashboard
        self.v1 = dashboard.v1
        self.plan_product = dashboard.create_product("Team").id
        self.fee_product = dashboard.create_product("Setup").id
        self.plan = dashboard.create_price(self.plan_product, 9950).id
        self.fee = dashboard.create_price(self.fee_product, 20000, interval=None).id

    def open(self, *, mode="subscription", prices=None, **values):
        """Open a checkout; a subscription to the plan with its setup fee unless told otherwise."""
        default = [self.plan, self.fee] if mode == "subscription" else [self.fee]
        terms = {
            "mode": mode,
            "line_items": [{"price": price, "quantity": 1} for price in prices or default],
            "success_url": "http://127.0.0.1:1/done?session={CHECKOUT_SESSION_ID}",
            "cancel_url": "http://127.0.0.1:1/plans?a=1&b=2",
        }
        return self.v1.checkout.sessions.create({**terms, **values})

    def with_code(self, coupon_terms, *, code_terms=None, **values):
        """Open a checkout with a promotion code on it; return both."""
        coupon = self.dashboard.create_coupon(**coupon_terms)
        code = self.dashboard.create_code(coupon.id, "LAUNCH", **(code_terms or {}))
        return self.open(discounts=[{"promotion_code": code.id}], **values), code

    def subscribe(self, coupon_terms=None, **values):
        """Buy the plan on the pay page, with a code of such terms if any; return the subscription."""
        session = self.with_code(coupon_terms, **values)[0] if coupon_terms else self.open(**values)
        assert pay(session).status_code == 303
        return self.v1.subscriptions.retrieve(self.reload(session).subscription)

    def invoices(self, subscription, *expand):
        """Return a subscription's invoices, the oldest first."""
        found = self.v1.invoices.list({"subscription": subscription.id, "expand": list(expand), "limit": 100})
        return found.data[::-1]

    def reload(self, session, *expand):
        return self.v1.checkout.sessions.retrieve(session.id, {"expand": list(expand)})


def visit(session):
    return requests.get(session.url, timeout=10)


def submit(session, action="pay", **fields):
    return requests.post(session.url, {"action": action, **fields}, allow_redirects=False, timeout=10)


def pay(session, card=GOOD_CARD, email="buyer@example.com"):
    return submit(session, card=card, email=email)


def words(page):
    """Return a page's text as a reader sees it."""
    body = page.text.split("<body>")[1]
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body)))


def told(v1, since="", **filters):
    """Return the types of the events, the oldest first; those after the last one of the type `since`."""
    types = [event.type for event in v1.events.list({"limit": 100, **filters}).data][::-1]
    return types[len(types) - types[::-1].index(since) :] if since in types else types
