"""The owner's home in words: cards, charts and tables made from an overview, each with its formula and its rows."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from analytics import attention, blocks, charts, formulas, links
from analytics.attention import Concern
from analytics.blocks import Card, Table
from analytics.charts import Chart
from analytics.measures.top_codes import TopCode
from analytics.periods import Period
from analytics.reports import Figures, Overview, Section
from promos import money
from promos.models import LedgerEntry, PromoCodeUsage


@dataclass(frozen=True)
class CurrencyBlock:
    currency: str
    cards: list[Card]
    charts: list[Chart]
    plan_mix: Chart
    top_codes: Table


@dataclass(frozen=True)
class Dashboard:
    blocks: list[CurrencyBlock]
    general: list[Card]
    concerns: list[Concern]
    recent: Table
    has_codes: bool


def build(overview: Overview) -> Dashboard:
    """Put an overview into words."""
    return Dashboard(
        blocks=[_block(section, overview.period) for section in overview.sections],
        general=[_conversion(overview), blocks.codes_used(overview.codes_used, links.used_codes())],
        concerns=attention.concerns(overview),
        recent=_recent(overview.recent),
        has_codes=overview.has_codes,
    )


def _block(section: Section, period: Period) -> CurrencyBlock:
    currency = section.currency
    return CurrencyBlock(
        currency=currency.upper(),
        cards=[
            _savings(section.now, section.before, period),
            _redemptions(section.now, section.before, period),
            _net(section.now, section.before, period),
            _most_used(section.top_codes),
        ],
        charts=[
            charts.money_over_time(section.points, currency, period, formula=formulas.OVER_TIME),
            charts.redemptions_over_time(section.points, period, formula=formulas.REDEMPTIONS),
        ],
        plan_mix=charts.plan_mix(section.plans, formula=formulas.PLAN_MIX),
        top_codes=_top_codes(section.top_codes),
    )


def _savings(now: Figures, before: Figures, period: Period) -> Card:
    return Card(
        title="Total customer savings",
        value=money.display(now.money.discount_amount, now.currency),
        note=blocks.before(money.display(before.money.discount_amount, now.currency), period),
        formula=formulas.SAVINGS,
        link=links.entries(period, currency=now.currency, discount_amount__gt="0"),
    )


def _redemptions(now: Figures, before: Figures, period: Period) -> Card:
    new, share = now.redemptions.new_customer_redemptions, now.new_customer_share
    return Card(
        title="Redemptions",
        value=f"{now.redemptions.redemptions:,}",
        note=blocks.before(f"{before.redemptions.redemptions:,}", period),
        lines=[("By new customers", f"{new:,} ({share})")],
        formula=f"{formulas.REDEMPTIONS} By new customers: {formulas.BY_NEW_CUSTOMERS}",
        link=links.redemptions(period, currency=now.currency),
    )


def _net(now: Figures, before: Figures, period: Period) -> Card:
    def shown(amount: int) -> str:
        return money.display(amount, now.currency)

    paid_back = now.money.refunded_amount + now.money.disputed_amount
    return Card(
        title="Net revenue with a code",
        value=shown(now.money.net_amount),
        note=blocks.before(shown(before.money.net_amount), period),
        lines=[
            ("Gross", shown(now.money.gross_amount)),
            ("Discount", shown(-now.money.discount_amount)),
            ("Refunds and disputes", shown(-paid_back)),
            # Not discount ÷ gross of the lines above: renewals at full price are left out of it.
            ("Discount rate, where discounted", str(now.discount_rate)),
        ],
        formula=f"{formulas.NET} Gross: {formulas.GROSS} Discount rate: {formulas.DISCOUNT_RATE}",
        link=links.entries(period, currency=now.currency),
    )


def _most_used(top: list[TopCode]) -> Card:
    title = "Most used code"
    if not top:
        return Card(title=title, value="—", note="No redemptions in this period.", formula=formulas.MOST_USED)
    first = top[0]
    return Card(
        title=title,
        value=first.name,
        note=f"{blocks.counted(first.redemptions, 'redemption')}, saving {money.display(first.discount_amount, first.currency)}",
        formula=formulas.MOST_USED,
        link=links.unit(first.unit),
    )


def _conversion(overview: Overview) -> Card:
    ratio, before = overview.conversion, overview.conversion_before
    return Card(
        title="Conversion, code to purchase",
        value=blocks.headline(ratio),
        note=blocks.before(blocks.headline(before), overview.period),
        lines=[blocks.cases("Bought, of those who entered a code", ratio)],
        formula=formulas.CONVERSION,
        link=links.accepted_checks(overview.period),
    )


def _top_codes(top: list[TopCode]) -> Table:
    return Table(
        headers=["Code", "Redemptions", "Discount", "Net"],
        rows=[
            [
                _link(links.unit(code.unit), code.name),
                f"{code.redemptions:,}",
                money.display(code.discount_amount, code.currency),
                money.display(code.net_amount, code.currency),
            ]
            for code in top
        ],
        numbers=3,
        formula=formulas.TOP_CODES,
    )


def _recent(entries: list[LedgerEntry]) -> Table:
    return Table(
        headers=["When", "What", "Code", "Customer", "Discount", "Net"],
        rows=[_activity(entry) for entry in entries],
        numbers=2,
    )


def _activity(entry: LedgerEntry) -> list[str | SafeString]:
    usage = entry.usage
    assert usage is not None  # the query takes entries of a redemption only
    return [
        timezone.localtime(entry.occurred_at).strftime("%Y-%m-%d %H:%M"),
        entry.get_kind_display(),
        _link(links.row(PromoCodeUsage, usage.pk), usage.promo_code.code),
        str(entry.customer or "Unknown"),
        money.display(entry.discount_amount, entry.currency),
        money.display(entry.net_amount, entry.currency),
    ]


def _link(address: str, text: str) -> SafeString:
    return format_html('<a href="{}">{}</a>', address, text)
