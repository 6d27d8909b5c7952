"""The owner, the dashboard, customers, the clock, events in any order and a failing Stripe, in any mixture.

Hypothesis looks for a course of events after which we and Stripe do not come to the same.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from unittest import mock

import pytest
from django.db import transaction
from django.test import override_settings
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from promos import stripe_gateway
from promos.models import PromoCode, WebhookEvent
from promos.standin import server
from promos.sync import push, terms
from promos.webhooks import receivers
from tests import audit
from tests.factories import PromoCodeFactory
from tests.flows import naive_push
from tests.promos.uses import give_back, redeem
from tests.standin.faults import Faults
from tests.standin.keys import KeyBook

HOUR = timedelta(hours=1)
START = 1_900_000_000.0
FAULTS = ["outage", "drop_after_commit", "too_many", "error_before_commit", "error_after_commit"]
WRITTEN = ["/v1/coupons", "/v1/promotion_codes"]
WATCHED = ("promotion_code.", "coupon.")

DEPTH = settings(
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)

which = st.integers(0, 99)
hours = st.integers(1, 60)
caps = st.none() | st.integers(1, 3)


class Sync(RuleBasedStateMachine):
    push = staticmethod(push.work)

    def __init__(self) -> None:
        super().__init__()
        # One clock for both sides, which only the rules move: a course of events can be run again as it was.
        self.seconds = START
        self.time = mock.patch("django.utils.timezone.now", side_effect=lambda: self.now)
        self.time.start()
        self.standin = server.start(clock=lambda: self.seconds)
        self.faults = Faults(self.standin)
        self.book = KeyBook(self.standin)
        self.delivered: set[str] = set()
        self.touched_there: set[int] = set()
        self.texts = 0
        self.settings = override_settings(STRIPE_HOST=self.standin.url)
        self.settings.enable()
        self.rows = transaction.atomic()
        self.rows.__enter__()

    def teardown(self) -> None:
        try:
            self.heal()
            assert audit.problems(self.book, now=self.now, may_conflict=self.touched_there) == []
        finally:
            transaction.set_rollback(True)
            self.rows.__exit__(None, None, None)
            self.settings.disable()
            self.time.stop()
            self.standin.stop()

    def heal(self) -> None:
        for _ in range(8):
            self.seconds += 1200
            for event in self.events():
                self.receive(event)
            while self.push(self.now):
                pass

    @property
    def now(self) -> datetime:
        return datetime.fromtimestamp(self.seconds, UTC)

    def code(self, number: int) -> PromoCode:
        codes = PromoCode.objects.not_archived().select_related("offer").order_by("pk")
        return codes[number % codes.count()]

    def text(self) -> str:
        self.texts += 1
        return f"TEXT{self.texts}"

    def has_codes(self) -> bool:
        return PromoCode.objects.not_archived().exists()

    def has_pushed_codes(self) -> bool:
        return self.has_codes() and all(terms.current(self.code(n)) for n in range(3))

    # The owner

    @initialize(cap=caps)
    def begin(self, cap: int | None) -> None:
        PromoCodeFactory(code=self.text(), max_redemptions=cap)

    @rule(cap=caps, starts_in=st.none() | hours, lasts=st.none() | hours)
    def create(self, cap: int | None, starts_in: int | None, lasts: int | None) -> None:
        starts_at = self.now + starts_in * HOUR if starts_in else None
        expires_at = (starts_at or self.now) + lasts * HOUR if lasts else None
        PromoCodeFactory(code=self.text(), max_redemptions=cap, starts_at=starts_at, expires_at=expires_at)

    @precondition(has_codes)
    @rule(number=which, percent=st.integers(1, 99))
    def edit_value(self, number: int, percent: int) -> None:
        offer = self.code(number).offer
        offer.kind, offer.percent_off = "percent", percent
        offer.save()

    @precondition(has_codes)
    @rule(number=which, name=st.sampled_from(["Spring", "Autumn"]))
    def rename(self, number: int, name: str) -> None:
        offer = self.code(number).offer
        offer.name = name
        offer.save()

    @precondition(has_codes)
    @rule(number=which)
    def edit_text(self, number: int) -> None:
        code = self.code(number)
        code.code = self.text()
        code.save(update_fields=["code"])

    @precondition(has_codes)
    @rule(number=which, cap=caps)
    def edit_cap(self, number: int, cap: int | None) -> None:
        code = self.code(number)
        code.max_redemptions = cap
        code.save(update_fields=["max_redemptions"])

    @precondition(has_codes)
    @rule(number=which)
    def pause_or_resume(self, number: int) -> None:
        code = self.code(number)
        code.paused_at = None if code.paused_at else self.now
        code.save(update_fields=["paused_at"])

    @precondition(has_codes)
    @rule(number=which)
    def archive(self, number: int) -> None:
        code = self.code(number)
        code.archived_at = self.now
        code.save(update_fields=["archived_at"])

    # The dashboard

    @precondition(has_pushed_codes)
    @rule(number=which, is_on=st.booleans())
    def switch_there(self, number: int, is_on: bool) -> None:
        generation = terms.current(self.code(number))
        if generation is not None:
            self.touched_there.add(generation.promo_code_id)
            self.act(f"/v1/promotion_codes/{generation}", {"active": str(is_on).lower()})

    @precondition(has_pushed_codes)
    @rule(number=which, name=st.sampled_from(["Spring", "Winter"]))
    def rename_there(self, number: int, name: str) -> None:
        generation = terms.current(self.code(number))
        if generation is not None:
            self.touched_there.add(generation.promo_code_id)
            self.act(f"/v1/coupons/{generation.stripe_coupon}", {"name": name})

    @rule(cap=caps)
    def create_there(self, cap: int | None) -> None:
        coupon = self.act("/v1/coupons", {"percent_off": "15", "duration": "once"})
        promotion = {"type": "coupon", "coupon": coupon}
        limit = {"max_redemptions": str(cap)} if cap else {}
        self.act("/v1/promotion_codes", {"promotion": promotion, "code": self.text(), **limit})

    # Customers

    @precondition(has_pushed_codes)
    @rule(number=which, is_given_back=st.booleans())
    def use(self, number: int, is_given_back: bool) -> None:
        generation = terms.current(self.code(number))
        if generation is None:
            return
        found = stripe_gateway.retrieve_promotion_code(generation.stripe_promotion_code_id or "")
        if found["active"]:
            usage = redeem(self.standin, generation.promo_code)
            if is_given_back:
                give_back(usage)

    # Time, the worker, and the post

    @rule(count=hours)
    def pass_time(self, count: int) -> None:
        self.seconds += count * 3600

    @rule(fault=st.sampled_from(FAULTS), path=st.sampled_from(WRITTEN))
    def trouble(self, fault: str, path: str) -> None:
        """Let Stripe fail at the next such call, whenever it comes."""
        self.faults.next(getattr(self.faults, fault), method="POST", path=path)

    @rule(pushes=st.integers(1, 4))
    def work(self, pushes: int) -> None:
        for _ in range(pushes):
            self.push(self.now)

    @rule(data=st.data())
    def deliver(self, data: st.DataObject) -> None:
        events = self.events()
        for event in data.draw(st.permutations(events))[:3] if events else ():
            self.receive(event)

    def events(self) -> list[stripe_gateway.StripeObject]:
        """The events not received yet, the newest first."""
        found = stripe_gateway.list_events()
        return [
            each for each in found if each["type"].startswith(WATCHED) and each["id"] not in self.delivered
        ]

    def receive(self, payload: stripe_gateway.StripeObject) -> None:
        row = WebhookEvent(
            stripe_event_id=payload["id"],
            type=payload["type"],
            object_id=payload["data"]["object"]["id"],
            payload=payload,
            received_at=self.now,
        )
        try:
            receivers.run(row, self.now)
        except stripe_gateway.Unavailable:
            return  # It comes again.
        self.delivered.add(payload["id"])

    def act(self, path: str, params: dict[str, object]) -> str:
        """Do what a button of the dashboard does, and return the object's id; what Stripe refuses does not happen."""
        headers = {"authorization": "Bearer sk_test_dashboard"}
        answer = self.standin.core.handle(server.Request("POST", path, params, headers))
        return str(json.loads(answer.body).get("id", ""))


class NaiveSync(Sync):
    push = staticmethod(naive_push.work)


@pytest.mark.slow
@pytest.mark.django_db
def test_we_and_stripe_come_to_the_same_after_anything() -> None:
    run_state_machine_as_test(Sync, settings=settings(DEPTH, max_examples=50))


@pytest.mark.slow
@pytest.mark.django_db
def test_naive_push_and_stripe_do_not() -> None:
    with pytest.raises(AssertionError):
        run_state_machine_as_test(NaiveSync, settings=settings(DEPTH, phases=[Phase.generate]))
