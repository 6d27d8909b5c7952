"""The command as scripts and people use it."""

import json
import os
import re
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from analytics.management.commands import manage_promo_codes
from promos.models import Offer, PromoCode, StripeCoupon, StripePromotionCode
from tests.analytics.builders import after, pay_back, redeem, set_sync
from tests.factories import (
    LONG_AGO,
    CampaignFactory,
    CustomerFactory,
    OfferFactory,
    PriceFactory,
    PromoCodeFactory,
)

pytestmark = pytest.mark.django_db


def run(*words: str) -> str:
    out = StringIO()
    call_command("manage_promo_codes", *words, stdout=out)
    return out.getvalue()


def run_json(*words: str) -> dict[str, Any]:
    return json.loads(run(*words, "--json"))


@pytest.mark.parametrize("form", ["--csv", "--json"])
def test_analytics_ends_quietly_when_nobody_reads_on(form: str) -> None:
    redeem(PromoCodeFactory())
    reading, writing = os.pipe()
    os.close(reading)

    with os.fdopen(writing, "w") as nobody:
        call_command("manage_promo_codes", "analytics", form, stdout=nobody)


def at_stripe(code: PromoCode) -> None:
    coupon = StripeCoupon.objects.create(offer=code.offer, stripe_coupon_id="pd_1")
    StripePromotionCode.objects.create(
        promo_code=code, stripe_coupon=coupon, stripe_promotion_code_id="promo_1", state="current"
    )


def test_status_describes_each_code() -> None:
    code = PromoCodeFactory(code="LAUNCH50", max_redemptions=10, used_count=3)
    at_stripe(code)
    set_sync(code, "synced")

    (row,) = run_json("status")["codes"]

    assert row == {
        "code": "LAUNCH50",
        "offer": "20% off, once",
        "status": "active",
        "sync_status": "synced",
        "sync_error": "",
        "stripe_coupon_id": "pd_1",
        "stripe_promotion_code_id": "promo_1",
        "used_count": 3,
        "held_count": 0,
        "max_redemptions": 10,
    }


def test_status_counts_by_status_and_sync() -> None:
    PromoCodeFactory.create_batch(2)
    PromoCodeFactory(paused_at=LONG_AGO)
    PromoCodeFactory(archived_at=LONG_AGO)

    counts = run_json("status")["counts"]

    assert {name: number for name, number in counts.items() if number} == {
        "total": 3,
        "active": 2,
        "paused": 1,
        "pending": 3,
    }


@pytest.mark.parametrize("sync_status", ["error", "conflict"])
def test_status_fails_when_a_code_is_out_of_step(sync_status: str) -> None:
    set_sync(PromoCodeFactory(code="BROKEN"), sync_status, "No such product.")

    with pytest.raises(CommandError, match=r"^Out of step with Stripe: BROKEN\.$"):
        run("status")


def test_status_of_a_named_code_leaves_out_the_others() -> None:
    PromoCodeFactory(code="MINE", archived_at=LONG_AGO)
    mine = PromoCodeFactory(code="MINE", max_redemptions=7)
    set_sync(PromoCodeFactory(), "error")

    rows = run_json("status", " mine ")["codes"]

    assert [(row["code"], row["max_redemptions"]) for row in rows] == [(mine.code, 7)]


def test_status_reads_any_number_of_codes_with_the_same_queries(django_assert_num_queries) -> None:
    for code in PromoCodeFactory.create_batch(5):
        set_sync(code, "synced")

    with django_assert_num_queries(2):
        run("status")


def test_analytics_gives_totals_codes_and_recent() -> None:
    usage = redeem(PromoCodeFactory(code="LAUNCH50"), gross=29_950, discount=10_000)
    pay_back(usage, 950, at=after(1))

    data = run_json("analytics")

    assert data["totals"] == [
        {
            "currency": "usd",
            "redemptions": 1,
            "customers": 1,
            "new_customer_redemptions": 0,
            "gross_amount": 29_950,
            "discount_amount": 10_000,
            "refunded_amount": 950,
            "disputed_amount": 0,
            "net_amount": 19_000,
            "discounted_orders": 1,
            "discounted_gross_amount": 29_950,
        }
    ]
    assert (data["codes"][0]["code"], data["codes"][0]["net_amount"]) == ("LAUNCH50", 19_000)
    assert [(one["kind"], one["code"], one["net_amount"]) for one in data["recent"]] == [
        ("refund", "LAUNCH50", -950),
        ("checkout", "LAUNCH50", 19_950),
    ]


def test_analytics_narrows_to_code_campaign_and_days() -> None:
    campaign = CampaignFactory(name="Spring")
    redeem(PromoCodeFactory(code="FIRST", campaign=campaign), gross=1, discount=0)
    redeem(PromoCodeFactory(code="SECOND", campaign=campaign), gross=10, discount=0, at=after(10))
    redeem(PromoCodeFactory(code="THIRD"), gross=100, discount=0)

    def gross(*words: str) -> list[int]:
        return [row["gross_amount"] for row in run_json("analytics", *words)["totals"]]

    assert gross() == [111]
    assert gross("--code", "first") == [1]
    assert gross("--campaign", "Spring") == [11]
    assert gross("--from", "2026-01-02") == [10]
    assert gross("--to", "2026-01-01") == [101]
    assert gross("--from", "2026-03-01", "--to", "2026-03-02") == []


def test_analytics_keeps_currencies_apart() -> None:
    code = PromoCodeFactory()
    redeem(code, gross=1_000, discount=100)
    redeem(code, gross=500, discount=50, currency="jpy")

    shown = run("analytics")

    assert "$9.00" in shown
    assert "¥450" in shown


def test_analytics_shows_a_column_of_totals_for_each_currency() -> None:
    code = PromoCodeFactory()
    pay_back(redeem(code, gross=10_000, discount=2_500), 500)
    redeem(code, gross=900, discount=90, currency="jpy")

    rows = [re.split(r"\s*[│┃]\s*", line.strip("│┃ ")) for line in run("analytics").splitlines()]
    totals = {row[0]: row[1:] for row in rows if len(row) == 3}

    assert totals["Figure"] == ["JPY", "USD"]
    assert totals["Gross"] == ["¥900", "$100.00"]
    assert totals["Discount"] == ["−¥90", "−$25.00"]
    assert totals["Refunds"] == ["¥0", "−$5.00"]
    assert totals["Net"] == ["¥810", "$70.00"]
    assert totals["Discount ÷ gross, on discounted orders"] == ["too few", "too few"]


def test_analytics_never_cuts_a_figure_on_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manage_promo_codes, "PIPED_WIDTH", 30)
    redeem(PromoCodeFactory(), gross=123_456_789_012, discount=0)

    shown = run("analytics")

    assert shown.count("$1,234,567,890.12") == 5
    assert "…" not in shown


def test_analytics_csv_has_a_line_for_each_code_and_currency() -> None:
    code = PromoCodeFactory(code="SUMMER20")
    redeem(code, gross=10_000, discount=2_500)
    redeem(code, gross=900, discount=90, currency="jpy")
    redeem(PromoCodeFactory(code="=1+1"), gross=100, discount=0)

    assert run("analytics", "--csv").splitlines() == [
        "Code,Currency,Redemptions,Customers,Gross,Discount,Net",
        "SUMMER20,JPY,1,1,900,90,810",
        "SUMMER20,USD,1,1,100.00,25.00,75.00",
        "'=1+1,USD,1,1,1.00,0.00,1.00",
    ]


def test_analytics_of_a_code_outside_the_campaign_is_refused() -> None:
    PromoCodeFactory(code="ALONE")
    CampaignFactory(name="Spring")

    with pytest.raises(CommandError, match=r"ALONE is not in the campaign Spring\."):
        run("analytics", "--code", "ALONE", "--campaign", "Spring")


def test_analytics_without_redemptions_says_so() -> None:
    assert run("analytics") == "No code was redeemed.\n"
    assert run("analytics", "--from", "2026-01-01", "--to", "2026-01-31") == (
        "No code was redeemed from 2026-01-01 up to 2026-01-31.\n"
    )


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("analytics", "--code", "NOPE"), "There is no code NOPE."),
        (("analytics", "--campaign", "Nope"), "There is no campaign Nope."),
        (("analytics", "--code", ""), "There is no code ."),
        (("analytics", "--campaign", ""), "There is no campaign ."),
        (("analytics", "--from", ""), "Write dates as 2026-03-31, not “”."),
        (("analytics", "--from", "1999-12-31"), "must lie between the years 2000 and 2199"),
        (("analytics", "--to", "9999-12-31"), "must lie between the years 2000 and 2199"),
        (("analytics", "--to", "2026-02-30"), "Write dates as 2026-03-31, not “2026-02-30”."),
        (("analytics", "--csv", "--json"), "Choose --json or --csv, not both."),
        (("analytics", "--from", "soon"), "Write dates as 2026-03-31, not “soon”."),
        (("analytics", "--from", "2026-02-01", "--to", "2026-01-01"), "before it starts"),
        (("status", "NOPE"), "There is no code NOPE."),
        (("pause", "NOPE"), "There is no code NOPE."),
        (("create", "A B", "--free"), "CODE: Use letters A to Z, digits and hyphens only."),
        (("create", "A", "--percent", "0"), "--percent: "),
        (("create", "A", "--percent", "101"), "--percent: "),
        (("create", "A", "--percent", "nan"), "--percent: "),
        (("create", "A", "--amount-off", "100"), "--currency: Choose the currency of the amount."),
        (("create", "A", "--amount-off", "0", "--currency", "usd"), "--amount-off: "),
        (("create", "A", "--fixed-price", "7000", "--price", "price_x"), "--price: "),
        (("create", "A", "--percent", "20", "--duration", "repeating"), "--months: "),
        (("create", "A", "--percent", "20", "--months", "3"), "--months goes with --duration repeating."),
        (("create", "A", "--percent", "20", "--price", "price_x"), "--price goes with --fixed-price."),
        (("create", "A", "--percent", "20", "--currency", "usd"), "--currency goes with --amount-off."),
        (("create", "A", "--percent", "20", "--max-redemptions", "0"), "--max-redemptions: "),
        (("create", "A", "--percent", "20", "--campaign", "Nope"), "There is no campaign Nope."),
        (
            ("create", "A", "--free", "--starts-at", "2026-02-01", "--expires-at", "2026-01-01"),
            "The code must end after it starts.",
        ),
        (
            ("create", "A", "--free", "--expires-at", "2020-01-01"),
            "--expires-at: The code would already be over.",
        ),
        (("create", "A", "--free", "--starts-at", "soon"), "soon is not a time such as 2026-03-31T18:00"),
    ],
)
def test_wrong_words_get_a_sentence_and_change_nothing(words: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(CommandError) as error:
        run(*words)

    assert sentence in str(error.value)
    assert not PromoCode.objects.exists()
    assert not Offer.objects.exists()


def test_create_of_a_taken_text_is_refused() -> None:
    PromoCodeFactory(code="TAKEN")

    with pytest.raises(CommandError, match="already a code with this text"):
        run("create", "taken", "--percent", "20")


def test_create_percent_waits_to_be_pushed() -> None:
    campaign = CampaignFactory(name="Spring")

    (row,) = run_json(
        *("create", "spring-20", "--percent", "12.5", "--duration", "repeating", "--months", "3"),
        *("--max-redemptions", "100", "--per-customer", "1", "--product", "prod_1", "--product", "prod_2"),
        *("--starts-at", "2030-03-01", "--expires-at", "2030-03-31T18:00+02:00", "--campaign", "Spring"),
    )["codes"]

    code = PromoCode.objects.get()
    assert (row["code"], row["sync_status"], row["max_redemptions"]) == ("SPRING-20", "pending", 100)
    assert (code.campaign, code.max_redemptions_per_customer) == (campaign, 1)
    assert code.starts_at == datetime(2030, 3, 1, tzinfo=UTC)
    assert code.expires_at == datetime(2030, 3, 31, 16, tzinfo=UTC)
    assert (code.offer.kind, code.offer.percent_off) == ("percent", Decimal("12.5"))
    assert (code.offer.duration, code.offer.duration_in_months) == ("repeating", 3)
    assert code.offer.product_ids == ["prod_1", "prod_2"]


def test_create_amount_is_off_once() -> None:
    run("create", "TEN", "--amount-off", "1000", "--currency", "USD")

    offer = Offer.objects.get()
    assert (offer.kind, offer.amount_off, offer.currency, offer.duration) == ("amount", 1_000, "usd", "once")


def test_create_fixed_price_and_free_last_for_ever() -> None:
    price = PriceFactory(amount=9_950)

    run("create", "SEVENTY", "--fixed-price", "7000", "--price", price.id)
    run("create", "GRATIS", "--free")

    fixed, free = Offer.objects.order_by("pk")
    assert (fixed.amount_off, fixed.product_ids, fixed.duration) == (2_950, [price.product.id], "forever")
    assert (free.percent_off, free.duration) == (100, "forever")


def test_pause_resume_archive_change_the_status() -> None:
    PromoCodeFactory(code="MINE")

    statuses = [run_json(action, "MINE")["codes"][0]["status"] for action in ("pause", "resume", "archive")]

    assert statuses == ["paused", "active", "archived"]


def test_pause_again_is_skipped() -> None:
    PromoCodeFactory(code="RUNNING")
    PromoCodeFactory(code="STOPPED", paused_at=LONG_AGO)

    data = run_json("pause", "RUNNING", "STOPPED")

    assert (data["done"], data["skipped"]) == (["RUNNING"], ["STOPPED"])


def test_pause_with_an_unknown_code_does_nothing() -> None:
    code = PromoCodeFactory(code="KNOWN")

    with pytest.raises(CommandError, match="no code UNKNOWN"):
        run("pause", "KNOWN", "UNKNOWN")

    code.refresh_from_db()
    assert code.paused_at is None


def test_resume_of_an_archived_code_is_refused() -> None:
    PromoCodeFactory(code="GONE", archived_at=LONG_AGO)

    with pytest.raises(CommandError, match=r"GONE is archived, which is final\."):
        run("resume", "GONE")


def test_pause_of_a_text_that_several_customers_have_is_refused() -> None:
    for customer in CustomerFactory.create_batch(2):
        PromoCodeFactory(code="PERSONAL", customer=customer)

    with pytest.raises(CommandError, match="Several customers"):
        run("pause", "PERSONAL")


def test_code_named_twice_is_paused_once() -> None:
    PromoCodeFactory(code="LAUNCH50")

    run("pause", "LAUNCH50", "launch50")

    assert PromoCode.objects.get().history.filter(paused_at__isnull=False).count() == 1


def test_retry_with_nothing_to_retry_does_not_say_that_there_is_no_code() -> None:
    set_sync(PromoCodeFactory(), "synced")

    assert run("retry").strip() == "retry: 0 done, 0 with nothing to do."


def test_pause_of_a_code_that_only_stripe_can_change_fails_and_says_why() -> None:
    PromoCodeFactory(code="MINE")
    for text in ("SCRIPT", "THEIRS"):
        PromoCodeFactory(code=text, offer=OfferFactory(kind="other", percent_off=None))
    why = "its terms can only be changed in Stripe."

    with pytest.raises(CommandError, match=re.escape(f"SCRIPT: {why} THEIRS: {why}")):
        run("pause", "SCRIPT", "MINE", "THEIRS")

    paused = PromoCode.objects.filter(paused_at__isnull=False)
    assert [code.code for code in paused] == ["MINE"]


def test_retry_without_names_takes_those_that_failed() -> None:
    set_sync(PromoCodeFactory(code="REFUSED"), "error", "No such product.")
    set_sync(PromoCodeFactory(code="LATE"), "pending", "Stripe cannot be reached.")
    set_sync(PromoCodeFactory(code="CONTESTED"), "conflict")
    set_sync(PromoCodeFactory(code="FINE"), "synced")

    assert run_json("retry")["done"] == ["LATE", "REFUSED"]
    assert PromoCode.objects.get(code="REFUSED").sync_status == "pending"
