"""All settings. Secrets and infrastructure come from the environment, or from the file named by ENV_FILE
(default `.env`); what an operator tunes while the server runs is in SystemSettings, edited in the admin.

A wrong value stops the start with one line that names the variable and the remedy.
"""

from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from botbalance import logs, notifying
from botbalance.environment import address, between, choice, database, env, flag, moment, positive, rate, server, whole
from botbalance.environment import addresses as ip_addresses
from botbalance.openapi.settings import SPECTACULAR_SETTINGS  # noqa: F401  (a setting)

BASE_DIR = Path(__file__).resolve().parent.parent
ENV_FILE = Path(env.str("ENV_FILE", default=str(BASE_DIR / ".env")))
if ENV_FILE.is_file():
    env.read_env(ENV_FILE)

# --- What must be right before anything starts -----------------------------------------------------------

DEBUG = flag("DEBUG", False)

SECRET_KEY = env.str("SECRET_KEY", default="")
if DEBUG and not SECRET_KEY:
    SECRET_KEY = "debug-only-key-that-no-production-server-may-ever-use"  # noqa: S105  (refused without DEBUG)
if not DEBUG and (len(SECRET_KEY) < 40 or len(set(SECRET_KEY)) < 8 or "debug-only" in SECRET_KEY):
    raise ImproperlyConfigured(
        "SECRET_KEY is missing or weak: `python -m botbalance.first_run` writes a fresh .env with strong secrets."
    )

FERNET_KEYS = env.list("FERNET_KEYS", default=[])
FERNET_USE_HKDF = False
if not FERNET_KEYS:
    raise ImproperlyConfigured(
        "FERNET_KEYS is not set: it encrypts exchange keys. `python -m botbalance.first_run` writes one to .env."
    )
for _position, _key in enumerate(FERNET_KEYS, start=1):
    try:
        Fernet(_key)
    except ValueError:
        raise ImproperlyConfigured(
            f"FERNET_KEYS: key number {_position} is malformed; each must be 32 url-safe base64-encoded bytes."
        ) from None

EXCHANGE_ENV = choice("EXCHANGE_ENV", "mock", ("mock", "testnet", "mainnet"))

ENABLE_SYSTEM_TESTNET_ACCOUNT = flag("ENABLE_SYSTEM_TESTNET_ACCOUNT", False)
BINANCE_SPOT_TESTNET_API_KEY = env.str("BINANCE_SPOT_TESTNET_API_KEY", default="")
BINANCE_SPOT_TESTNET_API_SECRET = env.str("BINANCE_SPOT_TESTNET_API_SECRET", default="")
if ENABLE_SYSTEM_TESTNET_ACCOUNT and EXCHANGE_ENV == "mainnet":
    raise ImproperlyConfigured("ENABLE_SYSTEM_TESTNET_ACCOUNT is for EXCHANGE_ENV=testnet; it is refused on mainnet.")

# --- Exchange: defaults of what SystemSettings can override, and the venues ------------------------------

PRICING_SOURCE = choice("PRICING_SOURCE", "mid", ("mid", "last"))
PRICING_USE_CACHE = flag("PRICING_USE_CACHE", True)
PRICING_TTL_SECONDS = whole("PRICING_TTL_SECONDS", 3, least=1, most=300)
PAPER_START_BALANCE = positive("PAPER_START_BALANCE", "10000")
TRADING_ENABLED = flag("TRADING_ENABLED", True)
EXCHANGE_INFO_TTL_SECONDS = whole("EXCHANGE_INFO_TTL_SECONDS", 3600, least=3600, most=21_600)
KILL_SWITCH_CANCELS = flag("KILL_SWITCH_CANCELS", True)
IDLE_BALANCE_SECONDS = whole("IDLE_BALANCE_SECONDS", 600, least=60, most=3600)
STALE_PRICE_SECONDS = whole("STALE_PRICE_SECONDS", 60, least=5, most=600)
PRICE_JUMP_PCT = between("PRICE_JUMP_PCT", "10", Decimal("0.1"), Decimal(100))
PRICE_JUMP_MINUTES = whole("PRICE_JUMP_MINUTES", 10, least=3, most=60)
MAX_ORDER_NAV_PCT = between("MAX_ORDER_NAV_PCT", "100", Decimal("0.1"), Decimal(100))
MAX_OPEN_ORDERS = whole("MAX_OPEN_ORDERS", 50, least=1, most=200)
FAILURES_BEFORE_PAUSE = whole("FAILURES_BEFORE_PAUSE", 5, least=1, most=100)
# How often the autopilot looks at each strategy, and orders that are open are asked about.
AUTOPILOT_PERIOD_SECONDS = whole("AUTOPILOT_PERIOD_SECONDS", 30, least=1, most=300)
SYSTEM_SETTINGS_TTL_SECONDS = whole("SYSTEM_SETTINGS_TTL_SECONDS", 5, most=60)

# Below these domains real money is traded; the demo exchange is the one exception.
MAINNET_DOMAINS = ("binance.com", "binance.us")
DEMO_HOSTS = ("demo-api.binance.com",)
BINANCE_MAINNET_URL = address("BINANCE_MAINNET_URL", "https://api.binance.com")
BINANCE_TESTNET_URL = address(
    "BINANCE_TESTNET_URL", "https://testnet.binance.vision", never=MAINNET_DOMAINS, besides=DEMO_HOSTS
)
for _name, _url in (("BINANCE_MAINNET_URL", BINANCE_MAINNET_URL), ("BINANCE_TESTNET_URL", BINANCE_TESTNET_URL)):
    if urlsplit(_url).scheme != "https" and urlsplit(_url).hostname not in ("127.0.0.1", "::1", "localhost"):
        raise ImproperlyConfigured(f"{_name} must begin with https://, or API keys would travel in the open.")
EXCHANGE_CONNECT_TIMEOUT_SECONDS = float(positive("EXCHANGE_CONNECT_TIMEOUT_SECONDS", "3.05"))
EXCHANGE_READ_TIMEOUT_SECONDS = float(positive("EXCHANGE_READ_TIMEOUT_SECONDS", "10"))
# At most so long a failed read waits before its second try, and twice that before its third.
EXCHANGE_BACKOFF_SECONDS = float(positive("EXCHANGE_BACKOFF_SECONDS", "0.5"))
EXCHANGE_RECV_WINDOW_MS = whole("EXCHANGE_RECV_WINDOW_MS", 5000, least=100, most=60_000)
# After so many broken requests in a row nothing is sent to a host for so long.
EXCHANGE_BREAKER_FAILURES = whole("EXCHANGE_BREAKER_FAILURES", 20, least=1, most=1000)
EXCHANGE_BREAKER_SECONDS = whole("EXCHANGE_BREAKER_SECONDS", 15, least=1, most=600)
# A read that must wait its turn waits at most so long, in a worker at most so long: the next turn asks again, and other
# accounts' turns and cancels wait behind it. Reads leave so much of a minute's weight to orders and cancels.
EXCHANGE_QUEUE_SECONDS = whole("EXCHANGE_QUEUE_SECONDS", 20, most=60)
EXCHANGE_BACKGROUND_QUEUE_SECONDS = whole("EXCHANGE_BACKGROUND_QUEUE_SECONDS", 2, most=60)
EXCHANGE_READ_HEADROOM_PCT = whole("EXCHANGE_READ_HEADROOM_PCT", 10, most=90)
# Back-tests: how many of a user wait or run, how many are kept, how many run at once on the server, and how long and
# large one may be.
BACKTESTS_WAITING_PER_USER = whole("BACKTESTS_WAITING_PER_USER", 5, least=1, most=100)
BACKTESTS_KEPT_PER_USER = whole("BACKTESTS_KEPT_PER_USER", 200, least=1, most=10_000)
BACKTESTS_AT_ONCE = whole("BACKTESTS_AT_ONCE", 2, least=1, most=100)
BACKTEST_MOST_SECONDS = whole("BACKTEST_MOST_SECONDS", 240, least=10, most=280)
BACKTEST_MOST_CANDLES = whole("BACKTEST_MOST_CANDLES", 12_000_000, least=1000)
# Whether market capitalisations may be read from a public source (CoinGecko's API) for strategies that weigh by them.
FETCH_MARKET_CAPS = flag("FETCH_MARKET_CAPS", False)
MARKET_CAPS_URL = address("MARKET_CAPS_URL", "https://api.coingecko.com/api/v3")
MARKET_CAPS_KEY = env.str("MARKET_CAPS_KEY", default="").strip()
SERVER_PUBLIC_IP = ip_addresses("SERVER_PUBLIC_IP")  # shown to those who bind a key to them; asked of nobody
ENABLE_OKX = flag("ENABLE_OKX", False)
ENABLE_EARN = flag("ENABLE_EARN", False)
ENABLE_FUTURES = flag("ENABLE_FUTURES", False)

# The paper exchange's market: `walk` (seeded random walk), `live` (a live exchange's public data), or
# `replay:DIRECTORY` of candle files.
PAPER_MARKET = env.str("PAPER_MARKET", default="walk")
if PAPER_MARKET not in ("walk", "live") and not any(Path(PAPER_MARKET.removeprefix("replay:")).glob("*.csv.gz")):
    raise ImproperlyConfigured(
        f"PAPER_MARKET is {PAPER_MARKET!r}; it must be walk, live, or replay:DIRECTORY of candles."
    )
PAPER_SEED = whole("PAPER_SEED", 1)
LEAST_PAPER_SPEED, MOST_PAPER_SPEED = Decimal("0.001"), Decimal(100_000)
PAPER_SPEED = between("PAPER_SPEED", "1", LEAST_PAPER_SPEED, MOST_PAPER_SPEED)
if PAPER_MARKET == "live" and PAPER_SPEED != 1:
    raise ImproperlyConfigured("PAPER_SPEED must be 1 where PAPER_MARKET is live.")
PAPER_WEIGHT_PER_MINUTE = whole("PAPER_WEIGHT_PER_MINUTE", 6000, least=100)
PAPER_LIVE_URL = address("PAPER_LIVE_URL", "https://data-api.binance.vision")
PAPER_REPLAY_START = moment("PAPER_REPLAY_START", "")
PAPER_REPLAY_EPOCH = moment("PAPER_REPLAY_EPOCH", "2026-01-01T00:00:00+00:00")

# --- Where things are kept -------------------------------------------------------------------------------

DATA_DIR = Path(env.str("DATA_DIR", default=str(BASE_DIR / "data")))
try:
    DATA_DIR.mkdir(parents=True, exist_ok=True)
except OSError as _error:
    raise ImproperlyConfigured(f"DATA_DIR {DATA_DIR} cannot be used: {_error.strerror}.") from None
CANDLES_DIR = Path(env.str("CANDLES_DIR", default=str(DATA_DIR / "candles")))


def _database(variable: str, default: str) -> dict[str, Any]:
    config = database(variable, default)
    if config["ENGINE"].endswith("sqlite3"):
        # IMMEDIATE takes the write lock at BEGIN, so that writers of several processes queue instead of failing.
        config["OPTIONS"] = {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        }
    else:
        config["CONN_HEALTH_CHECKS"] = True
    config["CONN_MAX_AGE"] = whole("CONN_MAX_AGE", 600)
    return config


_default_database = _database("DATABASE_URL", f"sqlite:///{DATA_DIR}/botbalance.sqlite3")
_paper_database = _database("PAPER_DATABASE_URL", f"sqlite:///{DATA_DIR}/paper.sqlite3")
if "PAPER_DATABASE_URL" not in env.ENVIRON and not _default_database["ENGINE"].endswith("sqlite3"):
    # The paper exchange keeps its books in a database of its own: a rollback here must not un-place an order there.
    _paper_database = {**_default_database, "NAME": f"{_default_database['NAME']}_paper"}
DATABASES = {"default": _default_database, "paper": _paper_database}
DATABASE_ROUTERS = ["botbalance.databases.PaperRouter"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = server("REDIS_URL", "", ("redis", "rediss", "unix"))
CACHES: dict[str, dict[str, Any]] = {
    "default": (
        {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL, "KEY_PREFIX": "botbalance"}
        if REDIS_URL
        else {
            "BACKEND": "django.core.cache.backends.db.DatabaseCache",
            "LOCATION": "cache_entries",
            # Above the default of 300 a third of the entries is thrown away, prices and rules among them.
            "OPTIONS": {"MAX_ENTRIES": 20_000},
        }
    )
}

# --- Applications ----------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "botbalance",
    "orders",
    "orders.dust",
    "strategies",
    "strategies.backtest",
    "portfolio",
    "exchanges",
    "exchanges.paper",
    "accounts",
    "accounts.idempotency",
    "accounts.tokens",
    "accounts.notifications",
    "botbalance.lib",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "csp",
    "django_celery_beat",
    "django_htmx",
    "drf_spectacular",
    "rest_framework",
    "solo",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "botbalance.status.middleware.OpenPages",
    "botbalance.lib.api_versions.ApiVersionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.middleware.TimeZoneMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "botbalance.lib.web.ErrorPageMiddleware",
    "botbalance.status.middleware.KnownBeforeTheView",
]

ROOT_URLCONF = "botbalance.urls"
WSGI_APPLICATION = "botbalance.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "botbalance.context.venue",
                "botbalance.context.steps",
                "botbalance.context.status",
                "accounts.context.notices",
            ],
            "builtins": [f"botbalance.lib.templatetags.{name}" for name in ("numbers", "moments", "fields")],
        },
    },
]

TEMPLATES.append(
    {
        "BACKEND": "django.template.backends.jinja2.Jinja2",
        "APP_DIRS": True,
        "OPTIONS": {"environment": "botbalance.lib.jinja.environment"},
    }
)
FORM_RENDERER = "botbalance.lib.form_renderer.FormRenderer"

# --- Signing in ------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "dashboard"
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_EMAIL_SUBJECT_PREFIX = "BotBalance: "
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_PREVENT_ENUMERATION = True
vars().update(env.email_url("EMAIL_URL", default="consolemail://"))
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="BotBalance <botbalance@localhost>")

REST_FRAMEWORK = {
    # The token first: the first class decides whether a refused request is a 401 or a 403.
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.tokens.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["accounts.tokens.permissions.WithinScope"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "botbalance.lib.formats.OneFormat",
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "botbalance.openapi.schema.ApiSchema",
    "DEFAULT_THROTTLE_RATES": {"auth": rate("AUTH_THROTTLE", "20/min")},
    "EXCEPTION_HANDLER": "botbalance.lib.api.exception_handler",
    "COERCE_DECIMAL_TO_STRING": True,
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
NOTIFY_ALLOW_PRIVATE_TARGETS = flag("NOTIFY_ALLOW_PRIVATE_TARGETS", False)
NOTIFY_ALLOWED_HOSTS, NOTIFY_ALLOWED_NETWORKS = notifying.targets("NOTIFY_ALLOWED_TARGETS")
NOTIFY_SCHEMAS = notifying.schemas("NOTIFY_SCHEMAS")

# --- Web -------------------------------------------------------------------------------------------------

HTTPS = flag("HTTPS", not DEBUG)
# Where people reach the site: links in e-mails begin with it. Empty: mails name only the path.
SITE_URL = server("SITE_URL", "", ("https", "http")).rstrip("/")
# This machine's own names are always right: health checks ask under them.
ALLOWED_HOSTS = [*env.list("ALLOWED_HOSTS", default=[]), "localhost", "127.0.0.1"]
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
SECURE_SSL_REDIRECT = HTTPS
# Asked for from this machine and its network, by programs; metrics have a token, or the cookie of HTTPS, of their own.
SECURE_REDIRECT_EXEMPT = [r"^health/", r"^metrics$"]
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# One proxy in front, or none: only then is what a client says of its own address believed.
BEHIND_PROXY = flag("BEHIND_PROXY", False)
ALLAUTH_TRUSTED_PROXY_COUNT = int(BEHIND_PROXY)
REST_FRAMEWORK["NUM_PROXIES"] = int(BEHIND_PROXY)
if BEHIND_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    }
}

STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
# One machine serves the files where they are; a container collects them once (`manage.py collectstatic`).
WHITENOISE_USE_FINDERS = flag("SERVE_STATIC_FROM_SOURCE", DEBUG)
STATIC_ROOT = None if WHITENOISE_USE_FINDERS else BASE_DIR / "staticfiles"

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("ru", _("Russian"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True

# --- Background work -------------------------------------------------------------------------------------

# Without a server the broker is this process's memory; due work is derived from rows, a message only hurries it.
CELERY_BROKER_URL = server("CELERY_BROKER_URL", REDIS_URL or "memory://localhost/", ("redis", "rediss", "memory"))
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_TIME_LIMIT = 300
CELERY_TIMEZONE = "UTC"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# Without acknowledgements: whatever is lost with a worker comes round with the next turn of its row, and a worker that
# acknowledges through a broken connection to Redis ends by it.
CELERY_BROKER_TRANSPORT_OPTIONS = (
    {"socket_timeout": 5, "socket_connect_timeout": 5, "ack_emulation": False} if REDIS_URL else {}
)
CELERY_WORKER_HIJACK_ROOT_LOGGER = False

# --- Logs and errors -------------------------------------------------------------------------------------

LOGGING = logs.configuration(choice("LOG_LEVEL", "INFO", logs.LEVELS))

# For whoever scrapes /metrics; empty: only a signed-in superadmin may read them.
METRICS_TOKEN = env.str("METRICS_TOKEN", default="").strip()
if METRICS_TOKEN and len(METRICS_TOKEN) < 20:
    raise ImproperlyConfigured("METRICS_TOKEN is too short to keep a secret: make it 20 characters or more.")

SENTRY_DSN = server("SENTRY_DSN", "", ("http", "https"))
logs.report_errors_to(SENTRY_DSN)
