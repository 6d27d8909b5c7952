from django.apps import AppConfig
from django.db.models.signals import post_migrate, pre_migrate


class AnalyticsConfig(AppConfig):
    default_auto_field = "django.db.models.BigAutoField"
    name = "analytics"

    def ready(self) -> None:
        from analytics import views_sql
        from analytics.alerts import rounds as alerts
        from analytics.alerts import rules
        from analytics.measures import cohort_making
        from analytics.reporting import rounds as reports
        from promos import rounds

        # Both are sent for each app that has models; as the sender, this one makes it once a database.
        pre_migrate.connect(views_sql.drop_before_migrate, sender=self)
        post_migrate.connect(views_sql.create_after_migrate, sender=self)
        rules.refuse_unknown_kinds()
        rounds.register("alerts", alerts.work)
        rounds.register("reports", reports.work)
        rounds.register("cohorts", cohort_making.work)
