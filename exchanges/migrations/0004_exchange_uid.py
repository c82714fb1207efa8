from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("exchanges", "0003_traffic_pause")]

    operations = [
        migrations.AddField(
            model_name="exchangeaccount",
            name="exchange_uid",
            field=models.BigIntegerField(blank=True, editable=False, null=True),
        ),
    ]
