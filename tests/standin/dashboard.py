"""Act as a person at Stripe's dashboard: API calls without our metadata and without idempotency keys."""

import stripe

KEY = "sk_test_" + "d" * 24


class WithoutKeys(stripe.RequestsClient):
    """The SDK makes up an idempotency key where it was given none; the dashboard sends none at all."""

    def request(self, method, url, headers, post_data=None):
        kept = {name: value for name, value in headers.items() if name != "Idempotency-Key"}
        return super().request(method, url, kept, post_data)


class Dashboard:
    """What the owner of the account does over there, on a stand-in or anything else that speaks Stripe."""

    def __init__(self, url):
        http_client = WithoutKeys(timeout=10)
        self.client = stripe.StripeClient(KEY, base_addresses={"api": url}, http_client=http_client)
        self.v1 = self.client.v1

    def create_product(self, name="Pro", **values):
        return self.v1.products.create({"name": name, **values})

    def create_price(self, product, amount=9950, currency="usd", interval="month", **values):
        recurring = {"recurring": {"interval": interval}} if interval else {}
        terms = {"product": product, "unit_amount": amount, "currency": currency}
        return self.v1.prices.create({**terms, **recurring, **values})

    def create_customer(self, email="buyer@example.com", **values):
        return self.v1.customers.create({"email": email, **values})

    def create_coupon(self, **terms):
        return self.v1.coupons.create(terms or {"percent_off": 50, "duration": "once"})

    def rename_coupon(self, coupon, name):
        return self.v1.coupons.update(coupon, {"name": name})

    def delete_coupon(self, coupon):
        return self.v1.coupons.delete(coupon)

    def create_code(self, coupon, code, **values):
        promotion = {"type": "coupon", "coupon": coupon}
        return self.v1.promotion_codes.create({"promotion": promotion, "code": code, **values})

    def deactivate_code(self, promotion_code):
        return self.v1.promotion_codes.update(promotion_code, {"active": False})

    def reactivate_code(self, promotion_code):
        return self.v1.promotion_codes.update(promotion_code, {"active": True})
