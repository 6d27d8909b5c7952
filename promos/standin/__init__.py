"""A small, stateful stand-in for the Stripe API.

It knows nothing of the product: only Python's standard library is imported here. `server.start()` opens it.
"""
