"""The customers' addresses."""

from django.urls import path

from promos.billing import views

app_name = "billing"
urlpatterns = [
    path("billing/", views.plans_page, name="plans"),
    path("billing/check/", views.check, name="check"),
    path("billing/checkout/", views.open_checkout, name="checkout"),
    path("billing/subscription/code/", views.give_code, name="give_code"),
    path("billing/portal/", views.open_portal, name="portal"),
    path("billing/success/", views.success, name="success"),
    path("billing/cancelled/", views.cancelled, name="cancelled"),
    path("p/<str:code>", views.code_link, name="code_link"),
    # As some programs and people write every address.
    path("p/<str:code>/", views.code_link),
]
