from datetime import datetime, timedelta

import pytest
from pytest_django import Settings

from promos import plans, stripe_gateway
from promos.billing import code_checks
from promos.billing.code_checks import Entry
from promos.eligibility import Reason, Verdict
from promos.models import CodeCheck, Customer, PromoCode
from promos.plans import Plan
from promos.standin.server import Standin
from tests import factories, shop

pytestmark = pytest.mark.django_db


@pytest.fixture
def plan(standin: Standin) -> Plan:
    found = plans.get(shop.open_shop().monthly)
    assert found
    return found


def ask(text: str, customer: Customer, plan: Plan, now: datetime, *, entry: Entry = Entry.APPLIED) -> Verdict:
    return code_checks.check(text, customer=customer, plan=plan, now=now, entry=entry)


def recorded() -> list[tuple[str, str]]:
    return list(CodeCheck.objects.order_by("pk").values_list("text", "reason"))


def test_check_accepts_what_we_and_stripe_accept(customer: Customer, plan: Plan, now: datetime) -> None:
    shop.give_code("SPRING20")
    verdict = ask(" spring20 ", customer, plan, now)
    assert verdict.is_accepted
    assert verdict.quote
    assert verdict.quote.net_amount == 23_960
    assert recorded() == [("SPRING20", "")]


def test_check_refuses_what_stripe_has_switched_off(customer: Customer, plan: Plan, now: datetime) -> None:
    code = shop.give_code("SPRING20")
    stripe_gateway.update_promotion_code(code_checks.stripe_promotion_code_id(code) or "", {"active": False})
    assert ask("SPRING20", customer, plan, now).reason == Reason.STRIPE_REFUSED


def test_check_says_later_when_stripe_is_down(
    customer: Customer, plan: Plan, now: datetime, settings: Settings
) -> None:
    shop.give_code("SPRING20")
    settings.STRIPE_HOST = "http://127.0.0.1:9"
    assert ask("SPRING20", customer, plan, now).reason == Reason.TRY_LATER
    assert recorded() == [("SPRING20", "try_later")]


@pytest.mark.parametrize(
    ("sync_status", "reason"), [("pending", Reason.TRY_LATER), ("error", Reason.STRIPE_REFUSED)]
)
def test_check_refuses_a_code_whose_terms_stripe_lacks(
    customer: Customer, plan: Plan, now: datetime, sync_status: str, reason: Reason
) -> None:
    shop.give_code("SPRING20")
    PromoCode.objects.update(sync_status=sync_status)
    assert ask("SPRING20", customer, plan, now).reason == reason


def test_check_says_later_for_a_code_that_was_never_pushed(
    customer: Customer, plan: Plan, now: datetime
) -> None:
    factories.PromoCodeFactory(code="FRESH")
    assert ask("FRESH", customer, plan, now).reason == Reason.TRY_LATER


def test_check_records_no_half_typed_text(customer: Customer, plan: Plan, now: datetime) -> None:
    shop.give_code("SPRING20")
    for text in ("SPR", "SPRING", "SPRING20"):
        ask(text, customer, plan, now, entry=Entry.TYPED)
    assert recorded() == [("SPRING20", "")]


def test_check_records_a_wrong_text_when_it_is_applied(customer: Customer, plan: Plan, now: datetime) -> None:
    ask("SPRANG20", customer, plan, now, entry=Entry.TYPED)
    ask("SPRANG20", customer, plan, now)
    assert recorded() == [("SPRANG20", "not_found")]


def test_check_records_a_repeated_entry_once_in_half_an_hour(
    customer: Customer, plan: Plan, now: datetime
) -> None:
    for minutes in (0, 5, 29, 31):
        ask("SPRANG20", customer, plan, now + timedelta(minutes=minutes))
    assert recorded() == [("SPRANG20", "not_found")] * 2


@pytest.mark.parametrize(
    "text", ["A" * 300, "\0", "\uff2c\uff21\0", "💥", "'; --", "%s%n", "K" + "\u0301" * 500]
)
def test_check_answers_any_text(customer: Customer, plan: Plan, now: datetime, text: str) -> None:
    assert ask(text, customer, plan, now).reason == Reason.NOT_FOUND
    assert CodeCheck.objects.count() == 1


def test_check_brakes_who_tries_many_codes(customer: Customer, plan: Plan, now: datetime) -> None:
    shop.give_code("SPRING20")
    tried = [ask(f"GUESS{number}", customer, plan, now, entry=Entry.BROUGHT) for number in range(9)]
    assert [verdict.reason for verdict in tried] == [Reason.NOT_FOUND] * 8 + [Reason.TRY_LATER]
    assert ask("SPRING20", customer, plan, now).wait == timedelta(seconds=2)
    assert recorded() == []


def test_check_leaves_answers_to_who_types_slowly(customer: Customer, plan: Plan, now: datetime) -> None:
    shop.give_code("SPRING20")
    typed = [ask("SPRING20"[:length], customer, plan, now, entry=Entry.TYPED) for length in range(1, 9)]
    assert [verdict.is_unasked for verdict in typed] == [False] * 4 + [True] * 4
    assert ask("SPRING20", customer, plan, now).is_accepted
    assert ask("SPRING20", customer, plan, now, entry=Entry.TYPED).is_accepted


def test_check_tells_who_is_braked_while_typing_too(customer: Customer, plan: Plan, now: datetime) -> None:
    for number in range(8):
        ask(f"GUESS{number}", customer, plan, now)
    told = ask("GUESS9", customer, plan, now, entry=Entry.TYPED)
    assert (told.is_unasked, told.wait) == (False, timedelta(seconds=2))


def test_check_tells_again_freely_what_it_told(customer: Customer, plan: Plan, now: datetime) -> None:
    shop.give_code("SPRING20")
    for number in range(8):
        ask(f"GUESS{number}", customer, plan, now)
    assert ask("GUESS3", customer, plan, now).reason == Reason.NOT_FOUND
    assert ask("GUESS9", customer, plan, now).reason == Reason.TRY_LATER
