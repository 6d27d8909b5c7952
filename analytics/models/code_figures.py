"""The view ``promo_code_analytics`` as a model to read; its SQL is in analytics.views_sql."""

from django.db import models

from promos.models import Campaign, PromoCode


class PromoCodeAnalytics(models.Model):
    """What one code did in one currency, over all time. Amounts in minor units; a code never used has no row."""

    pk = models.CompositePrimaryKey("promo_code_id", "currency")
    promo_code = models.ForeignKey(
        PromoCode, on_delete=models.DO_NOTHING, db_constraint=False, related_name="analytics"
    )
    code = models.CharField(max_length=255)
    campaign = models.ForeignKey(
        Campaign, null=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="analytics"
    )
    currency = models.CharField(max_length=3)
    uses = models.BigIntegerField()
    unique_customers = models.BigIntegerField()
    new_customer_uses = models.BigIntegerField()
    new_customer_share = models.DecimalField(max_digits=5, decimal_places=4, null=True)
    gross_amount = models.BigIntegerField()
    discount_amount = models.BigIntegerField()
    refunded_amount = models.BigIntegerField()
    disputed_amount = models.BigIntegerField()
    net_amount = models.BigIntegerField()
    charged_amount = models.BigIntegerField()
    orders = models.BigIntegerField()
    payments = models.BigIntegerField()
    discounted_orders = models.BigIntegerField()
    average_discount_amount = models.BigIntegerField(null=True)
    discount_rate = models.DecimalField(max_digits=5, decimal_places=4, null=True)
    first_used_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)
    entered_customers = models.BigIntegerField()
    converted_customers = models.BigIntegerField()
    conversion_rate = models.DecimalField(max_digits=5, decimal_places=4, null=True)

    class Meta:
        managed = False
        db_table = "promo_code_analytics"

    def __str__(self) -> str:
        return f"{self.code} {self.currency}"
