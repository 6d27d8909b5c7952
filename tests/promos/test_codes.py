from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promos import codes
from promos.codes import Status
from promos.models import PromoCode
from tests.factories import CampaignFactory, PromoCodeFactory

DAY = timedelta(days=1)


@given(st.text())
def test_normalise_is_idempotent(text: str) -> None:
    assert codes.normalise(codes.normalise(text)) == codes.normalise(text)


@pytest.mark.parametrize(
    "text", ["launch50", "  LAUNCH50 ", "\uff2c\uff21\uff35\uff2e\uff23\uff28\uff15\uff10"]
)
def test_normalise_folds_case_space_and_width(text: str) -> None:
    assert codes.normalise(text) == "LAUNCH50"


@pytest.mark.parametrize(
    "text", ["stra\u00dfe", "l\u0131ve", "\u0410B", "\u039fFF", "A\u0301", "A\u200bB", "A\0B"]
)
def test_normalise_makes_no_code_of_lookalikes(text: str) -> None:
    assert not codes.is_allowed(codes.normalise(text))


@pytest.mark.parametrize(
    "text",
    [
        *("launch 50-x", "LAUNCH50-X\u200b", "\u200eLAUNCH50-X", "LAUNCH\u00ad50-X", "LAUNCH50\u00a0-X"),
        *("LAUNCH50\u2011X", "LAUNCH50\u2013X", "LAUNCH50\u2212X", "“Launch50-X”.", "(LAUNCH50-X)!"),
    ],
)
def test_meant_overlooks_what_keyboards_and_mails_add(text: str) -> None:
    assert codes.meant(text) == "LAUNCH50-X"


@pytest.mark.parametrize("text", ["stra\u00dfe", "l\u0131ve", "\u0410B", "A\u0301", "A_B", "A.B", "..."])
def test_meant_makes_no_code_of_other_letters(text: str) -> None:
    assert codes.meant(text) == codes.normalise(text)


@given(st.text())
def test_meant_is_idempotent(text: str) -> None:
    assert codes.meant(codes.meant(text)) == codes.meant(text)


@pytest.mark.parametrize("text", ["", "A B", "ÄÖ", "L\u0410UNCH", "A" * 256])
def test_is_allowed_refuses_other_alphabets(text: str) -> None:
    assert not codes.is_allowed(text)


def test_generate_makes_allowed_texts_of_their_own() -> None:
    made = {codes.generate() for _ in range(100)}
    assert len(made) == 100
    assert all(codes.is_allowed(text) and len(text) == 10 for text in made)


def every_kind_of_code(now: datetime) -> dict[str, PromoCode]:
    make = PromoCodeFactory.create
    spent = CampaignFactory(budget_amount=100, currency="usd", spent_amount=100)
    return {
        "archived": make(archived_at=now, submitted_at=None),
        "draft": make(submitted_at=None, approved_at=None),
        "waiting": make(approved_at=None, expires_at=now - DAY),
        "expired": make(expires_at=now, paused_at=now),
        "campaign over": make(campaign=CampaignFactory(ends_at=now - DAY), expires_at=now + DAY),
        "used up": make(max_redemptions=2, used_count=2, paused_at=now),
        "paused": make(paused_at=now, starts_at=now + DAY),
        "campaign paused": make(campaign=CampaignFactory(paused_at=now)),
        "budget spent": make(campaign=spent),
        "scheduled": make(starts_at=now + DAY),
        "campaign to come": make(campaign=CampaignFactory(starts_at=now + DAY), starts_at=now - DAY),
        "active": make(starts_at=now, expires_at=now + DAY, max_redemptions=2, used_count=1),
    }


EXPECTED = {
    "archived": Status.ARCHIVED,
    "draft": Status.DRAFT,
    "waiting": Status.WAITING,
    "expired": Status.EXPIRED,
    "campaign over": Status.EXPIRED,
    "used up": Status.USED_UP,
    "paused": Status.PAUSED,
    "campaign paused": Status.PAUSED,
    "budget spent": Status.PAUSED,
    "scheduled": Status.SCHEDULED,
    "campaign to come": Status.SCHEDULED,
    "active": Status.ACTIVE,
}


@pytest.mark.django_db
def test_status_follows_its_precedence(now: datetime) -> None:
    found = {name: codes.status(code, now) for name, code in every_kind_of_code(now).items()}
    assert found == EXPECTED


@pytest.mark.django_db
def test_with_status_agrees_with_status(now: datetime) -> None:
    every_kind_of_code(now)
    rows = PromoCode.objects.with_status(now)
    assert {row.pk: row.status_now for row in rows} == {row.pk: codes.status(row, now) for row in rows}


@pytest.mark.django_db
@pytest.mark.parametrize("status", codes.Status)
def test_in_status_finds_the_codes_of_a_status(now: datetime, status: codes.Status) -> None:
    every_kind_of_code(now)
    found = {row.pk for row in PromoCode.objects.in_status(status, now)}
    assert found == {row.pk for row in PromoCode.objects.all() if codes.status(row, now) == status}
    assert found


@pytest.mark.django_db
def test_pause_reason_names_the_budget(now: datetime) -> None:
    code = every_kind_of_code(now)["budget spent"]
    assert codes.pause_reason(code).startswith("The budget of Campaign")
