"""Keeping codes in step with Stripe, in both directions."""
