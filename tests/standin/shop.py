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
