"""What Stripe tells us: the gate that takes its events in, and what each of them does here."""
