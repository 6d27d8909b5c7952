"""Connecting this installation to a Stripe account; can be run again at any time and then changes nothing.

Each part yields sentences for the person at the terminal. A part that Stripe
refuses does not stop the others, except the key itself.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from urllib.parse import urlsplit

from django.conf import settings

from promos import mirror, permissions, stripe_gateway
from promos.models import StripeCoupon, StripePromotionCode
from promos.stripe_gateway import StripeError
from promos.sync import pull
from promos.webhooks import endpoints


@dataclass(frozen=True)
class Step:
    """One sentence about what was found or done; not ``ok`` when somebody must do something."""

    text: str
    ok: bool = True


def run(now: datetime) -> Iterator[Step]:
    """Check the key, seed dj-stripe's rows, make the webhook endpoint, take over what the account has."""
    try:
        yield check_key()
    except StripeError as error:
        yield Step(f"The key does not work: {error}", ok=False)
        return
    parts: dict[str, Callable[[], Iterator[Step]]] = {
        "try the permissions": check_permissions,
        "connect the webhooks": connect_webhooks,
        "mirror the catalogue": mirror_catalogue,
        "take over codes": partial(take_over_codes, now),
    }
    for purpose, part in parts.items():
        try:
            yield from part()
        except StripeError as error:
            yield Step(f"Stripe did not let us {purpose}: {error}", ok=False)


def check_key() -> Step:
    """Ask Stripe whose key this is, and keep the answer in dj-stripe's Account and APIKey rows."""
    mode = "live" if settings.STRIPE_LIVE_MODE else "test"
    where = f" at {settings.STRIPE_HOST}" if settings.STRIPE_HOST else ""
    account = mirror.seed_account(mirror.account_data())
    if account.id == mirror.UNNAMED_ACCOUNT_ID:
        return Step(f"The restricted {mode} key is in use{where}; Stripe does not tell it its account.")
    return Step(f"The key belongs to the account {account.id}{where}, {mode} mode.")


def check_permissions() -> Iterator[Step]:
    """Name every permission that the key lacks."""
    lacking = permissions.refused()
    for refusal in lacking:
        yield Step(f"The key may not {refusal.name}: {refusal.reason}", ok=False)
    if not lacking:
        yield Step("The key may do all that Promodesk needs.")


def connect_webhooks() -> Iterator[Step]:
    """Make Stripe deliver our events here, or say how to get them when Stripe cannot reach this machine."""
    if not settings.STRIPE_HOST and _is_private(settings.SITE_URL):
        yield _how_to_forward()
        return
    outcome = endpoints.ensure()
    yield _what_became_of(outcome)
    if outcome.missing_events:
        yield Step(
            f"It does not send these events, please add them: {', '.join(outcome.missing_events)}.", ok=False
        )
    for old in outcome.disabled:
        yield Step(f"The earlier endpoint {old} was disabled.")
    for found in outcome.foreign:
        yield Step(
            f"The endpoint {found['id']} at the same address was not made by Promodesk; "
            "its deliveries are refused, please delete it.",
            ok=False,
        )


def mirror_catalogue() -> Iterator[Step]:
    """Copy every product and price; those that are gone from Stripe go here too."""
    products = mirror.copy_all("product", stripe_gateway.list_products())
    prices = mirror.copy_all("price", stripe_gateway.list_prices())
    yield Step(f"Mirrored {products} products and {prices} prices.")


def take_over_codes(now: datetime) -> Iterator[Step]:
    """Mirror every coupon and promotion code, and make offers and codes of those that nobody here knows.

    Codes that are switched off at Stripe are left there; the first change to one brings it here.
    """
    coupons, promotion_codes = (
        list(stripe_gateway.list_coupons()),
        list(stripe_gateway.list_promotion_codes()),
    )
    mirror.copy_all("coupon", coupons)
    mirror.copy_all("promotion_code", promotion_codes)
    known_coupons = set(StripeCoupon.objects.values_list("stripe_coupon_id", flat=True))
    known_codes = set(StripePromotionCode.objects.values_list("stripe_promotion_code_id", flat=True))
    new_coupons = [found["id"] for found in coupons if found["id"] not in known_coupons]
    new_codes = [
        found["id"] for found in promotion_codes if found["active"] and found["id"] not in known_codes
    ]
    for coupon_id in new_coupons:
        # Who is at the same one brings it here.
        with suppress(pull.InMotion):
            pull.coupon(coupon_id, now=now)
    for promotion_code_id in new_codes:
        with suppress(pull.InMotion):
            pull.promotion_code(promotion_code_id, now=now)
    yield Step(f"Took over {len(new_coupons)} coupons and {len(new_codes)} codes from Stripe.")


def _what_became_of(outcome: endpoints.Outcome) -> Step:
    endpoint_id, url = outcome.endpoint["id"], endpoints.url()
    sentences = {
        "unchanged": f"The webhook endpoint {endpoint_id} at {url} is as it should be.",
        "updated": f"The webhook endpoint {endpoint_id} at {url} now sends exactly our events.",
        "created": f"Made the webhook endpoint {endpoint_id} at {url}.",
        "replaced": f"Made the webhook endpoint {endpoint_id} at {url} in place of an earlier one.",
        "by hand": f"The webhook endpoint {endpoint_id} at {url} was made by hand and is used with "
        "STRIPE_WEBHOOK_SECRET.",
    }
    return Step(sentences[outcome.change])


def _how_to_forward() -> Step:
    command = f"stripe listen --forward-to {endpoints.url()} --events {','.join(endpoints.events())}"
    if settings.STRIPE_WEBHOOK_SECRETS:
        return Step(f"Stripe cannot reach {settings.SITE_URL}; its events come while this runs: {command}")
    return Step(
        f"Stripe cannot reach {settings.SITE_URL}. Either set SITE_URL to a public address (a tunnel will do), or "
        f"put the secret that this prints into STRIPE_WEBHOOK_SECRET and leave it running: {command}",
        ok=False,
    )


def _is_private(address: str) -> bool:
    host = urlsplit(address).hostname or ""
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return "." not in host or host.endswith((".localhost", ".local", ".internal", ".test"))
