"""Every address of the site."""

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from analytics.api import AnalyticsView
from promos import health
from promos.api.urls import NothingView

# Above urlpatterns: below them the admin's own password form would still be routed.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="billing:plans"), name="home"),
    path("admin/analytics/", include("analytics.pages.urls")),
    path("admin/", admin.site.urls),
    path("accounts/", include("allauth.urls")),
    path("api/promo-codes/analytics/", AnalyticsView.as_view(), name="api_analytics"),
    # Django would lead there from here, on which a program that posts a code gets the list of codes.
    path("api/promo-codes", NothingView.as_view()),
    path("api/promo-codes/", include("promos.api.urls")),
    path("api/webhooks/", include("promos.webhooks.urls")),
    path("healthz", health.healthz, name="healthz"),
    path("", include("promos.billing.urls")),
]
