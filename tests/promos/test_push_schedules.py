"""What Stripe knows nothing of switches its codes in time, and is never taken for an edit made there."""

from datetime import datetime, timedelta

import pytest

from promos import promo_codes, stripe_gateway
from promos.models import Campaign, PromoCode
from promos.redemptions import counters
from promos.redemptions.counters import Change
from promos.standin.server import Standin
from promos.sync import pull, push, terms
from tests.factories import CampaignFactory, PromoCodeFactory
from tests.promos.sides import again, synced

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


def is_on(code: PromoCode, now: datetime) -> bool:
    """Let the worker do what is due, pull what Stripe has, and say whether the code is on there."""
    while push.work(now):
        pass
    generation = terms.current(code)
    assert generation
    promotion_code_id = generation.stripe_promotion_code_id or ""
    pull.promotion_code(promotion_code_id, now=now)
    row = PromoCode.objects.get(pk=code.pk)
    assert (row.sync_status, row.sync_error) == ("synced", "")
    assert row.paused_at == code.paused_at
    return bool(stripe_gateway.retrieve_promotion_code(promotion_code_id)["active"])


def test_code_is_on_from_its_start(standin: Standin, now: datetime) -> None:
    code = PromoCodeFactory(starts_at=now + HOUR)
    assert [is_on(code, now + n * HOUR) for n in range(3)] == [False, True, True]


def test_code_that_gets_its_start_while_it_is_off_is_on_from_then(standin: Standin, now: datetime) -> None:
    code = PromoCodeFactory(paused_at=now)
    assert not is_on(code, now)
    code.starts_at = now + HOUR
    code.save(update_fields=["starts_at"])
    code.paused_at = None
    code.save(update_fields=["paused_at"])
    assert [is_on(code, now + n * HOUR) for n in range(2)] == [False, True]


def test_code_is_on_between_the_ends_of_its_campaign(standin: Standin, now: datetime) -> None:
    campaign = CampaignFactory(starts_at=now + HOUR, ends_at=now + 2 * HOUR)
    code = PromoCodeFactory(campaign=campaign)
    assert [is_on(code, now + n * HOUR) for n in range(4)] == [False, True, False, False]


def test_code_is_off_while_its_campaign_is_paused(standin: Standin, now: datetime) -> None:
    campaign = CampaignFactory()
    code = PromoCodeFactory(campaign=campaign)
    assert is_on(code, now)
    campaign.paused_at = now
    campaign.save()
    assert not is_on(code, now)
    campaign.paused_at = None
    campaign.save()
    assert is_on(code, now)


def test_codes_are_off_from_the_order_that_spends_the_budget(standin: Standin, now: datetime) -> None:
    campaign = CampaignFactory(currency="usd", budget_amount=1000)
    code, other = PromoCodeFactory.create_batch(2, campaign=campaign)
    assert is_on(other, now)
    counters.apply([Change(code, used=1, spent_amount=999)])
    assert is_on(other, now)
    counters.apply([Change(code, used=1, spent_amount=1)])
    assert not is_on(other, now)


def test_codes_are_on_again_when_the_budget_is_raised(standin: Standin, now: datetime) -> None:
    campaign = CampaignFactory(currency="usd", budget_amount=1000, spent_amount=1000)
    code = PromoCodeFactory(campaign=campaign)
    assert not is_on(code, now)
    campaign = Campaign.objects.get()
    campaign.budget_amount = 2000
    campaign.save()
    assert is_on(code, now)


def test_code_is_off_while_it_waits_for_approval(standin: Standin, now: datetime) -> None:
    code = PromoCodeFactory(approved_at=None)
    assert not is_on(code, now)
    code.approved_at = now
    code.save()
    assert is_on(code, now)
    code.approved_at = None
    code.save()
    assert not is_on(code, now)


def test_pause_reaches_stripe_though_the_edit_beside_it_is_refused(standin: Standin, now: datetime) -> None:
    code = PromoCodeFactory()
    assert is_on(code, now)
    code.offer.product_ids = ["prod_unknown"]
    code.offer.save()
    code.paused_at = now
    code.save()
    push.work(now)
    assert list(stripe_gateway.list_promotion_codes(active=True)) == []
    assert "the products" in PromoCode.objects.get().sync_error


def test_pause_whose_answer_was_lost_is_undone_by_resuming(
    standin: Standin, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stripe switched it off, we never heard of it, and it was resumed before the next try."""
    code = PromoCodeFactory()
    assert is_on(code, now)
    send = stripe_gateway.update_promotion_code

    def lost(*args: object) -> None:
        send(*args)
        raise stripe_gateway.Unavailable("Stripe could not be reached.")

    promo_codes.pause(code, now=now)
    monkeypatch.setattr(stripe_gateway, "update_promotion_code", lost)
    push.work(now)
    monkeypatch.setattr(stripe_gateway, "update_promotion_code", send)
    promo_codes.resume(code)
    assert is_on(code, now + HOUR)


def test_expiry_needs_no_push(standin: Standin, now: datetime) -> None:
    code = PromoCodeFactory(expires_at=now + HOUR)
    assert is_on(code, now)
    assert push.work(now + 2 * HOUR) == 0
    code.save()
    assert terms.is_agreed(code, now=now + 2 * HOUR)


def test_codes_of_a_campaign_can_be_used_while_it_is_renamed(standin: Standin, now: datetime) -> None:
    """A pending code is refused at the checkout, and a campaign may have a hundred thousand of them."""
    campaign = CampaignFactory(ends_at=now + HOUR)
    code = synced(now, campaign=campaign)
    campaign.name, campaign.fixed_cost_amount = "Spring", 500
    campaign.save()
    assert again(code).sync_status == "synced"
    assert push.work(now + timedelta(minutes=1)) == 0


def test_code_of_a_campaign_that_ends_later_is_looked_at_and_never_pending(
    standin: Standin, now: datetime
) -> None:
    campaign = CampaignFactory(ends_at=now + HOUR)
    code = synced(now, campaign=campaign)
    campaign.ends_at = now + 3 * HOUR
    campaign.save()
    assert again(code).sync_status == "synced"
    assert push.work(now + timedelta(minutes=1)) == 1
    assert again(code).next_try_at == now + 3 * HOUR
