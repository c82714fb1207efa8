import django.utils.timezone
from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

import botbalance.lib.moments


def close_where_there_are_users(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """A server that has users was set up long ago."""
    using = schema_editor.connection.alias
    if apps.get_model("accounts", "User").objects.using(using).exists():
        apps.get_model("accounts", "SetUp").objects.using(using).create(id=1)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_notice_next_try"),
    ]

    operations = [
        migrations.AddField(
            model_name="user",
            name="time_zone",
            field=models.CharField(
                blank=True,
                default="",
                help_text="In which times are shown, like Europe/Berlin. Empty: UTC.",
                max_length=64,
                validators=[botbalance.lib.moments.validate_zone],
                verbose_name="time zone",
            ),
        ),
        migrations.AddField(
            model_name="user", name="is_guided", field=models.BooleanField(default=False, editable=False)
        ),
        migrations.AddField(
            model_name="user", name="has_previewed", field=models.BooleanField(default=False, editable=False)
        ),
        migrations.CreateModel(
            name="SetUp",
            fields=[
                (
                    "id",
                    models.PositiveSmallIntegerField(default=1, editable=False, primary_key=True, serialize=False),
                ),
                ("at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
            ],
            options={
                "verbose_name": "set-up",
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("id", 1)), name="accounts_set_up_once"),
                ],
            },
        ),
        migrations.RunPython(close_where_there_are_users, migrations.RunPython.noop),
    ]
