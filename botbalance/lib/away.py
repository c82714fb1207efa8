"""What a database or a cache raises that this server cannot reach, or cannot write to, for the moment.

Nothing is wrong with what was asked for then, and nothing can be written down. A row that the database refuses is
another matter, and a mistake of ours.
"""

from django.db import InterfaceError, InternalError, OperationalError
from redis.exceptions import RedisError

# An InternalError is what a database says that has become a read-only one.
AWAY = (OperationalError, InternalError, InterfaceError, RedisError)
