"""What new objects show that come after a sale: payments of invoices, refunds, disputes, credit notes, the portal."""

from promos.standin.kinds import Document
from promos.standin.unset import nulls

AFTER_SALE: dict[str, Document] = {
    "invoice_payment": {
        "amount_paid": None,
        "is_default": True,
        "status": "open",
        "status_transitions": nulls("canceled_at paid_at"),
    },
    "refund": {
        **nulls("balance_transaction receipt_number source_transfer_reversal transfer_reversal"),
        "destination_details": {
            "card": {
                "reference_status": "pending",
                "reference_type": "acquirer_reference_number",
                "type": "refund",
            },
            "type": "card",
        },
        "status": "succeeded",
    },
    "balance_transaction": {
        **nulls("description exchange_rate"),
        "balance_type": "payments",
        "fee_details": [],
        "status": "available",
        "type": "adjustment",
    },
    "billing_portal.session": {
        **nulls("customer_account flow locale on_behalf_of return_url"),
        "configuration": "bpc_1StandInForStripe",
    },
    "credit_note": {
        **nulls(
            "customer_account customer_balance_transaction memo out_of_band_amount reason shipping_cost voided_at"
        ),
        "amount_shipping": 0,
        "discount_amount": 0,
        "discount_amounts": [],
        "pretax_credit_amounts": [],
        "refunds": [],
        "status": "issued",
        "total_taxes": [],
    },
    "credit_note_line_item": {
        "description": "Credit",
        "discount_amount": 0,
        "discount_amounts": [],
        "metadata": {},
        "pretax_credit_amounts": [],
        "quantity": 1,
        "tax_rates": [],
        "taxes": [],
        "type": "custom_line_item",
    },
    "dispute": {
        "enhanced_eligibility_types": [],
        "evidence": {
            **nulls(
                "access_activity_log billing_address cancellation_policy cancellation_policy_disclosure"
                " cancellation_rebuttal customer_communication customer_email_address customer_name"
                " customer_purchase_ip customer_signature duplicate_charge_documentation"
                " duplicate_charge_explanation duplicate_charge_id product_description receipt refund_policy"
                " refund_policy_disclosure refund_refusal_explanation service_date service_documentation"
                " shipping_address shipping_carrier shipping_date shipping_documentation"
                " shipping_tracking_number uncategorized_file uncategorized_text"
            ),
            "enhanced_evidence": {},
        },
        "evidence_details": {
            "due_by": None,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
        },
        "is_charge_refundable": False,
        "metadata": {},
        "payment_method_details": {
            "card": {"brand": "visa", "case_type": "chargeback", "network_reason_code": "10.4"},
            "type": "card",
        },
        "reason": "general",
        "status": "needs_response",
    },
    "invoiceitem": {
        **nulls("customer_account description invoice parent pricing test_clock"),
        "discountable": True,
        "discounts": [],
        "metadata": {},
        "proration": False,
        "tax_rates": [],
    },
}
