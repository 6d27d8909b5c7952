"""What a new object of each kind shows before anything is known of it: Stripe sends these fields whatever happened."""

from copy import deepcopy

from promos.standin.kinds import Document
from promos.standin.sale_shapes import AFTER_SALE
from promos.standin.unset import nulls

__all__ = ["blank", "nulls"]


def blank(kind: str) -> Document:
    """Return a fresh copy of a kind's shape."""
    return deepcopy(BLANK.get(kind, {}))


NO_TAX = {**nulls("disabled_reason liability provider status"), "enabled": False}

BLANK: dict[str, Document] = {
    "product": {
        **nulls(
            "default_price description package_dimensions shippable statement_descriptor tax_code unit_label url"
        ),
        "active": True,
        "images": [],
        "marketing_features": [],
        "metadata": {},
    },
    "price": {
        **nulls("custom_unit_amount lookup_key nickname tiers_mode transform_quantity"),
        "active": True,
        "billing_scheme": "per_unit",
    },
    "customer": {
        **nulls(
            "address currency default_source description discount email invoice_prefix name phone shipping"
        ),
        "balance": 0,
        "delinquent": False,
        "invoice_settings": nulls("custom_fields default_payment_method footer rendering_options"),
        "metadata": {},
        "next_invoice_sequence": 1,
        "preferred_locales": [],
        "tax_exempt": "none",
        "test_clock": None,
    },
    "coupon": {
        **nulls("amount_off currency duration_in_months max_redemptions name percent_off redeem_by"),
        "duration": "once",
        "times_redeemed": 0,
        "valid": True,
    },
    "promotion_code": {
        **nulls("customer customer_account expires_at max_redemptions"),
        "active": True,
        "times_redeemed": 0,
    },
    "checkout.session": {
        **nulls(
            "adaptive_pricing after_expiration allow_promotion_codes billing_address_collection cancel_url"
            " client_reference_id client_secret collected_information consent consent_collection currency_conversion"
            " customer_account customer_creation customer_details customer_email integration_identifier invoice"
            " invoice_creation locale managed_payments origin_context payment_intent payment_link"
            " payment_method_configuration_details permissions recovered_from saved_payment_method_options"
            " setup_intent shipping_address_collection shipping_cost submit_type subscription wallet_options"
        ),
        "automatic_tax": {"enabled": False, **nulls("liability provider status")},
        "custom_fields": [],
        "custom_text": nulls("after_submit shipping_address submit terms_of_service_acceptance"),
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_method_types": ["card"],
        "payment_status": "unpaid",
        "phone_number_collection": {"enabled": False},
        "shipping_options": [],
        "status": "open",
        "ui_mode": "hosted_page",
    },
    "payment_intent": {
        **nulls(
            "application application_fee_amount automatic_payment_methods canceled_at cancellation_reason"
            " customer_account description excluded_payment_method_types last_payment_error latest_charge"
            " managed_payments next_action on_behalf_of payment_method payment_method_configuration_details"
            " processing receipt_email review setup_future_usage shipping statement_descriptor"
            " statement_descriptor_suffix transfer_data transfer_group"
        ),
        "amount_capturable": 0,
        "amount_received": 0,
        "capture_method": "automatic_async",
        "confirmation_method": "automatic",
        "metadata": {},
        "payment_method_options": {"card": {"installments": None, "network": None}},
        "payment_method_types": ["card"],
        "status": "requires_payment_method",
    },
    "charge": {
        **nulls(
            "application application_fee application_fee_amount balance_transaction calculated_statement_descriptor"
            " failure_balance_transaction failure_code failure_message fraud_details on_behalf_of"
            " payment_method_details receipt_email receipt_number receipt_url review shipping source_transfer"
            " statement_descriptor statement_descriptor_suffix transfer_data transfer_group"
        ),
        "amount_captured": 0,
        "amount_refunded": 0,
        "captured": True,
        "disputed": False,
        "outcome": {
            **nulls("advice_code network_advice_code network_decline_code reason"),
            "network_status": "approved_by_network",
            "seller_message": "Payment complete.",
            "type": "authorized",
        },
        "paid": True,
        "refunded": False,
        "status": "succeeded",
    },
    "subscription": {
        **nulls(
            "application application_fee_percent billing_cycle_anchor_config billing_thresholds cancel_at canceled_at"
            " customer_account days_until_due default_payment_method default_source description ended_at"
            " latest_invoice managed_payments next_pending_invoice_item_invoice on_behalf_of pause_collection"
            " pending_invoice_item_interval pending_setup_intent pending_update schedule test_clock transfer_data"
            " trial_end trial_start"
        ),
        "automatic_tax": {"enabled": False, **nulls("disabled_reason liability")},
        "billing_mode": {"flexible": {"proration_discounts": "included"}, "type": "flexible"},
        "billing_schedules": [],
        "cancel_at_period_end": False,
        "cancellation_details": nulls("comment feedback reason"),
        "collection_method": "charge_automatically",
        "default_tax_rates": [],
        "discounts": [],
        "invoice_settings": {"account_tax_ids": None, "issuer": {"type": "self"}},
        "payment_settings": {
            **nulls("payment_method_options payment_method_types"),
            "save_default_payment_method": "off",
        },
        "status": "active",
        "trial_settings": {"end_behavior": {"missing_payment_method": "create_invoice"}},
    },
    "subscription_item": {"billing_thresholds": None, "discounts": [], "metadata": {}, "tax_rates": []},
    "invoice": {
        **nulls(
            "account_tax_ids application automatically_finalizes_at custom_fields customer_account customer_address"
            " customer_name customer_phone customer_shipping default_payment_method default_source description"
            " due_date effective_at footer from_invoice hosted_invoice_url invoice_pdf last_finalization_error latest_revision"
            " next_payment_attempt number on_behalf_of parent receipt_number rendering shipping_cost shipping_details"
            " statement_descriptor test_clock webhooks_delivered_at"
        ),
        "account_country": "US",
        "account_name": "Stand-in for Stripe",
        "amount_overpaid": 0,
        "amount_paid": 0,
        "amount_paid_off_stripe": 0,
        "amount_shipping": 0,
        "attempt_count": 0,
        "attempted": False,
        "auto_advance": False,
        "automatic_tax": NO_TAX,
        "collection_method": "charge_automatically",
        "customer_tax_exempt": "none",
        "customer_tax_ids": [],
        "default_tax_rates": [],
        "discounts": [],
        "ending_balance": 0,
        "issuer": {"type": "self"},
        "metadata": {},
        "payment_settings": nulls("default_mandate payment_method_options payment_method_types"),
        "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0,
        "starting_balance": 0,
        "status": "draft",
        "status_transitions": nulls("finalized_at marked_uncollectible_at paid_at voided_at"),
        "total_discount_amounts": [],
        "total_pretax_credit_amounts": [],
        "total_taxes": [],
    },
    "line_item": {"discountable": True, "discounts": [], "pretax_credit_amounts": [], "taxes": []},
    **AFTER_SALE,
    "discount": nulls("customer_account end invoice invoice_item subscription subscription_item"),
}
