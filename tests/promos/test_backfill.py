"""Bringing in an account whose past nobody here has heard of."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from promos import redemptions, stripe_gateway
from promos.backfill import chronology, past, sources, walk
from promos.backfill.steps import Tally
from promos.models import LedgerEntry, PromoCode, PromoCodeUsage, SyncCursor
from promos.sync import pull, push
from tests import past_account
from tests.past_account import PastAccount
from tests.standin import faults, spec
from tests.standin.faults import Faults
from tests.standin.recorder import Recorder

pytestmark = pytest.mark.django_db


@pytest.fixture
def account(settings: Settings) -> Iterator[PastAccount]:
    with past_account.opened() as opened:
        settings.STRIPE_HOST = opened.standin.url
        yield opened


@pytest.fixture
def lived(account: PastAccount) -> PastAccount:
    past_account.live_through(account)
    return account


def counts(tally: Tally) -> dict[str, tuple[int, int]]:
    return {name: (count.seen, count.new) for name, count in tally.counts.items()}


ENTRY = ("kind", "stripe_object_id", "usage__promo_code__code", "plan", "interval", "is_new_customer")
AMOUNTS = ("gross_amount", "discount_amount", "net_amount")
USAGE = ("redemption_key", "promo_code__code", "customer__stripe_customer_id", "redeemed_at")


def everything() -> list[Any]:
    """Every row that a backfill writes, but for keys and the times of the run itself."""
    entries = LedgerEntry.objects.order_by("kind", "stripe_object_id")
    usages = PromoCodeUsage.objects.order_by("redemption_key")
    codes = PromoCode.objects.order_by("code")
    return [
        list(entries.values_list(*ENTRY, *AMOUNTS, "occurred_at")),
        list(usages.values_list(*USAGE, *AMOUNTS)),
        list(codes.values_list("code", "used_count", "held_count", "sync_status")),
    ]


def test_backfill_brings_in_codes_orders_and_refunds(lived: PastAccount, now: datetime) -> None:
    tally = walk.run(now=now)
    assert tally.failures == []
    assert counts(tally) == {
        "coupons": (2, 2),
        "codes": (2, 2),
        "checkout sessions": (4, 4),
        # The first invoices are those of two sessions.
        "invoices": (8, 6),
        "subscriptions": (2, 2),
        "refunds": (1, 1),
        "disputes": (1, 1),
        "credit notes": (1, 1),
    }
    assert dict(PromoCode.objects.values_list("code", "used_count")) == {"LAUNCH": 1, "SETUP": 1}
    assert sum(LedgerEntry.objects.values_list("gross_amount", flat=True)) == 2 * 29950 + 6 * 9950 + 2 * 20000
    assert sum(LedgerEntry.objects.values_list("discount_amount", flat=True)) == 29950 // 2 + 2000
    paid_back = LedgerEntry.objects.exclude(order=None).values_list("kind", "net_amount")
    call_command("verify_analytics", stdout=StringIO())
    assert dict(paid_back) == {"refund": -5000, "dispute": -18000, "credit_note": -1000}


def test_past_orders_keep_their_dates_plans_and_customers(lived: PastAccount, now: datetime) -> None:
    walk.run(now=now)
    usage = PromoCodeUsage.objects.get(promo_code__code="LAUNCH")
    first = LedgerEntry.objects.get(usage=usage, kind="checkout")
    renewals = LedgerEntry.objects.filter(usage=usage, kind="invoice").order_by("occurred_at")
    assert abs(usage.redeemed_at - (now - timedelta(days=100))) < timedelta(hours=1)
    assert (first.plan, first.interval, first.is_new_customer) == (lived.shop.plan, "month", True)
    assert [renewal.net_amount for renewal in renewals] == [9950, 9950, 9950]
    single = LedgerEntry.objects.get(usage__promo_code__code="SETUP", kind="checkout")
    assert (single.plan, single.interval) == (lived.shop.fee, "")


def test_backfill_leaves_nothing_to_push(lived: PastAccount, now: datetime) -> None:
    walk.run(now=now)
    recorder = lived.standin.api = Recorder(lived.standin.api)
    while push.work(now):
        pass
    assert set(PromoCode.objects.values_list("sync_status", flat=True)) == {"synced"}
    assert recorder.count("POST") == 0


def test_every_question_is_one_that_stripe_knows(lived: PastAccount, now: datetime) -> None:
    if not spec.is_here():
        pytest.skip("needs Stripe's spec")
    recorder = lived.standin.api = Recorder(lived.standin.api)
    walk.run(now=now)
    assert spec.problems(recorder.calls) == []


def test_payment_under_way_is_left_to_its_event(
    lived: PastAccount, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def as_unpaid(**params: Any) -> Iterator[dict[str, Any]]:
        for found in stripe_gateway.list_checkout_sessions(status="complete", **params):
            yield found | {"payment_status": "unpaid"}

    sessions = replace(sources.SOURCES[0], listing=as_unpaid)
    monkeypatch.setattr(past, "SOURCES", [sessions])
    assert counts(walk.run(now=now))["checkout sessions"] == (4, 0)
    assert not PromoCodeUsage.objects.exists()


def test_code_switched_off_is_brought_in_as_paused(lived: PastAccount, now: datetime) -> None:
    walk.run(now=now)
    code = PromoCode.objects.get(code="LAUNCH")
    assert (code.paused_at, code.sync_status) == (now, "synced")


def test_second_backfill_adds_nothing(lived: PastAccount, now: datetime) -> None:
    walk.run(now=now)
    before = everything()
    tally = walk.run(now=now)
    assert everything() == before
    assert sum(count.new for count in tally.counts.values()) == 0
    assert tally.counts["invoices"].seen == 8


def test_backfill_after_some_was_recorded_fills_the_gaps(lived: PastAccount, now: datetime) -> None:
    walk.run(now=now)
    before = everything()
    LedgerEntry.objects.exclude(order=None).delete()
    LedgerEntry.objects.all().delete()
    PromoCodeUsage.objects.all().delete()
    PromoCode.objects.update(used_count=0)
    sessions = list(stripe_gateway.list_checkout_sessions(status="complete", expand=["data.line_items"]))
    # As by webhook: the newest first, and the second one's invoice before its session.
    redemptions.record(sessions[0], event=None, now=datetime.fromtimestamp(sessions[0]["created"], UTC))
    for invoice in stripe_gateway.list_invoices(subscription=sessions[2]["subscription"]):
        redemptions.record_invoice(invoice, event=None, now=now)
    walk.run(now=now)
    assert everything() == before


def test_dry_run_foresees_what_a_run_then_does_and_writes_nothing(lived: PastAccount, now: datetime) -> None:
    foreseen = walk.run(now=now, dry_run=True)
    assert not PromoCode.objects.exists()
    assert not LedgerEntry.objects.exists()
    assert not SyncCursor.objects.exists()
    assert counts(foreseen) == counts(walk.run(now=now))
    assert sum(count.new for count in walk.run(now=now, dry_run=True).counts.values()) == 0


def test_code_of_a_deleted_coupon_keeps_its_redemptions(account: PastAccount, now: datetime) -> None:
    code = account.code("GONE")
    account.buy(code)
    account.dashboard.delete_coupon(code.promotion.coupon)
    tally = walk.run(now=now)
    assert tally.failures == []
    assert PromoCodeUsage.objects.get().promo_code.code == "GONE"


def test_of_equal_texts_the_active_one_is_the_code(account: PastAccount, now: datetime) -> None:
    old = account.code("TWICE")
    account.buy(old)
    account.dashboard.deactivate_code(old.id)
    account.buy(account.code("TWICE"), email="second@example.com")
    walk.run(now=now)
    active = PromoCode.objects.not_archived().get()
    assert (active.used_count, active.paused_at) == (1, None)
    assert PromoCode.objects.exclude(pk=active.pk).get().used_count == 1


def is_unfinished() -> bool:
    return SyncCursor.objects.filter(name=walk.CURSOR, finished_at=None).exists()


def test_account_without_a_past_is_no_trouble(account: PastAccount, now: datetime) -> None:
    assert walk.run(now=now).counts == {}
    assert not is_unfinished()


def test_stopped_walk_continues_where_it_was(lived: PastAccount, now: datetime, monkeypatch: Any) -> None:
    monkeypatch.setattr(walk, "SAVED_EVERY", 1)
    with pytest.raises(InterruptedError):
        walk.run(now=now, watch=_stop_at("refunds"))
    assert is_unfinished()
    reached_at = SyncCursor.objects.get().reached_at
    tally = walk.run(now=now)
    assert tally.continued_at == reached_at is not None
    # The two sessions that were done are not looked at again, and nothing is there twice.
    assert tally.counts["checkout sessions"].seen < 4
    assert (LedgerEntry.objects.count(), is_unfinished()) == (13, False)


def test_order_that_cannot_be_recorded_stops_neither_the_rest_nor_the_next_run(
    lived: PastAccount, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    *_, strange = stripe_gateway.list_checkout_sessions(status="complete")
    record = redemptions.record

    def record_all_but_one(session: Any, **rest: Any) -> Any:
        if session["id"] == strange["id"]:
            raise ValueError("strange")
        return record(session, **rest)

    with monkeypatch.context() as patched:
        patched.setattr(redemptions, "record", record_all_but_one)
        tally = walk.run(now=now)
    assert tally.failures == [f"{strange['id']}: ValueError: strange"]
    assert is_unfinished()
    walk.run(now=now)
    assert (LedgerEntry.objects.count(), is_unfinished()) == (13, False)
    assert LedgerEntry.objects.filter(stripe_session_id=strange["id"]).exists()


def test_code_that_is_strange_stops_neither_the_rest_nor_the_orders(
    lived: PastAccount, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    strange, *_ = stripe_gateway.list_promotion_codes(active=True)
    take_in = pull.promotion_code
    monkeypatch.setattr(
        pull,
        "promotion_code",
        lambda code_id, **rest: take_in(code_id, **rest) if code_id != strange["id"] else 1 / 0,
    )
    tally = walk.run(now=now)
    assert tally.failures == [f"{strange['id']}: ZeroDivisionError: division by zero"]
    assert LedgerEntry.objects.count() == 13


def test_walk_waits_while_stripe_does_not_answer(lived: PastAccount, now: datetime, monkeypatch: Any) -> None:
    monkeypatch.setattr(chronology, "WAITS", (0, 0, 0))
    trouble = Faults(lived.standin)
    trouble.next(trouble.outage, times=3, path="/v1/checkout/sessions")
    trouble.next(trouble.too_many, times=3, path="/v1/invoices")
    walk.run(now=now)
    assert LedgerEntry.objects.count() == 13


def test_walk_gives_up_when_stripe_stays_away(lived: PastAccount, now: datetime, monkeypatch: Any) -> None:
    monkeypatch.setattr(chronology, "WAITS", (0, 0))
    trouble = Faults(lived.standin)
    trouble.always(trouble.outage, path="/v1/invoices")
    with pytest.raises(stripe_gateway.Unavailable):
        walk.run(now=now)
    trouble.clear()
    walk.run(now=now)
    assert LedgerEntry.objects.count() == 13


@pytest.mark.parametrize("apart", [0, 1000])
def test_oldest_first_reads_several_pages_in_order(account: PastAccount, apart: int) -> None:
    """Also when more than a page of them were made in one second."""
    account.clock.set(int(account.clock()) + 1000)
    second = account.clock()
    account.standin.core.clock = lambda: second + apart * (number // 50)
    for number in range(205):
        account.dashboard.create_product(f"Product {number}")
    found = list(chronology.oldest_first(stripe_gateway.list_products))
    assert [one["name"] for one in found] == [
        "Team",
        "Setup",
        *(f"Product {number}" for number in range(205)),
    ]


@pytest.mark.parametrize(("seconds", "left"), [(0, 3), (1, 2), (101, 1), (5000, 0)])
def test_oldest_first_begins_at_a_moment(account: PastAccount, seconds: int, left: int) -> None:
    begun = int(account.clock()) + 1000
    for after in (0, 100, 1000):
        account.clock.set(begun + after)
        account.dashboard.create_product()
    since = datetime.fromtimestamp(begun + seconds, UTC)
    assert len(list(chronology.oldest_first(stripe_gateway.list_products, since=since))) == left


def test_walk_asks_stripe_by_pages(lived: PastAccount, now: datetime) -> None:
    walk.run(now=now)
    recorder = lived.standin.api = Recorder(lived.standin.api)
    walk.run(now=now)
    # Coupons and two lists of codes; of each other list its oldest object and what follows.
    assert len(recorder.calls) == 3 + 6 * 2


def test_command_counts_and_continues(lived: PastAccount, settings: Settings) -> None:
    settings.STRIPE_REQUESTS_PER_SECOND = settings.STRIPE_REQUESTS_PER_SECOND_PER_ENDPOINT = 1000
    dry, real, as_json = StringIO(), StringIO(), StringIO()
    call_command("backfill_stripe", "--dry-run", stdout=dry)
    call_command("backfill_stripe", stdout=real)
    call_command("backfill_stripe", "--json", stdout=as_json)
    assert "checkout sessions: 4 would be brought in, of 4" in dry.getvalue()
    assert "invoices: 6 brought in, of 8" in real.getvalue()
    answer = json.loads(as_json.getvalue())
    assert (answer["ok"], answer["counts"]["refunds"]) == (True, {"seen": 1, "new": 0})


def test_command_says_what_stripe_refuses(account: PastAccount) -> None:
    Faults(account.standin).always(faults.restricted("rak_coupon_read"), path="/v1/invoices")
    with pytest.raises(CommandError, match="Stripe does not accept the key"):
        call_command("backfill_stripe", stdout=StringIO())


def _stop_at(name: str) -> Any:
    def watch(tally: Tally) -> None:
        if name in tally.counts:
            raise InterruptedError

    return watch
