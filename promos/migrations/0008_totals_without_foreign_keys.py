import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("promos", "0007_keep_minimums_in_further_currencies"),
    ]

    operations = [
        migrations.AlterField(
            model_name="codedaytotal",
            name="batch",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="promos.codebatch",
            ),
        ),
        migrations.AlterField(
            model_name="codedaytotal",
            name="promo_code",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="promos.promocode",
            ),
        ),
        migrations.AlterField(
            model_name="codetotal",
            name="batch",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="promos.codebatch",
            ),
        ),
        migrations.AlterField(
            model_name="codetotal",
            name="promo_code",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="promos.promocode",
            ),
        ),
        migrations.AlterField(
            model_name="codeweektotal",
            name="batch",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="promos.codebatch",
            ),
        ),
        migrations.AlterField(
            model_name="codeweektotal",
            name="promo_code",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="promos.promocode",
            ),
        ),
    ]
