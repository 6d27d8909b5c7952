"""The outgoing webhook: one signed POST, in Stripe's way of signing.

The header ``Promodesk-Signature: t=<epoch seconds>,v1=<hex>`` carries the
HMAC-SHA256 of ``<t>.<body>`` under the shared secret. A receiver reckons it
again, compares in constant time, and refuses what is older than five minutes.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime

import requests

from analytics.outbox import Undelivered

HEADER = "Promodesk-Signature"
#: Seconds to connect, and between two pieces of the answer.
TIMEOUTS = (5.0, 10.0)


def signature(body: bytes, *, secret: str, now: datetime) -> str:
    """Return the header's value for a body sent now."""
    moment = int(now.timestamp())
    signed = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256)
    return f"t={moment},v1={signed.hexdigest()}"


def post(body: bytes, *, url: str, secret: str, now: datetime) -> None:
    """Send JSON to an address; redirects are not followed, the answer's body is not read.

    Raises:
        Undelivered: nobody answered in time, or not with 2xx. The address stays out of the message:
            many services put a secret into theirs.
    """
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Promodesk",
        HEADER: signature(body, secret=secret, now=now),
    }
    try:
        with requests.post(
            url, data=body, headers=headers, timeout=TIMEOUTS, allow_redirects=False, stream=True
        ) as answer:
            status = answer.status_code
    except requests.Timeout:
        raise Undelivered("The webhook's address did not answer in time.") from None
    except requests.RequestException:
        raise Undelivered("The webhook's address could not be reached.") from None
    if not 200 <= status < 300:
        raise Undelivered(f"The webhook's address answered with status {status}.")
