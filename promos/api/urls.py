"""The addresses of the API, below /api/promo-codes/."""

from typing import Any

from django.http import Http404
from django.urls import path
from django.utils.translation import gettext as _
from drf_spectacular.views import SpectacularJSONAPIView
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from promos.api import code_views, customer_views
from promos.api.base import ApiView


class DocumentView(ApiView, SpectacularJSONAPIView):
    """The OpenAPI document of everything here."""

    schema = None


class NothingView(ApiView):
    """Any other address: an error in our shape instead of a page."""

    schema = None

    def http_method_not_allowed(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        if not request.path.endswith("/"):
            raise NotFound(_("There is nothing here; the addresses of the API end in a slash."))
        raise Http404


app_name = "promo_codes_api"
urlpatterns = [
    path("", code_views.CodesView.as_view(), name="codes"),
    path("plans/", customer_views.PlansView.as_view(), name="plans"),
    path("validate/", customer_views.ValidateView.as_view(), name="validate"),
    path("checkout/", customer_views.CheckoutView.as_view(), name="checkout"),
    path("openapi.json", DocumentView.as_view(), name="openapi"),
    path("<int:pk>/", code_views.CodeView.as_view(), name="code"),
    path("<int:pk>/pause/", code_views.PauseView.as_view(), name="pause"),
    path("<int:pk>/resume/", code_views.ResumeView.as_view(), name="resume"),
    path("<int:pk>/archive/", code_views.ArchiveView.as_view(), name="archive"),
    path("<int:pk>/usages/", code_views.UsagesView.as_view(), name="usages"),
    path("<int:pk>/funnel/", code_views.FunnelView.as_view(), name="funnel"),
    path("<path:anything>", NothingView.as_view()),
]
