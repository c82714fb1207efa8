from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("exchanges", "0002_traffic")]

    operations = [
        migrations.CreateModel(
            name="TrafficPause",
            fields=[
                ("host", models.CharField(max_length=300, primary_key=True, serialize=False)),
                ("since_ms", models.BigIntegerField()),
                ("until_ms", models.BigIntegerField()),
                ("status", models.PositiveSmallIntegerField()),
            ],
            options={"verbose_name": "traffic pause", "verbose_name_plural": "traffic pauses"},
        ),
    ]
