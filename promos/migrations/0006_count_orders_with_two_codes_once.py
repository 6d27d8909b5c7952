"""Days of plans counted an order with two codes as two discounted orders: take the second one away."""

from datetime import UTC

from django.db import migrations
from django.db.models import Count, F
from django.db.models.functions import TruncDate


def count_once(apps, schema_editor):
    entries = apps.get_model("promos", "LedgerEntry").objects.using(schema_editor.connection.alias)
    days = apps.get_model("promos", "PlanDayTotal").objects.using(schema_editor.connection.alias)
    shares = entries.filter(kind="share", discount_amount__gt=0).values(
        "plan", "currency", day=TruncDate("occurred_at", tzinfo=UTC)
    )
    for share in shares.annotate(times=Count("pk")).order_by():
        times = share.pop("times")
        days.filter(**share).update(discounted_orders=F("discounted_orders") - times)


class Migration(migrations.Migration):
    dependencies = [("promos", "0005_find_scheduled_codes")]

    operations = [migrations.RunPython(count_once, migrations.RunPython.noop)]
