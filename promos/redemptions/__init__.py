"""Uses of codes: held while a checkout is open, recorded when Stripe took the payment, followed to their end.

Only ``hold`` can refuse. What Stripe took is always recorded and counted, even
past a limit. Every operation is one transaction that locks in the same order:
customers, attempt, usage, campaigns, codes, totals: the row that most buyers share
comes last. Each may run any number of times and in any order with the others; in the
end there are the same rows.
"""

from promos.redemptions.given import give_up, note_given
from promos.redemptions.holds import hold, release
from promos.redemptions.late_payments import expire, fail
from promos.redemptions.limits import NothingLeft, lock_person
from promos.redemptions.linking import link, link_known
from promos.redemptions.recording import record, record_invoice
from promos.redemptions.reversals import record_credit_note, record_dispute, record_refund
from promos.redemptions.subscriptions import note_subscription

__all__ = [
    "NothingLeft",
    "expire",
    "fail",
    "give_up",
    "hold",
    "link",
    "link_known",
    "lock_person",
    "note_given",
    "note_subscription",
    "record",
    "record_credit_note",
    "record_dispute",
    "record_invoice",
    "record_refund",
    "release",
]
