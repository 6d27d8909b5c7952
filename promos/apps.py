from django.apps import AppConfig


class PromosConfig(AppConfig):
    default_auto_field = "django.db.models.BigAutoField"
    name = "promos"
    verbose_name = "Promodesk"

    def ready(self) -> None:
        from promos import signals, stripe_gateway
        from promos.webhooks import djstripe_wiring, signing_secrets

        stripe_gateway.point_sdk_at_host()
        signals.connect()
        djstripe_wiring.disconnect_handlers()
        signing_secrets.connect()
