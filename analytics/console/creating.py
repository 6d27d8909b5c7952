"""Make a code from options."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.core.management.base import CommandError

from analytics.console import finding, status
from analytics.console.answer import Answer
from promos import promo_codes
from promos.models import Offer, PromoCode

HELP = "Make a code; the worker pushes it to Stripe. Amounts in minor units: 2950 with usd is $29.50."
#: The option behind each field, for errors in the words of the person who typed it.
OPTIONS = {
    "code": "CODE",
    "percent_off": "--percent",
    "amount_off": "--amount-off",
    "currency": "--currency",
    "fixed_price_amount": "--fixed-price",
    "list_price_id": "--price",
    "product_ids": "--product",
    "duration": "--duration",
    "duration_in_months": "--months",
    "max_redemptions": "--max-redemptions",
    "max_redemptions_per_customer": "--per-customer",
    "starts_at": "--starts-at",
    "expires_at": "--expires-at",
}


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("code", help="letters A to Z, digits and hyphens")
    kind = parser.add_mutually_exclusive_group(required=True)
    kind.add_argument("--percent", type=_percentage, metavar="P", help="percent off")
    kind.add_argument("--amount-off", type=int, metavar="N", help="amount off; needs --currency")
    kind.add_argument("--fixed-price", type=int, metavar="N", help="what the customer pays; needs --price")
    kind.add_argument("--free", action="store_true", help="everything off")
    parser.add_argument("--currency", default="", metavar="C", help="of --amount-off, as usd")
    parser.add_argument("--price", default="", metavar="PRICE_ID", help="the Stripe price of --fixed-price")
    parser.add_argument(
        "--product", action="append", default=[], metavar="ID", help="only this product; repeatable"
    )
    parser.add_argument(
        "--duration",
        choices=Offer.Duration.values,
        help="once unless given; forever for --fixed-price and --free",
    )
    parser.add_argument("--months", type=int, metavar="N", help="for --duration repeating")
    parser.add_argument("--max-redemptions", type=int, metavar="N", help="uses in all")
    parser.add_argument("--per-customer", type=int, metavar="N", help="uses by one customer")
    parser.add_argument("--starts-at", type=_moment, metavar="T", help="ISO 8601; UTC without an offset")
    parser.add_argument("--expires-at", type=_moment, metavar="T", help="ISO 8601; UTC without an offset")
    parser.add_argument("--campaign", metavar="NAME", help="an existing campaign")


def run(options: dict[str, Any], *, now: datetime) -> Answer:
    _check_pairs(options)
    code = PromoCode(
        code=options["code"],
        campaign=finding.campaign(options["campaign"]) if options["campaign"] else None,
        max_redemptions=options["max_redemptions"],
        max_redemptions_per_customer=options["per_customer"],
        starts_at=options["starts_at"],
        expires_at=options["expires_at"],
    )
    try:
        promo_codes.create(code, offer=_offer(options), now=now)
    except ValidationError as error:
        raise CommandError(_sentence(error)) from error
    return status.report(PromoCode.objects.filter(pk=code.pk), now=now)


def _check_pairs(options: dict[str, Any]) -> None:
    """Refuse options that would be passed over in silence."""
    if options["price"] and options["fixed_price"] is None:
        raise CommandError("--price goes with --fixed-price.")
    if options["fixed_price"] is not None and options["product"]:
        raise CommandError("--fixed-price applies to the product of --price; leave --product out.")
    if options["currency"] and options["amount_off"] is None:
        raise CommandError("--currency goes with --amount-off.")
    if options["months"] is not None and options["duration"] != Offer.Duration.REPEATING:
        raise CommandError("--months goes with --duration repeating.")


def _offer(options: dict[str, Any]) -> Offer:
    kind = _kind(options)
    lasting = kind in {Offer.Kind.FIXED_PRICE, Offer.Kind.FREE}
    return Offer(
        kind=kind,
        percent_off=options["percent"],
        amount_off=options["amount_off"],
        currency=options["currency"].lower(),
        fixed_price_amount=options["fixed_price"],
        list_price_id=options["price"],
        product_ids=options["product"],
        duration=options["duration"] or (Offer.Duration.FOREVER if lasting else Offer.Duration.ONCE),
        duration_in_months=options["months"],
    )


def _kind(options: dict[str, Any]) -> Offer.Kind:
    if options["free"]:
        return Offer.Kind.FREE
    if options["fixed_price"] is not None:
        return Offer.Kind.FIXED_PRICE
    return Offer.Kind.AMOUNT if options["amount_off"] is not None else Offer.Kind.PERCENT


def _percentage(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        raise ArgumentTypeError(f"{text} is not a percentage such as 20 or 12.5") from None


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError(f"{text} is not a time such as 2026-03-31T18:00") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _sentence(error: ValidationError) -> str:
    """Put the errors of all fields into one sentence each, led by the option they belong to."""
    return " ".join(
        message if name == NON_FIELD_ERRORS else f"{OPTIONS.get(name, name)}: {message}"
        for name, messages in error.message_dict.items()
        for message in messages
    )
