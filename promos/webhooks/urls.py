"""Where Stripe's events arrive. Both with and without the last slash: a redirect counts as a failed delivery."""

from django.urls import include, path

from promos.webhooks import gate

#: Addresses of endpoints made in dj-stripe's admin; its own view is never routed.
djstripe_patterns = [
    path("webhook/<uuid:uuid>/", gate.receive, name="djstripe_webhook_by_uuid"),
    path("webhook/<uuid:uuid>", gate.receive),
]

urlpatterns = [
    path("stripe/", gate.receive, name="stripe_webhook"),
    path("stripe", gate.receive),
    path("stripe/promo-codes/", gate.receive),
    path("stripe/promo-codes", gate.receive),
    path("stripe/", include((djstripe_patterns, "djstripe"))),
]
