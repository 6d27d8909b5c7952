"""A second person for what gives much away: what needs one, who may be it, and that nothing works before."""

from datetime import datetime
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import IntegrityError
from pytest_django import Settings

from promos import approval, campaigns, codes, eligibility, plans, promo_codes
from promos.models import Campaign, CodeBatch, Customer, Offer, PromoCode
from promos.standin.server import Standin
from promos.sync import push
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _required(settings: Settings) -> None:
    settings.APPROVAL_REQUIRED = True
    settings.APPROVAL_BUDGETS = {"usd": 100_000}


@pytest.fixture
def second(db: None) -> User:
    return factories.user("second@example.com", "second", is_staff=True, is_superuser=True)


@pytest.fixture
def waiting(owner: User, now: datetime) -> PromoCode:
    return promo_codes.create(PromoCode(code="FREE"), offer=Offer(kind="free"), now=now, by=owner)


def shown(row: PromoCode | Campaign) -> set[str]:
    """What somebody has seen who looks at a code or a campaign now."""
    if isinstance(row, PromoCode):
        return {approval.fingerprint_of_code(PromoCode.objects.get(pk=row.pk))}
    return {approval.fingerprint_of_campaign(Campaign.objects.get(pk=row.pk))}


def test_code_that_gives_everything_away_waits(waiting: PromoCode, owner: User, now: datetime) -> None:
    assert codes.status(waiting, now) == codes.Status.WAITING
    assert (waiting.terms_changed_by, waiting.approved_at) == (owner, None)


def test_code_below_the_share_works_at_once(owner: User, now: datetime, settings: Settings) -> None:
    half = promo_codes.create(PromoCode(), offer=Offer(kind="percent", percent_off=50), now=now, by=owner)
    settings.APPROVAL_SHARE_PERCENT = 51
    more = promo_codes.create(PromoCode(), offer=Offer(kind="percent", percent_off=51), now=now, by=owner)
    assert (codes.status(half, now), codes.status(more, now)) == ("active", "waiting")


def test_without_the_setting_nothing_waits(owner: User, now: datetime, settings: Settings) -> None:
    settings.APPROVAL_REQUIRED = False
    code = promo_codes.create(PromoCode(), offer=Offer(kind="free"), now=now, by=owner)
    assert codes.status(code, now) == codes.Status.ACTIVE


@pytest.mark.parametrize(("amount_off", "needs"), [(9949, False), (9950, True), (20_000, True)])
def test_share_of_an_amount_is_of_the_cheapest_plan(amount_off: int, needs: bool) -> None:
    for amount in (9950, 50_000):
        factories.PriceFactory(amount=amount)
    offer = Offer(kind="amount", amount_off=amount_off, currency="usd")
    assert approval.code_needs_it(offer) == needs


def test_amount_in_a_currency_without_plans_counts_as_everything() -> None:
    assert approval.share(Offer(kind="amount", amount_off=1, currency="chf")) == 1


def test_second_person_lets_it_work(waiting: PromoCode, second: User, now: datetime) -> None:
    assert promo_codes.approve(waiting, seen=shown(waiting), by=second, now=now)
    waiting.refresh_from_db()
    assert (codes.status(waiting, now), waiting.approved_by) == (codes.Status.ACTIVE, second)
    assert not promo_codes.approve(waiting, seen=shown(waiting), by=second, now=now)


def test_who_set_the_terms_cannot_approve_them(waiting: PromoCode, owner: User, now: datetime) -> None:
    with pytest.raises(ValidationError, match="somebody else"):
        promo_codes.approve(waiting, seen=shown(waiting), by=owner, now=now)


@pytest.mark.parametrize("change", [{"max_redemptions": 1000}, {"code": "PUBLIC"}, {"customer": None}])
def test_terms_that_changed_since_they_were_seen_are_not_approved(
    owner: User, second: User, customer: Customer, now: datetime, change: dict[str, Any]
) -> None:
    code = PromoCode(code="FREE", max_redemptions=1, customer=customer)
    code = promo_codes.create(code, offer=Offer(kind="free"), now=now, by=owner)
    seen = shown(code)
    for name, value in change.items():
        setattr(code, name, value)
    promo_codes.change(code, offer=code.offer, now=now, by=owner)
    with pytest.raises(ValidationError, match="changed meanwhile"):
        promo_codes.approve(code, seen=seen, by=second, now=now)
    assert PromoCode.objects.get().approved_at is None


def test_offer_that_changed_since_it_was_seen_is_not_approved(
    waiting: PromoCode, owner: User, second: User, now: datetime
) -> None:
    seen = shown(waiting)
    waiting.offer.duration = "forever"
    promo_codes.change_offer(waiting.offer, by=owner, now=now)
    with pytest.raises(ValidationError, match="changed meanwhile"):
        promo_codes.approve(waiting, seen=seen, by=second, now=now)


def test_codes_of_a_batch_are_known_by_what_they_give(second: User, now: datetime) -> None:
    offer = factories.OfferFactory(percent_off=100)
    batch = CodeBatch.objects.create(offer=offer, pattern="####-####-####", requested=3)
    one, two = (factories.PromoCodeFactory(offer=offer, batch=batch, approved_at=None) for _ in range(2))
    other = factories.PromoCodeFactory(offer=offer, batch=batch, approved_at=None, max_redemptions=7)
    assert shown(one) == shown(two) != shown(other)
    assert promo_codes.approve(two, seen=shown(one), by=second, now=now)


def test_budget_that_changed_since_it_was_seen_is_not_approved(
    owner: User, second: User, now: datetime
) -> None:
    campaign = campaigns.save(Campaign(name="Big", currency="usd", budget_amount=200_000), by=owner)
    seen = shown(campaign)
    campaign.budget_amount = 900_000
    campaigns.save(campaign, by=owner)
    with pytest.raises(ValidationError, match="changed meanwhile"):
        campaigns.approve(campaign, seen=seen, by=second, now=now)


def test_database_refuses_the_same_person_twice(owner: User, second: User) -> None:
    code, campaign = factories.PromoCodeFactory(), factories.CampaignFactory()
    for row in (code, campaign):
        rows = type(row).objects.filter(pk=row.pk)
        rows.update(terms_changed_by=owner, approved_by=second)
    with pytest.raises(IntegrityError):
        PromoCode.objects.update(approved_by=owner)


def test_database_refuses_the_same_person_for_a_campaign(owner: User) -> None:
    factories.CampaignFactory(terms_changed_by=owner)
    with pytest.raises(IntegrityError):
        Campaign.objects.update(approved_by=owner)


def test_changed_terms_need_approval_anew(waiting: PromoCode, second: User, now: datetime) -> None:
    promo_codes.approve(waiting, seen=shown(waiting), by=second, now=now)
    waiting.max_redemptions = 1000
    promo_codes.change(waiting, offer=waiting.offer, now=now, by=second)
    waiting.refresh_from_db()
    assert (waiting.approved_at, waiting.approved_by, waiting.terms_changed_by) == (None, None, second)


def test_changed_note_keeps_the_approval(waiting: PromoCode, second: User, now: datetime) -> None:
    promo_codes.approve(waiting, seen=shown(waiting), by=second, now=now)
    waiting.description = "for the press"
    promo_codes.change(waiting, offer=waiting.offer, now=now, by=second)
    waiting.refresh_from_db()
    assert (waiting.approved_by, waiting.approved_at) == (second, now)


def test_terms_shared_by_codes_need_approval_anew(owner: User, second: User, now: datetime) -> None:
    offer = factories.OfferFactory(percent_off=50)
    code = factories.PromoCodeFactory(offer=offer, approved_by=second)
    offer.percent_off = 100
    promo_codes.change_offer(offer, by=owner, now=now)
    code.refresh_from_db()
    assert (code.approved_at, code.approved_by, code.terms_changed_by) == (None, None, owner)


def test_waiting_code_is_refused_and_not_active_at_stripe(
    waiting: PromoCode, second: User, standin: Standin, now: datetime
) -> None:
    factories.PriceFactory(id="price_monthly")
    plan = plans.get("price_monthly")
    assert plan is not None
    verdict = eligibility.check("FREE", customer=None, plan=plan, now=now)
    assert verdict.reason == eligibility.Reason.WAITING_FOR_APPROVAL
    push.work(now)
    assert not is_active_at_stripe()
    promo_codes.approve(waiting, seen=shown(waiting), by=second, now=now)
    push.work(now)
    assert is_active_at_stripe()


def is_active_at_stripe() -> bool:
    from promos import stripe_gateway

    return any(code["active"] for code in stripe_gateway.list_promotion_codes())


def test_codes_from_commands_wait_too(now: datetime) -> None:
    call_command("manage_promo_codes", "create", "GIFT", "--free", "--json")
    assert codes.status(PromoCode.objects.get(), now) == codes.Status.WAITING


def test_codes_made_at_once_wait_too(now: datetime) -> None:
    free, half = Offer(kind="free", percent_off=100), Offer(kind="percent", percent_off=50)
    drafts = [PromoCode(code="A", offer=free), PromoCode(code="B", offer=half)]
    promo_codes.create_all(drafts, now=now)
    assert list(PromoCode.objects.order_by("code").values_list("approved_at", flat=True)) == [None, now]


def test_campaign_above_the_budget_holds_its_codes_back(owner: User, second: User, now: datetime) -> None:
    campaign = campaigns.save(Campaign(name="Big", currency="usd", budget_amount=100_001), by=owner)
    code = factories.PromoCodeFactory(campaign=campaign)
    assert codes.status(code, now) == codes.Status.WAITING
    assert PromoCode.objects.with_status(now).get().status_now == codes.Status.WAITING
    with pytest.raises(ValidationError):
        campaigns.approve(campaign, seen=shown(campaign), by=owner, now=now)
    assert campaigns.approve(campaign, seen=shown(campaign), by=second, now=now)
    assert PromoCode.objects.with_status(now).get().status_now == codes.Status.ACTIVE


def test_campaign_with_another_budget_needs_approval_anew(owner: User, second: User, now: datetime) -> None:
    campaign = campaigns.save(Campaign(name="Big", currency="usd", budget_amount=200_000), by=owner)
    campaigns.approve(campaign, seen=shown(campaign), by=second, now=now)
    campaign.name = "Bigger"
    assert not campaigns.save(campaign, by=second).is_waiting
    campaign.budget_amount = 300_000
    assert campaigns.save(campaign, by=second).is_waiting
