"""The report as a mail: plain text, and HTML with the charts as pictures inside the mail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.mime.image import MIMEImage

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse

from analytics import dashboard, reports
from analytics.attention import Concern
from analytics.blocks import Card
from analytics.periods import Period
from analytics.reporting import svg
from analytics.reporting.svg import Series
from analytics.reports import Section
from promos import money

NET_COLOUR, DISCOUNT_COLOUR = "#4f46e5", "#f59e0b"
#: Of the codes with the most redemptions.
TOP_CODES = 5


class _WithPictures(EmailMultiAlternatives):
    """Its attachments are parts of its HTML."""

    mixed_subtype = "related"


@dataclass(frozen=True)
class Picture:
    """A chart inside the mail: ``cid`` names it, ``words`` stand where it is not shown."""

    cid: str
    words: str
    drawing: str


@dataclass(frozen=True)
class Part:
    """What the report says of one currency; the rows are code, redemptions, discount and net."""

    currency: str
    cards: Sequence[Card]
    pictures: Sequence[Picture]
    top_codes: Sequence[tuple[str, str, str, str]]


@dataclass(frozen=True)
class Letter:
    title: str
    period: Period
    parts: Sequence[Part]
    general: Sequence[Card]
    concerns: Sequence[Concern]


def write(period: Period, *, now: datetime) -> Letter:
    """Put the figures of a period into a letter, beside those of as many days before."""
    overview = reports.overview(period, now=now)
    home = dashboard.build(overview)
    return Letter(
        title=f"Promo codes from {period.first_day} to {period.last_day}",
        period=period,
        parts=[
            Part(block.currency, block.cards, _pictures(section, period), _top_codes(section))
            for section, block in zip(overview.sections, home.blocks, strict=True)
        ],
        general=home.general,
        concerns=home.concerns,
    )


def mail(letter: Letter, *, to: Sequence[str]) -> EmailMultiAlternatives:
    """Return the letter as a mail. Pictures are named by the HTML alone; many programs show no SVG."""
    context = {"letter": letter, "site": settings.SITE_URL, "home": reverse("admin:index")}
    message = _WithPictures(
        subject=f"[Promodesk] {letter.title}",
        body=render_to_string("analytics/report/mail.txt", context),
        to=list(to),
    )
    message.attach_alternative(render_to_string("analytics/report/mail.html", context), "text/html")
    for part in letter.parts:
        for picture in part.pictures:
            message.attach(_attachment(picture))
    return message


def _attachment(picture: Picture) -> MIMEImage:
    image = MIMEImage(picture.drawing.encode(), _subtype="svg+xml")
    image.add_header("Content-ID", f"<{picture.cid}>")
    image.add_header("Content-Disposition", "inline", filename=f"{picture.cid}.svg")
    return image


def _pictures(section: Section, period: Period) -> list[Picture]:
    currency, points = section.currency, section.points
    labels = [point.day.isoformat() for point in points]
    moved = [
        Series("Net revenue", [point.net_amount for point in points], NET_COLOUR),
        Series("Discount given", [point.discount_amount for point in points], DISCOUNT_COLOUR),
    ]
    used = [Series("Redemptions", [point.redemptions for point in points], NET_COLOUR)]
    most = max((value for each in moved for value in each.values), default=0)
    often = max(used[0].values, default=0)
    return [
        _picture(
            f"Money by {period.bucket}, {currency.upper()}", labels, moved, money.display(most, currency)
        ),
        _picture(f"Redemptions by {period.bucket}, {currency.upper()}", labels, used, f"{often:,}"),
    ]


def _picture(title: str, labels: Sequence[str], series: Sequence[Series], highest: str) -> Picture:
    cid = title.lower().replace(",", "").replace(" ", "-")
    return Picture(cid, f"{title}, highest {highest}", svg.bars(title, labels, series, highest=highest))


def _top_codes(section: Section) -> list[tuple[str, str, str, str]]:
    return [
        (
            code.name,
            f"{code.redemptions:,}",
            money.display(code.discount_amount, code.currency),
            money.display(code.net_amount, code.currency),
        )
        for code in section.top_codes[:TOP_CODES]
    ]
