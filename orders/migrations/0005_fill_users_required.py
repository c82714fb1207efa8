"""A migration of its own: PostgreSQL does not alter a table in the transaction that has written to it."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("orders", "0004_fill_users"),
    ]

    operations = [
        migrations.AlterField(
            model_name="fill",
            name="user",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddIndex(
            model_name="fill",
            index=models.Index(fields=["user", "-id"], name="orders_fill_user_id_ada11b_idx"),
        ),
    ]
