"""The scheduled report: when it is sent, how often, and what it says."""

import json
import re
from datetime import UTC, date, datetime, timedelta
from email.message import Message
from io import StringIO
from pathlib import Path
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import User
from django.core import mail as django_mail
from django.core.management import CommandError, call_command
from pytest_django import Settings

from analytics import outbox, periods
from analytics.models import Report
from analytics.reporting import letter, rounds, svg
from analytics.reporting.svg import Series
from tests.analytics.builders import pay_back, redeem
from tests.crowd import at_once
from tests.factories import PromoCodeFactory

#: A Tuesday; the last complete week is 2026-06-22 to 28, the last complete month May.
NOW = datetime(2026, 6, 30, 12, 20, tzinfo=UTC)
IN_WEEK = datetime(2026, 6, 24, 9, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("every", "now", "first", "last"),
    [
        ("week", NOW, date(2026, 6, 22), date(2026, 6, 28)),
        ("week", datetime(2026, 6, 28, 23, 59, tzinfo=UTC), date(2026, 6, 15), date(2026, 6, 21)),
        ("week", datetime(2026, 6, 29, tzinfo=UTC), date(2026, 6, 22), date(2026, 6, 28)),
        ("month", NOW, date(2026, 5, 1), date(2026, 5, 31)),
        ("month", datetime(2026, 1, 1, tzinfo=UTC), date(2025, 12, 1), date(2025, 12, 31)),
        ("month", datetime(2024, 3, 31, tzinfo=UTC), date(2024, 2, 1), date(2024, 2, 29)),
    ],
)
def test_last_complete(every: str, now: datetime, first: date, last: date) -> None:
    period = periods.last_complete(every, now=now, zone=UTC)
    assert (period.first_day, period.last_day) == (first, last)


def test_last_complete_goes_by_the_days_of_the_site() -> None:
    sunday_night = datetime(2026, 6, 28, 22, 30, tzinfo=UTC)
    period = periods.last_complete("week", now=sunday_night, zone=ZoneInfo("Europe/Berlin"))
    assert period.last_day == date(2026, 6, 28)


@pytest.fixture
def weekly(settings: Settings, owner: User) -> None:
    settings.REPORT_EVERY = "week"


@pytest.mark.django_db
@pytest.mark.usefixtures("weekly")
def test_report_is_sent_once_a_week() -> None:
    assert [rounds.work(NOW + timedelta(hours=hours)) for hours in (0, 1, 24)] == [1, 0, 0]
    assert rounds.work(NOW + 7 * DAY) == 1
    assert [mail.subject for mail in django_mail.outbox] == [
        "[Promodesk] Promo codes from 2026-06-22 to 2026-06-28",
        "[Promodesk] Promo codes from 2026-06-29 to 2026-07-05",
    ]


@pytest.mark.django_db
@pytest.mark.usefixtures("weekly")
def test_only_the_newest_week_is_told_of_after_a_long_time_without_a_worker() -> None:
    rounds.work(NOW)
    assert [rounds.work(NOW + days * DAY) for days in (70, 71)] == [1, 0]
    assert len(django_mail.outbox) == 2


@pytest.mark.django_db
@pytest.mark.usefixtures("owner")
def test_no_report_unless_it_is_asked_for() -> None:
    assert rounds.work(NOW) == 0
    assert not Report.objects.exists()


@pytest.mark.django_db
@pytest.mark.usefixtures("weekly")
def test_report_of_a_worker_that_was_killed_is_sent_by_another() -> None:
    Report.objects.create(every="week", first_day=date(2026, 6, 22), created_at=NOW)
    outbox.claim(Report.objects.all(), now=NOW)
    assert rounds.work(NOW + timedelta(minutes=1)) == 0
    assert rounds.work(NOW + outbox.LEASE) == 1


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("weekly")
def test_many_workers_send_one_report() -> None:
    at_once(rounds.work, [NOW] * 6)
    assert len(django_mail.outbox) == 1
    assert Report.objects.get().sent_at == NOW


def parts_of(message: Message) -> dict[str, list[Message]]:
    found: dict[str, list[Message]] = {}
    for part in message.walk():
        found.setdefault(part.get_content_type(), []).append(part)
    return found


@pytest.mark.django_db
def test_mail_says_the_figures_in_text_and_html() -> None:
    code = PromoCodeFactory(code="SUMMER20")
    pay_back(redeem(code, gross=10_000, discount=2_000, at=IN_WEEK), 500, at=IN_WEEK)
    redeem(code, gross=5_000, discount=1_000, at=IN_WEEK - 7 * DAY)
    redeem(code, gross=900, discount=90, at=IN_WEEK, currency="jpy")
    period = periods.last_complete("week", now=NOW, zone=UTC)
    message = letter.mail(letter.write(period, now=NOW), to=["owner@example.com"]).message()
    found = parts_of(message)
    [text], [html] = (
        [part.get_payload(decode=True).decode() for part in found[kind]]
        for kind in ("text/plain", "text/html")
    )
    for said in (text, html):
        assert "$75.00" in said
        assert "$10.00 in the 7 days before" in said
        assert "¥810" in said
        assert "SUMMER20" in said
    assert "Redemptions by day, USD, highest 1" in text
    assert "Too few for a percentage</small>" in html  # and no colon before nothing
    assert "http://127.0.0.1:8000/admin/promos/" in html


@pytest.mark.django_db
def test_every_picture_of_the_html_is_inside_the_mail() -> None:
    redeem(PromoCodeFactory(), at=IN_WEEK)
    period = periods.last_complete("week", now=NOW, zone=UTC)
    message = letter.mail(letter.write(period, now=NOW), to=[]).message()
    found = parts_of(message)
    html = found["text/html"][0].get_payload(decode=True).decode()
    named = set(re.findall(r'src="cid:([^"]+)"', html))
    attached = {part["Content-ID"].strip("<>") for part in found["image/svg+xml"]}
    assert message.get_content_type() == "multipart/related"
    assert named == attached == {"money-by-day-usd", "redemptions-by-day-usd"}
    for part in found["image/svg+xml"]:
        ElementTree.fromstring(part.get_payload(decode=True))  # noqa: S314 - drawn here


@pytest.mark.django_db
def test_what_came_from_outside_is_escaped() -> None:
    redeem(PromoCodeFactory(code="<B>&"), at=IN_WEEK)
    period = periods.last_complete("week", now=NOW, zone=UTC)
    html = letter.mail(letter.write(period, now=NOW), to=[]).alternatives[0].content
    assert "&lt;B&gt;&amp;" in html
    assert "<B>" not in html


def rectangles(drawing: str) -> list[tuple[float, float]]:
    """Return the place of the upper edge and the height of each bar, in order."""
    bars = re.findall(
        r'<rect x="[\d.]+" y="([\d.]+)" width="[\d.]+" height="([\d.]+)" fill="#4f46e5"/>', drawing
    )
    return [(float(y), float(height)) for y, height in bars if height != "10"]


def test_bars_stand_on_zero_and_hang_from_it() -> None:
    """152 pixels for 100 above zero and 52 below: one pixel each."""
    drawing = svg.bars("T", ["a", "b", "c"], [Series("Net", [100, 0, -52], "#4f46e5")], highest="100")
    assert rectangles(drawing) == [(44, 100), (144, 52)]


def test_bars_of_nothing_are_an_empty_chart() -> None:
    drawing = svg.bars('<&"', [], [Series("Net", [], "#4f46e5")], highest="0")
    assert rectangles(drawing) == []
    assert ElementTree.fromstring(drawing).get("aria-label") == '<&"'  # noqa: S314 - drawn here


def run(*words: str) -> str:
    out = StringIO()
    call_command("send_report", *words, stdout=out)
    return out.getvalue()


@pytest.mark.django_db
@pytest.mark.usefixtures("owner")
def test_command_sends_previews_and_saves(tmp_path: Path) -> None:
    assert "Nobody redeemed a code in this time." in run("--preview")
    run("--save", str(tmp_path / "report.eml"))
    assert (tmp_path / "report.eml").read_bytes().count(b"text/html") == 1
    assert django_mail.outbox == []
    assert run("--every", "month") == "Sent to owner@example.com.\n"
    assert json.loads(run("--json", "--to", "me@example.com"))["to"] == ["me@example.com"]
    assert [mail.to for mail in django_mail.outbox] == [["owner@example.com"], ["me@example.com"]]
    assert not Report.objects.exists()


@pytest.mark.django_db
def test_command_says_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="There is nobody to send it to"):
        run()
    with pytest.raises(CommandError, match="could not be written: No such file or directory"):
        run("--save", str(tmp_path / "no" / "report.eml"))
    for text in ("not an address", "me@example.com\nBcc: you@example.com", ""):
        with pytest.raises(CommandError, match="is not a mail address such as"):
            run("--to", text)
    assert django_mail.outbox == []
