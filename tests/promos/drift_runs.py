"""Runs of the drift doctor: what it finds, what it repairs, and that it then finds nothing more."""

from datetime import datetime

from promos.models import (
    DriftFinding,
    PromoCode,
    StripePromotionCode,
)
from promos.sync.drift import doctor
from tests.promos import sides

Kind = DriftFinding.Kind


def found(now: datetime) -> list[DriftFinding]:
    """Return what a run that only looks finds; it must leave both sides as they are."""
    before = (list(PromoCode.objects.values()), list(StripePromotionCode.objects.values()))
    run = doctor.run(is_repairing=False, now=now)
    assert not run.error
    assert (list(PromoCode.objects.values()), list(StripePromotionCode.objects.values())) == before
    return list(run.findings.order_by("pk"))


def repaired(now: datetime) -> list[DriftFinding]:
    run = doctor.run(is_repairing=True, now=now)
    assert not run.error
    return list(run.findings.order_by("pk"))


def check(now: datetime, kind: Kind, *, sentence: str) -> None:
    """Find one difference, repair it, and find none any more, also when repairing twice."""
    assert [(each.kind, each.outcome) for each in found(now)] == [(kind, "found")]
    [finding] = repaired(now)
    assert (finding.kind, finding.outcome, finding.sentence) == (kind, "repaired", sentence)
    assert repaired(now) == []
    sides.push_all(now)
    assert found(now) == []
