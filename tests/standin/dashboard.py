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

    def give_code(self, subscription, promotion_code):
        """Put a promotion code on a running subscription, in place of what it had."""
        discounts = [{"promotion_code": promotion_code}]
        return self.v1.subscriptions.update(subscription, {"discounts": discounts})

    def cancel(self, subscription, *, at_period_end=False):
        if at_period_end:
            return self.v1.subscriptions.update(subscription, {"cancel_at_period_end": True})
        return self.v1.subscriptions.cancel(subscription)

    def refund(self, payment_intent, amount=None):
        """Refund a payment, all that is left of it unless an amount is given."""
        part = {"amount": amount} if amount else {}
        return self.v1.refunds.create({"payment_intent": payment_intent, **part})

    def refund_invoice(self, invoice, amount=None):
        return self.refund(self.payment_intent_of(invoice), amount)

    def payment_intent_of(self, invoice):
        """Return the payment intent that an invoice was paid by."""
        [payment] = self.v1.invoice_payments.list({"invoice": invoice}).data
        return payment.payment.payment_intent

    def credit(self, invoice, amount, **values):
        return self.v1.credit_notes.create({"invoice": invoice, "amount": amount, **values})

    def write_invoice(self, customer, amount, *, currency="usd", **values):
        """Write an invoice over an amount and finalise it; return it open."""
        draft = self.v1.invoices.create({"customer": customer, "currency": currency, **values})
        item = {"customer": customer, "invoice": draft.id, "amount": amount, "currency": currency}
        self.v1.invoice_items.create(item)
        return self.v1.invoices.finalize_invoice(draft.id)
