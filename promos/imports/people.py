"""Whose a personal code is: the customer of an address, or of a Stripe id, that is known here already."""

from __future__ import annotations

from promos.models import Customer
from promos.models.customers import email_key


class People:
    """Finds customers, each once: a file may have a thousand codes of one."""

    def __init__(self) -> None:
        self._found: dict[str, Customer | None] = {}

    def find(self, text: str) -> Customer | None:
        """Return the customer, the first of those who share a mailbox; None for an empty cell.

        Raises:
            ValueError: nobody is known by it. Without its customer the code would be everybody's.
        """
        if not text:
            return None
        if text not in self._found:
            self._found[text] = _customer(text)
        found = self._found[text]
        if found is None:
            raise ValueError(f"customer: There is no customer “{text}”; add them first.")
        return found


def _customer(text: str) -> Customer | None:
    if "@" in text:
        return Customer.objects.filter(email_key=email_key(text)).order_by("pk").first()
    return Customer.objects.filter(stripe_customer_id=text).first()
