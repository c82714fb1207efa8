from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor


def set_unlogged(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """PostgreSQL need not bring to the disk what nobody needs after a crash: a request would wait for it twice."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE exchanges_trafficstate SET UNLOGGED")


class Migration(migrations.Migration):
    dependencies = [("exchanges", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="TrafficState",
            fields=[
                ("key", models.CharField(max_length=300, primary_key=True, serialize=False)),
                ("state", models.TextField(blank=True, default="")),
            ],
            options={"verbose_name": "exchange traffic", "verbose_name_plural": "exchange traffic"},
        ),
        migrations.RunPython(set_unlogged, migrations.RunPython.noop),
    ]
