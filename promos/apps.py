from django.apps import AppConfig
from django.db.models.signals import post_migrate


class PromosConfig(AppConfig):
    default_auto_field = "django.db.models.BigAutoField"
    name = "promos"
    verbose_name = "Promodesk"

    def ready(self) -> None:
        from promos import roles, search_index, signals, stripe_gateway
        from promos.webhooks import djstripe_wiring, signing_secrets

        stripe_gateway.point_sdk_at_host()
        signals.connect()
        post_migrate.connect(search_index.create_after_migrate, sender=self)
        # Rights come with every app, in whatever order.
        post_migrate.connect(roles.grant_after_migrate)
        djstripe_wiring.disconnect_handlers()
        signing_secrets.connect()
