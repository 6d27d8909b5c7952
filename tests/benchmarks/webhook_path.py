"""CPU per checkout event on the webhook path, signature and recording included.

    python -m tests.benchmarks.webhook_path [events [--queries]]

Runs on a throwaway database beside the one of DATABASE_URL, in one process,
through the whole of Django's middleware. CPU is this process's; a PostgreSQL
server's own comes on top, on whatever machine it has.
"""

from __future__ import annotations

import gc
import io
import json
import sys
import time

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db import connection
from django.test.utils import CaptureQueriesContext, setup_databases, teardown_databases

from promos.models import (
    CheckoutAttempt,
    Customer,
    LedgerEntry,
    PromoCode,
    PromoCodeUsage,
    StripeCoupon,
    StripePromotionCode,
)
from tests import factories
from tests.promos import stripe_events

WARM_UP = 50


def session(number: int) -> dict[str, object]:
    """A completed checkout of ours with a code, of about the size that Stripe sends."""
    return {
        "id": f"cs_test_{number:058}",
        "object": "checkout.session",
        "amount_subtotal": 9950,
        "amount_total": 7960,
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "cancel_url": "https://shop.example.com/billing/",
        "currency": "usd",
        "customer": f"cus_{number}",
        "customer_details": {
            "email": f"buyer{number}@example.com",
            "name": "A. Buyer",
            "address": {"country": "US"},
        },
        "discounts": [{"coupon": None, "promotion_code": "promo_benchmark"}],
        "livemode": False,
        "metadata": {
            "promodesk_attempt": str(number + 1),
            "promodesk_plan": "price_monthly",
            "promodesk_interval": "month",
        },
        "mode": "subscription",
        "payment_status": "paid",
        "status": "complete",
        "subscription": f"sub_{number}",
        "success_url": "https://shop.example.com/billing/success/?session={CHECKOUT_SESSION_ID}",
        "total_details": {"amount_discount": 1990, "amount_shipping": 0, "amount_tax": 0},
        **{f"unused_field_{field}": {"enabled": False, "value": None} for field in range(40)},
    }


def request(number: int) -> dict[str, object]:
    """Return a WSGI environ with a signed event; its making is not measured."""
    body = json.dumps(stripe_events.event("checkout.session.completed", session(number))).encode()
    return {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": stripe_events.ADDRESS,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "HTTP_HOST": "127.0.0.1",
        "HTTP_STRIPE_SIGNATURE": stripe_events.signature(body),
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.url_scheme": "http",
    }


def prepare(checkouts: int) -> None:
    """Make the code, and what a customer's way to Checkout leaves here: the customer, the attempt, the hold."""
    settings.STRIPE_WEBHOOK_SECRETS = [stripe_events.SECRET]
    code = factories.PromoCodeFactory()
    coupon = StripeCoupon.objects.create(offer=code.offer, stripe_coupon_id="co_benchmark")
    StripePromotionCode.objects.create(
        promo_code=code, stripe_coupon=coupon, stripe_promotion_code_id="promo_benchmark", state="current"
    )
    Customer.objects.bulk_create(
        Customer(pk=number + 1, email=f"buyer{number}@example.com", stripe_customer_id=f"cus_{number}")
        for number in range(checkouts)
    )
    CheckoutAttempt.objects.bulk_create(
        CheckoutAttempt(
            pk=number + 1,
            customer_id=number + 1,
            promo_code=code,
            plan="price_monthly",
            stripe_session_id=f"cs_test_{number:058}",
            state=CheckoutAttempt.State.OPEN,
            currency="usd",
            created_at=factories.LONG_AGO,
            expires_at=factories.LONG_AGO,
        )
        for number in range(checkouts)
    )
    PromoCode.objects.update(held_count=checkouts)


def measure(events: int) -> None:
    application = get_wsgi_application()
    environs = [request(number) for number in range(WARM_UP + events)]
    statuses: set[str] = set()

    def deliver(environ: dict[str, object]) -> None:
        response = application(environ, lambda status, headers: statuses.add(status))
        response.close()

    for environ in environs[:WARM_UP]:
        deliver(environ)
    # As config/gunicorn.py does it.
    gc.collect()
    gc.freeze()
    cpu, wall = time.process_time(), time.perf_counter()
    for environ in environs[WARM_UP:]:
        deliver(environ)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    assert statuses == {"200 OK"}, statuses
    assert LedgerEntry.objects.count() == PromoCodeUsage.objects.count() == len(environs)
    with CaptureQueriesContext(connection) as queries:
        deliver(request(len(environs)))
    size = len(environs[0]["wsgi.input"].getvalue())
    say(f"{connection.vendor}, {events} events of {size} bytes, {len(queries)} statements each")
    say(f"{cpu / events * 1000:.2f} ms CPU, {wall / events * 1000:.2f} ms in all")
    if "--queries" in sys.argv:
        say("\n".join(query["sql"][:150] for query in queries))


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def main() -> None:
    settings.MIGRATION_MODULES = {app.split(".")[-1]: None for app in settings.INSTALLED_APPS}
    old = setup_databases(verbosity=0, interactive=False)
    try:
        events = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
        prepare(WARM_UP + events + 1)
        measure(events)
    finally:
        teardown_databases(old, verbosity=0)


if __name__ == "__main__":
    main()
