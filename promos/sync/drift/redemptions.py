"""Uses that Stripe counts and nobody here has recorded: the orders behind them are looked for and recorded.

Stripe counting fewer than we do is no difference: history may have come from
elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from promos import orders, redemptions, stripe_gateway
from promos.models import LedgerEntry, WebhookEvent
from promos.orders import Order
from promos.redemptions import recording
from promos.stripe_gateway import StripeObject
from promos.sync.drift.survey import Difference, Gap, Kind, Survey

#: Older orders are the backfill's.
LOOK_BACK = timedelta(days=30)

Record = Callable[..., LedgerEntry | None]


@dataclass(frozen=True)
class _Source:
    """A kind of object by which an order is known at Stripe."""

    list_since: Callable[[int], Iterator[StripeObject]]
    order_of: Callable[[StripeObject], Order]
    record: Record


_SOURCES = (
    _Source(
        lambda since: stripe_gateway.list_checkout_sessions(status="complete", created={"gte": since}),
        orders.of_session,
        redemptions.record,
    ),
    _Source(
        lambda since: stripe_gateway.list_invoices(status="paid", created={"gte": since}),
        orders.of_invoice,
        redemptions.record_invoice,
    ),
)


def differences(survey: Survey) -> Iterator[Difference]:
    """Look for the orders behind the gaps that the survey met; nothing is asked when there is none."""
    left = {gap.generation.stripe_promotion_code_id: gap for gap in survey.gaps}
    since = int((survey.now - LOOK_BACK).timestamp())
    met: set[str] = set()
    for source in _SOURCES:
        if not left:
            return
        for found in source.list_since(since):
            order = source.order_of(found)
            gap = left.get(order.stripe_promotion_code_id)
            if gap is None or order.redemption_key in met or not _is_missing(order):
                continue
            met.add(order.redemption_key)
            left |= _less(gap)
            yield _missing(order, gap, partial(_record, source.record, found))
    for gap in left.values():
        if gap.uses > 0:
            yield _unexplained(gap)


def _is_missing(order: Order) -> bool:
    return order.is_settled and not order.is_renewal and not recording.is_recorded(order)


def _less(gap: Gap) -> dict[str | None, Gap]:
    return {gap.generation.stripe_promotion_code_id: Gap(gap.generation, gap.uses - 1)}


def _record(record: Record, found: StripeObject) -> bool:
    event: WebhookEvent | None = None
    return record(found, event=event, now=orders.moment(found["created"])) is not None


def _missing(order: Order, gap: Gap, repair: Callable[[], bool]) -> Difference:
    code = gap.generation.promo_code
    stripe_id = order.session_id or order.invoice_id
    return Difference(
        Kind.REDEMPTION_MISSING,
        f"A redemption of {code} in Stripe ({stripe_id}) was not recorded here.",
        code,
        stripe_id=stripe_id,
        repair=repair,
    )


def _unexplained(gap: Gap) -> Difference:
    code, count = gap.generation.promo_code, gap.uses
    uses = "1 use" if count == 1 else f"{count} uses"
    return Difference(
        Kind.COUNTER_GAP,
        f"Stripe counts {uses} of {code} more than are recorded here; backfill_stripe looks further back.",
        code,
        stripe_id=gap.generation.stripe_promotion_code_id or "",
    )
