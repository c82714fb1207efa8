"""Tokens made before this table was kept by the app `knox`. They go on working, as tokens that may trade.

Its table goes, so that no hash of a token that was revoked later stays behind; the way back makes none of them anew.
"""

from django.db import migrations
from django.db.migrations.recorder import MigrationRecorder


def take_over(apps, schema_editor):
    connection = schema_editor.connection
    with connection.cursor() as cursor:
        if "knox_authtoken" not in connection.introspection.table_names(cursor):
            return
        cursor.execute(
            "INSERT INTO tokens_apitoken (user_id, name, scope, key, digest, created_at, expires_at) "
            "SELECT user_id, '', 'trade', token_key, digest, created, expiry FROM knox_authtoken ORDER BY created"
        )
        cursor.execute("DROP TABLE knox_authtoken")
    MigrationRecorder(connection).migration_qs.filter(app="knox").delete()


class Migration(migrations.Migration):
    dependencies = [("tokens", "0001_initial")]

    operations = [migrations.RunPython(take_over, migrations.RunPython.noop)]
