"""Queries that are put together once a process. Django needs longer to write a statement of many columns than the
database to answer it, and every open page asks the same few again and again.
"""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import Model, QuerySet

Row = TypeVar("Row", bound=Model)

NOBODY = -1
"""Stands for the user in a statement that is put together for everybody."""


class Prepared:
    """A `values_list` of which only the user differs.

        STRATEGIES = Prepared(lambda: Strategy.objects.filter(user=NOBODY).values_list("pk", "name"))
        STRATEGIES.rows(user.pk)

    Nothing else in it may depend on the moment: neither the time nor a setting.
    """

    def __init__(self, build: Callable[[], QuerySet[Any, Any]]) -> None:
        self._build = build

    def rows(self, user_id: int) -> list[tuple[Any, ...]]:
        """Rows with the values that fields have in Python."""
        connection, converters = connections[DEFAULT_DB_ALIAS], self._compiled[2]
        found = []
        for row in map(list, self.raw(user_id)):
            for position, (steps, expression) in converters:
                for step in steps:
                    row[position] = step(row[position], expression, connection)
            found.append(tuple(row))
        return found

    def raw(self, user_id: int) -> list[tuple[Any, ...]]:
        """Rows as the database driver gives them: to be compared with others of their kind."""
        sql, parameters, _converters = self._compiled
        with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
            cursor.execute(sql, [user_id if value == NOBODY else value for value in parameters])
            return cursor.fetchall()

    @cached_property
    def _compiled(self) -> tuple[str, tuple[Any, ...], list[tuple[int, Any]]]:
        compiler = self._build().query.get_compiler(DEFAULT_DB_ALIAS)
        sql, parameters = compiler.as_sql()
        converters = compiler.get_converters([column[0] for column in compiler.select])
        return sql, tuple(parameters), list(converters.items())


def row_of(kind: type[Row], names: Sequence[str], values: Sequence[Any]) -> Row:
    """A model's row of these columns (a foreign key as its `_id`); others are read when they are asked for."""
    given = dict(zip(names, values, strict=True))
    # `from_db` takes them in the order of the model's fields.
    fields = [field.attname for field in kind._meta.concrete_fields if field.attname in given]
    return kind.from_db(DEFAULT_DB_ALIAS, fields, [given[name] for name in fields])
