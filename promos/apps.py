from django.apps import AppConfig


class PromosConfig(AppConfig):
    default_auto_field = "django.db.models.BigAutoField"
    name = "promos"
    verbose_name = "Promo codes"

    def ready(self) -> None:
        from promos import signals, stripe_gateway

        stripe_gateway.point_sdk_at_host()
        signals.connect()
