"""Settings of the test suite: the real ones over a fixed environment. Nothing here is a secret of any server."""

import os
import tempfile

# What the shell exports must not decide where the tests trade, or what they report to whom. The processes that tests
# start inherit this environment, and what a test gives them on purpose stays.
if "BOTBALANCE_TESTS_HAVE_BEGUN" not in os.environ:
    for _name in list(os.environ):
        if _name != "PAPER_DATABASE_URL" and (
            _name.startswith(("EXCHANGE_", "PAPER_", "PRICING_", "SENTRY_", "ENABLE_", "NOTIFY_"))
            or _name == "TRADING_ENABLED"
            or (_name.startswith("BINANCE_") and _name.endswith("_URL"))
        ):
            del os.environ[_name]
    os.environ["EXCHANGE_ENV"] = "mock"
    os.environ["BOTBALANCE_TESTS_HAVE_BEGUN"] = "1"

os.environ["ENV_FILE"] = os.environ.get("TEST_ENV_FILE", "/nonexistent/.env")
os.environ.setdefault("SECRET_KEY", "0f3c9b1e7ad25846tests-only-0f3c9b1e7ad25846tests-only")
os.environ.setdefault("FERNET_KEYS", "dGVzdHMtb25seS10ZXN0cy1vbmx5LXRlc3RzLW9ubHk=")
os.environ.setdefault("HTTPS", "false")
os.environ.setdefault("SERVE_STATIC_FROM_SOURCE", "true")
os.environ.setdefault("DATA_DIR", tempfile.mkdtemp(prefix="botbalance-tests-"))
os.environ.setdefault("AUTH_THROTTLE", "10000/min")
os.environ.setdefault("EXCHANGE_BACKOFF_SECONDS", "0.01")
os.environ.setdefault("EXCHANGE_QUEUE_SECONDS", "0")
os.environ.setdefault("EMAIL_URL", "memorymail://")

# Workers of one run clear the cache as they please: each has a Redis database of its own, down from the one given.
if os.environ.get("REDIS_URL"):
    _address, _slash, _number = os.environ["REDIS_URL"].rpartition("/")
    _worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    os.environ["REDIS_URL"] = f"{_address}/{max(0, int(_number) - _worker)}"
    os.environ.setdefault("CELERY_BROKER_URL", "memory://localhost/")

from botbalance.settings import *  # noqa: F403  (a settings module is its names)
from botbalance.settings import DATA_DIR, DATABASES

for _alias, _config in DATABASES.items():
    if _config["ENGINE"].endswith("sqlite3"):
        # Files, not memory: tests with several threads or processes must see one database.
        _config["TEST"] = {"NAME": str(DATA_DIR / f"test_{_alias}.sqlite3")}
        _config["OPTIONS"]["init_command"] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;"
    else:
        _config["OPTIONS"] = {"options": "-c synchronous_commit=off"}
    _config["CONN_MAX_AGE"] = 0

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # speed only
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
ACCOUNT_RATE_LIMITS = False
# Each test client builds the middleware anew: static files are looked up when asked for, not all of them every time.
WHITENOISE_AUTOREFRESH = True
