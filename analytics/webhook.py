"""The outgoing webhook: one signed POST, in Stripe's way of signing.

The header ``Promodesk-Signature: t=<epoch seconds>,v1=<hex>`` carries the
HMAC-SHA256 of ``<t>.<body>`` under the shared secret. A receiver reckons it
again, compares in constant time, and refuses what is older than five minutes.
"""

from __future__ import annotations

import hashlib
import hmac
import socket
import threading
import time
from contextlib import suppress
from datetime import datetime
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool

from analytics.outbox import Undelivered

HEADER = "Promodesk-Signature"
#: Seconds to connect, and between two pieces of the answer.
TIMEOUTS = (5.0, 10.0)
#: Seconds for all of it: an answer may come in many pieces.
IN_ALL_SECONDS = 15.0
LATE = "The webhook's address did not answer in time."


def signature(body: bytes, *, secret: str, now: datetime) -> str:
    """Return the header's value for a body sent now."""
    moment = int(now.timestamp())
    signed = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256)
    return f"t={moment},v1={signed.hexdigest()}"


def post(body: bytes, *, url: str, secret: str, now: datetime) -> None:
    """Send JSON to an address; redirects are not followed, the answer's body is not read, its head not for long.

    Raises:
        Undelivered: nobody answered in time, or not with 2xx. The address stays out of the message:
            many services put a secret into theirs.
    """
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Promodesk",
        HEADER: signature(body, secret=secret, now=now),
    }
    end = time.monotonic() + IN_ALL_SECONDS
    try:
        status = _status(url, body, headers)
    except requests.Timeout:
        raise Undelivered(LATE) from None
    except requests.RequestException:
        is_late = time.monotonic() >= end
        raise Undelivered(LATE if is_late else "The webhook's address could not be reached.") from None
    if time.monotonic() >= end:
        # What was cut off looks like an answer's end.
        raise Undelivered(LATE)
    if not 200 <= status < 300:
        raise Undelivered(f"The webhook's address answered with status {status}.")


def _status(url: str, body: bytes, headers: dict[str, str]) -> int:
    with requests.Session() as session:
        session.mount("http://", _InTime())
        session.mount("https://", _InTime())
        with session.post(
            url, data=body, headers=headers, timeout=TIMEOUTS, allow_redirects=False, stream=True
        ) as answer:
            return answer.status_code


class _Ending(HTTPConnection):
    """A connection that is shut when its time is up.

    The time-outs of a socket count from piece to piece: who sends a byte now and then would never meet them.
    """

    def _new_conn(self) -> socket.socket:
        connection = super()._new_conn()
        # TLS takes the socket itself over.
        self.twin = connection.dup()
        self.end = threading.Timer(IN_ALL_SECONDS, self._shut)
        self.end.daemon = True
        self.end.start()
        return connection

    def _shut(self) -> None:
        with suppress(OSError):
            self.twin.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        super().close()
        if hasattr(self, "end"):
            self.end.cancel()
            self.twin.close()


class _EndingTls(_Ending, HTTPSConnection):
    """The same with TLS, whose handshake may dribble too."""


class _InTime(HTTPAdapter):
    """Makes connections that end."""

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> HTTPConnectionPool:
        pool = super().get_connection_with_tls_context(*args, **kwargs)
        pool.ConnectionCls = _EndingTls if pool.scheme == "https" else _Ending
        return pool
