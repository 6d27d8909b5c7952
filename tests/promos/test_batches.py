"""Many unique codes: what may be asked for, that they are unique, and that an interrupted batch goes on."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import DatabaseError
from pytest_django import Settings

from promos import batches, codes, worker
from promos.models import CodeBatch, Offer, PromoCode
from tests import factories

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 10, 1, tzinfo=UTC)
SAFE = "####-####-####"


def batch(**fields: object) -> CodeBatch:
    row = CodeBatch(**{"prefix": "GIFT-", "pattern": SAFE, "requested": 5, "max_redemptions": 1} | fields)
    return batches.create(row, offer=Offer(percent_off=20), now=datetime.now(UTC), is_guessable_fine=True)


def errors(is_guessable_fine: bool = False, **fields: object) -> dict[str, list[str]]:
    row = CodeBatch(**{"pattern": SAFE, "requested": 5} | fields)
    with pytest.raises(ValidationError) as refused:
        batches.check(row, offer=Offer(percent_off=20), now=NOW, is_guessable_fine=is_guessable_fine)
    return refused.value.message_dict


def test_worker_makes_unique_codes_of_the_pattern(now: datetime) -> None:
    made = batch(requested=20, expires_at=now + timedelta(days=9))
    while worker.work(now):
        pass
    texts = set(PromoCode.objects.values_list("code", flat=True))
    assert len(texts) == 20
    assert all(len(text) == 19 and text.startswith("GIFT-") for text in texts)
    assert not set("01OIL") & set("".join(text.removeprefix("GIFT-") for text in texts))
    one = PromoCode.objects.first()
    assert one is not None
    assert (one.batch, one.offer, one.max_redemptions) == (made, made.offer, 1)
    assert (codes.status(one, now), one.sync_status) == (codes.Status.ACTIVE, "pending")


def test_interrupted_batch_goes_on_with_the_next_block(
    now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "BLOCK_SIZE", {"postgresql": 4})
    monkeypatch.setattr(batches, "SMALL_BLOCK_SIZE", 4)
    made = batch(requested=10)
    assert batches.work(now) == 4

    with monkeypatch.context() as patch:
        for name in ("_copy", "_insert"):
            patch.setattr(batches, name, _save_then_fail(getattr(batches, name)))
        with pytest.raises(DatabaseError):
            batches.work(now)
    made.refresh_from_db()
    assert made.generated == PromoCode.objects.count() == 4

    assert [batches.work(now), batches.work(now), batches.work(now)] == [4, 2, 0]
    made.refresh_from_db()
    assert (made.is_complete, PromoCode.objects.count()) == (True, 10)


def _save_then_fail(save: Callable[..., None]) -> Callable[..., None]:
    def failing(template: PromoCode, texts: list[str]) -> None:
        save(template, texts)
        raise DatabaseError

    return failing


def test_stopped_batch_waits_until_it_goes_on(now: datetime) -> None:
    made = batch()
    assert [batches.stop(made, now=now), batches.stop(made, now=now)] == [True, False]
    assert batches.work(now) == 0
    assert [batches.go_on(made), batches.go_on(made)] == [True, False]
    assert batches.work(now) == 5


def test_texts_that_are_taken_are_drawn_again(now: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    factories.PromoCodeFactory(code="AA")
    drawn = iter([["AA", "BB"], ["BB"], ["CC"]])
    monkeypatch.setattr(batches, "_texts", lambda batch, count: next(drawn))
    monkeypatch.setattr(batches, "check", lambda *args, **options: None)
    batch(requested=2, prefix="", pattern="##")
    assert batches.work(now) == 2
    assert set(PromoCode.objects.exclude(batch=None).values_list("code", flat=True)) == {"BB", "CC"}


def test_batch_whose_texts_are_all_taken_is_stopped_and_says_why(now: datetime) -> None:
    for letter in batches.ALPHABET.decode():
        factories.PromoCodeFactory(code=f"GIFT-{letter}")
    full, other = batch(requested=1, pattern="#"), batch(requested=2)
    assert [batches.work(now), batches.work(now), batches.work(now)] == [0, 2, 0]
    full.refresh_from_db()
    assert (full.stopped_at, full.generated) == (now, 0)
    assert full.error == "Nearly all texts of this pattern are taken: make a batch with more #."
    other.refresh_from_db()
    assert other.is_complete


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"requested": 0}, "requested"),
        ({"requested": 1_000_001}, "requested"),
        ({"pattern": "GIFT"}, "pattern"),
        ({"pattern": "####-ÄÖ"}, "pattern"),
        ({"pattern": "##########"}, "pattern"),
        ({"prefix": "A B"}, "prefix"),
        ({"max_redemptions": 0}, "max_redemptions"),
        ({"expires_at": NOW}, "expires_at"),
    ],
)
def test_batch_is_refused_beside_the_field(fields: dict[str, object], field: str) -> None:
    assert list(errors(**fields)) == [field]


def test_guessable_pattern_is_taken_only_when_the_owner_insists() -> None:
    assert "guess" in errors(pattern="######")["pattern"][0]
    batches.check(
        CodeBatch(pattern="######", requested=5), offer=Offer(percent_off=20), now=NOW, is_guessable_fine=True
    )
    assert "too few" in errors(is_guessable_fine=True, pattern="##", requested=1000)["pattern"][0]


def test_letters_are_evenly_likely() -> None:
    letters = batches._letters(31 * 2000)
    assert all(1700 < letters.count(letter) < 2300 for letter in batches.ALPHABET.decode())


def test_codes_of_a_batch_wait_for_approval(owner: User, now: datetime, settings: Settings) -> None:
    settings.APPROVAL_REQUIRED = True
    row = CodeBatch(pattern=SAFE, requested=2)
    batches.create(row, offer=Offer(kind="free"), now=now, by=owner)
    batches.work(now)
    code = PromoCode.objects.all()[0]
    assert (codes.status(code, now), code.terms_changed_by) == (codes.Status.WAITING, owner)
