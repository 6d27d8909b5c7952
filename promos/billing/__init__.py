"""The customers' pages: plans, a code, the way to Checkout and back."""
