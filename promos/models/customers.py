"""Who redeems codes. The only place where an email address of a customer is kept."""

from django.conf import settings
from django.db import models


def email_key(email: str) -> str:
    """Return the form of an address under which two spellings of one mailbox are equal (case, outer spaces)."""
    return email.strip().casefold()


class Customer(models.Model):
    """A person who buys, with or without an account here; at most one per Stripe customer."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="promo_customer",
    )
    email = models.EmailField(blank=True)
    email_key = models.CharField(max_length=254, blank=True, db_index=True, editable=False)
    # NULL until the customer is made at Stripe, before a first checkout.
    stripe_customer_id = models.CharField(max_length=255, null=True, blank=True, editable=False)  # noqa: DJ001
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["stripe_customer_id"], name="promos_customer_stripe_id_unique"),
        ]

    def __str__(self) -> str:
        return self.email or self.stripe_customer_id or f"Customer {self.pk}"

    def save(self, *args: object, **kwargs: object) -> None:
        self.email_key = email_key(self.email)
        super().save(*args, **kwargs)  # type: ignore[arg-type]
