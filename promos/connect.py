"""Connecting this installation to a Stripe account; can be run again at any time and then changes nothing.

Each part yields sentences for the person at the terminal. A part that Stripe
refuses does not stop the others, except the key itself.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings

from promos import mirror, permissions, stripe_gateway
from promos.stripe_gateway import StripeError
from promos.webhooks import endpoints


@dataclass(frozen=True)
class Step:
    """One sentence about what was found or done; not ``ok`` when somebody must do something."""

    text: str
    ok: bool = True


def run() -> Iterator[Step]:
    """Check the key, seed dj-stripe's rows, make the webhook endpoint and mirror the catalogue."""
    try:
        yield check_key()
    except StripeError as error:
        yield Step(f"The key does not work: {error}", ok=False)
        return
    for part in (check_permissions, connect_webhooks, mirror_catalogue):
        try:
            yield from part()
        except StripeError as error:
            yield Step(f"Stripe refused to {part.__name__.replace('_', ' ')}: {error}", ok=False)


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
