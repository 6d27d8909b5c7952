"""The addresses of the pages of figures: /admin/analytics/<slug>/."""

from django.urls import path

from analytics.pages import registry, views

app_name = "analytics"
urlpatterns = [path(f"{page.slug}/", views.view(page), name=page.slug) for page in registry.PAGES]
