"""Whether a webhook comes from Stripe."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import stripe

from promos.stripe_gateway.errors import SignatureInvalid

SIGNATURE_TOLERANCE_SECONDS = 300


def verify(payload: bytes, header: str, secrets: Iterable[str], *, now: datetime) -> None:
    """Check a webhook's signature over its raw body against each secret, and its age on both sides.

    Raises:
        SignatureInvalid: no secret fits, or the timestamp is over five minutes away from ``now``.
    """
    if not any(_is_signed(payload, header, secret) for secret in secrets):
        raise SignatureInvalid("The signature is missing or wrong.")
    signed_at = stripe.WebhookSignature._get_timestamp_and_signatures(header, "v1")[0]
    if abs(now.timestamp() - signed_at) > SIGNATURE_TOLERANCE_SECONDS:
        raise SignatureInvalid("The signature is too old or from the future.")


def _is_signed(payload: bytes, header: str, secret: str) -> bool:
    try:
        stripe.WebhookSignature.verify_header(payload, header, secret)
    except (stripe.SignatureVerificationError, UnicodeDecodeError, TypeError):
        # TypeError: the SDK compares a header with letters beyond ASCII as it is.
        return False
    return True
