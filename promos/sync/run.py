"""One push of one code: which code, as of when, under which lease."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.db import transaction

from promos import leases
from promos.models import PromoCode

#: Longer than a request and the look-up before it can take, even when both time out. It is extended as the
#: push goes on, so a killed worker's codes are free again after at most this.
LEASE = timedelta(minutes=1)


class Run:
    """A claimed code while it is pushed. Every method raises ``leases.Lost`` once another worker has the code."""

    def __init__(self, code: PromoCode, *, now: datetime) -> None:
        self.code, self.started_at = code, now
        self.token, self.began = code.lease_token, time.monotonic()

    @property
    def now(self) -> datetime:
        return self.started_at + timedelta(seconds=time.monotonic() - self.began)

    def read(self) -> None:
        """Read the code again: it may be edited while Stripe is asked."""
        related = PromoCode.objects.select_related("offer", "campaign", "customer")
        self.code = related.get(pk=self.code.pk)

    def keep_lease(self) -> None:
        """Make sure of the lease, before each request that changes something at Stripe."""
        leases.extend(PromoCode, self.code.pk, self.token, until=self.now + LEASE)

    @contextmanager
    def saving(self) -> Iterator[None]:
        """Save what follows in one transaction, with the code locked, if the lease is still ours."""
        with transaction.atomic():
            self.keep_lease()
            yield

    def end(self, **fields: object) -> None:
        """Save how the push went, and end the lease."""
        held = PromoCode.objects.filter(pk=self.code.pk, lease_token=self.token)
        if not held.update(lease_until=None, lease_token="", **fields):
            raise leases.Lost
