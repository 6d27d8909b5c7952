"""Who redeems codes, and their subscriptions. The only place where an email address of a customer is kept."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

#: Providers that deliver to one mailbox whatever follows a plus, and those that overlook dots as well.
_PLUS_DOMAINS = frozenset(
    [
        "outlook.com",
        "hotmail.com",
        "live.com",
        "msn.com",
        "icloud.com",
        "me.com",
        "mac.com",
        "fastmail.com",
        "proton.me",
        "protonmail.com",
        "pm.me",
    ]
)
_DOT_DOMAINS = frozenset({"gmail.com", "googlemail.com"})


def email_key(email: str) -> str:
    """Return the form of an address under which two spellings of one mailbox are equal.

    Case and outer spaces never tell mailboxes apart; +aliases and dots are
    dropped for the providers that drop them, unless ``EMAIL_ALIASES_ARE_ONE`` is off.
    """
    address = email.strip().casefold()
    mailbox, at, domain = address.rpartition("@")
    if not settings.EMAIL_ALIASES_ARE_ONE or domain not in _PLUS_DOMAINS | _DOT_DOMAINS:
        return address
    mailbox = mailbox.partition("+")[0]
    if domain in _DOT_DOMAINS:
        mailbox, domain = mailbox.replace(".", ""), "gmail.com"
    return f"{mailbox}{at}{domain}"


class CustomerQuerySet(models.QuerySet["Customer"]):
    def same_person(self, customer: Customer) -> CustomerQuerySet:
        """The customer, and whoever else has the same mailbox."""
        same = Q(pk=customer.pk)
        if customer.email_key:
            same |= Q(email_key=customer.email_key)
        return self.filter(same)


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
    country = models.CharField(
        max_length=2,
        blank=True,
        default="",
        db_default="",
        help_text="Where they said they live when they last paid, as Stripe's two letters.",
    )
    # NULL until the customer is made at Stripe, before a first checkout.
    stripe_customer_id = models.CharField(max_length=255, null=True, blank=True, editable=False)  # noqa: DJ001
    # From then on no event brings the address back.
    erased_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = CustomerQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["stripe_customer_id"], name="promos_customer_stripe_id_unique"),
        ]
        indexes = [
            models.Index(fields=["country"], condition=~Q(country=""), name="promos_customer_country_idx"),
        ]

    def __str__(self) -> str:
        return self.email or self.stripe_customer_id or f"Customer {self.pk}"

    def save(self, *args: object, **kwargs: object) -> None:
        self.email_key = email_key(self.email)
        super().save(*args, **kwargs)  # type: ignore[arg-type]


class Subscription(models.Model):
    """A customer's subscription as Stripe last described it, for the end of a discount's life."""

    customer = models.ForeignKey(Customer, on_delete=models.PROTECT, related_name="subscriptions")
    stripe_subscription_id = models.CharField(max_length=255)
    status = models.CharField(max_length=20)
    plan = models.CharField(max_length=255, blank=True, help_text="The Stripe price.")
    interval = models.CharField(max_length=10, blank=True)
    # Stripe's promotion codes that still discount it, each with the epoch second of its end, or null;
    # a coupon that Stripe's dashboard put there without a code goes by the discount's own id.
    discounts = models.JSONField(default=dict, blank=True)
    started_at = models.DateTimeField()
    current_period_ends_at = models.DateTimeField(null=True, blank=True)
    cancel_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["stripe_subscription_id"], name="promos_subscription_stripe_id_unique"
            ),
        ]
        indexes = [
            models.Index(fields=["customer", "started_at"], name="promos_subscription_latest_idx"),
        ]

    def __str__(self) -> str:
        return self.stripe_subscription_id
