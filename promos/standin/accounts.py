"""The one account the stand-in has."""

from typing import Any

from promos.standin.call import Call
from promos.standin.errors import StripeError
from promos.standin.kinds import Document

OPENED_AT = 1735689600  # 2025-01-01


def own(call: Call, values: dict[str, Any]) -> Document:
    """Return the account that every key belongs to."""
    profile = {
        "mcc": None,
        "name": "Stand-in for Stripe",
        "support_email": None,
        "support_phone": None,
        "url": None,
    }
    return {
        "id": call.account,
        "object": "account",
        "business_profile": {
            **profile,
            "product_description": None,
            "support_address": None,
            "support_url": None,
        },
        "business_type": "company",
        "capabilities": {"card_payments": "active", "transfers": "active"},
        "charges_enabled": True,
        "country": "US",
        "created": OPENED_AT,
        "default_currency": "usd",
        "details_submitted": True,
        "email": "owner@example.com",
        "metadata": {},
        "payouts_enabled": True,
        "settings": _settings(),
        "type": "standard",
    }


def _settings() -> Document:
    descriptors = {"statement_descriptor_prefix": None}
    kanji = {"statement_descriptor_prefix_kana": None, "statement_descriptor_prefix_kanji": None}
    payments = {"statement_descriptor": "STANDIN", "statement_descriptor_kana": None}
    return {
        "bacs_debit_payments": {"display_name": None, "service_user_number": None},
        "branding": {"icon": None, "logo": None, "primary_color": None, "secondary_color": None},
        "card_issuing": {"tos_acceptance": {"date": None, "ip": None}},
        "card_payments": {
            "decline_on": {"avs_failure": False, "cvc_failure": False},
            **descriptors,
            **kanji,
        },
        "dashboard": {"display_name": "Stand-in for Stripe", "timezone": "Etc/UTC"},
        "invoices": {"default_account_tax_ids": None, "hosted_payment_method_save": "offer"},
        "payments": {**payments, "statement_descriptor_kanji": None},
        "sepa_debit_payments": {},
    }


def retrieve(call: Call, values: dict[str, Any], identifier: str) -> Document:
    """Return the account by its id.

    Raises StripeError: account_invalid for any other.
    """
    if identifier != call.account:
        message = f"The provided key does not have access to account '{identifier}'."
        raise StripeError(message, status=403, code="account_invalid")
    return own(call, values)
