"""Deliver events to webhook endpoints: signed, in parallel, retried.

Deliveries are dated by the real clock even where the stand-in's own is set by a test: the receiver checks the age of a
signature against its own.
"""

import hashlib
import hmac
import http.client
import ipaddress
import json
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from promos.standin import presenting
from promos.standin.kinds import Document
from promos.standin.store import Delivery, Store

TIMEOUT = 10
TICK = 0.2
PARALLEL = 8


class Courier:
    """A thread that looks for due deliveries, and a few that make them. The queue is the store's, so it survives."""

    def __init__(self, store: Store, retry_delays: Sequence[float], tick: Callable[[], None]) -> None:
        self.store = store
        self.retry_delays = retry_delays
        self.tick = tick
        self.awake = threading.Event()
        self.stopping = threading.Event()
        self.under_way: set[int] = set()
        self.pool = ThreadPoolExecutor(PARALLEL, thread_name_prefix="standin-delivery")
        self.thread = threading.Thread(target=self._work, name="standin-courier", daemon=True)

    def start(self) -> None:
        """Begin to deliver."""
        self.thread.start()

    def stop(self) -> None:
        """Finish the deliveries under way and leave the others in the queue."""
        self.stopping.set()
        self.awake.set()
        self.thread.join()
        self.pool.shutdown(wait=True, cancel_futures=True)

    def wake(self) -> None:
        """Look at the queue now."""
        self.awake.set()

    def wait_until_idle(self, timeout: float = TIMEOUT) -> bool:
        """Wait until nothing is left to be delivered or tried again; tell whether that came about."""
        limit = time.monotonic() + timeout
        while self.under_way or self.store.due_deliveries(float("inf")):
            if time.monotonic() > limit:
                return False
            time.sleep(0.01)
        return True

    def _work(self) -> None:
        while not self.stopping.is_set():
            self.tick()
            for delivery in self.store.due_deliveries(time.time()):
                if delivery.id not in self.under_way:
                    self.under_way.add(delivery.id)
                    self.pool.submit(self._deliver, delivery)
            self.awake.wait(TICK)
            self.awake.clear()

    def _deliver(self, delivery: Delivery) -> None:
        try:
            with self.store.lock:
                event = self.store.get("event", delivery.event)
                endpoint = self.store.get("webhook_endpoint", delivery.endpoint)
            wanted = bool(event and endpoint and endpoint["status"] == "enabled")
            delivered = bool(wanted and event and endpoint and post(endpoint, event))
            retry_at = self._retry_at(delivery) if wanted and not delivered else None
            self._settle(delivery, delivered=delivered, retry_at=retry_at)
        finally:
            self.under_way.discard(delivery.id)

    def _settle(self, delivery: Delivery, *, delivered: bool, retry_at: float | None) -> None:
        with self.store.transaction():
            self.store.settle_delivery(delivery, delivered=delivered, retry_at=retry_at)
            event = self.store.get("event", delivery.event)
            if event:
                self.store.save({**event, "pending_webhooks": self.store.undelivered(delivery.event)})

    def _retry_at(self, delivery: Delivery) -> float | None:
        if delivery.attempts >= len(self.retry_delays):
            return None
        return time.time() + self.retry_delays[delivery.attempts]


def post(endpoint: Document, event: Document) -> bool:
    """Send one event and tell whether it was accepted: any answer but 2xx, a redirect too, is a failure."""
    url = urlsplit(endpoint["url"])
    if not is_loopback(url.hostname or "") or url.scheme != "http":
        return False
    body = json.dumps(presenting.plain(event), indent=2).encode()
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "Stripe-Signature": signature(body, endpoint["_secret"], int(time.time())),
        "User-Agent": "Stripe/1.0 (stand-in)",
    }
    connection = http.client.HTTPConnection(str(url.hostname), url.port or 80, timeout=TIMEOUT)
    try:
        connection.request("POST", f"{url.path or '/'}{'?' if url.query else ''}{url.query}", body, headers)
        return 200 <= connection.getresponse().status < 300
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine: nothing is ever sent further."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def signature(body: bytes, secret: str, moment: int) -> str:
    """Return the Stripe-Signature header for a raw body."""
    signed = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={moment},v1={signed}"
