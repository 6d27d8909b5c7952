"""All settings, read from the environment and an optional .env file (see .env.example)."""

import re
from pathlib import Path
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured
from django.templatetags.static import static

from config import environment as env
from config import languages

BASE_DIR = Path(__file__).resolve().parent.parent
DEFAULT_SECRET_KEY = "insecure-key-for-the-demo-and-tests-only-do-not-use-it-anywhere-else"  # noqa: S105

env.read(BASE_DIR / ".env")

# --- The site -------------------------------------------------------------------------------------
SECRET_KEY = env.text("SECRET_KEY", default=DEFAULT_SECRET_KEY)
DEBUG = env.flag("DEBUG", default=False)
SITE_URL = env.address("SITE_URL", default="http://127.0.0.1:8000").rstrip("/")
_site = urlsplit(SITE_URL)
ALLOWED_HOSTS = env.several("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]", str(_site.hostname)])
CSRF_TRUSTED_ORIGINS = [f"{_site.scheme}://{_site.netloc}"]

# An https:// SITE_URL is what says that TLS ends in front of us.
_secure = _site.scheme == "https"
SESSION_COOKIE_SECURE = _secure
CSRF_COOKIE_SECURE = _secure
SECURE_SSL_REDIRECT = _secure
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _secure else None
SECURE_HSTS_SECONDS = 31_536_000 if _secure else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = _secure
SECURE_HSTS_PRELOAD = _secure
# How many proxies of ours stand in front and append to X-Forwarded-For; limits per network need the caller's address.
TRUSTED_PROXY_COUNT = env.whole("TRUSTED_PROXY_COUNT", default=1 if _secure else 0)
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXY_COUNT
# Stripe counts a redirect as a failed delivery; the signature protects the webhook on any scheme.
SECURE_REDIRECT_EXEMPT = [r"^api/webhooks/", r"^healthz$"]
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "config.failures.form_expired"

# --- Stripe ---------------------------------------------------------------------------------------
STANDIN_HOST = "http://127.0.0.1:8421"
#: The key sent to the stand-in, which takes any test key.
STANDIN_SECRET_KEY = "sk_test_PromodeskStandIn000000000"  # noqa: S105
STRIPE_API_VERSION = "2026-08-26.dahlia"

_stripe_key = env.text("STRIPE_SECRET_KEY")
_stripe_host = env.address("STRIPE_API_HOST").rstrip("/")
if _stripe_key and not re.fullmatch(r"(sk|rk)_(test|live)_[A-Za-z0-9]{24,}", _stripe_key):
    raise ImproperlyConfigured(
        "STRIPE_SECRET_KEY must look like sk_test_… or rk_live_… (a secret or restricted key)."
    )
STRIPE_LIVE_MODE = "_live_" in _stripe_key
STRIPE_SECRET_KEY = _stripe_key or STANDIN_SECRET_KEY
#: Where calls to Stripe go; empty means Stripe itself. dj-stripe would read a setting named
#: STRIPE_API_HOST and warn of it in every command, so ours has another name (see promos.apps).
STRIPE_HOST = _stripe_host or ("" if _stripe_key else STANDIN_HOST)
STRIPE_WEBHOOK_SECRETS = env.several("STRIPE_WEBHOOK_SECRET")
STRIPE_CHECKOUT_ORIGIN = STRIPE_HOST or "https://checkout.stripe.com"
STRIPE_PORTAL_ORIGIN = STRIPE_HOST or "https://billing.stripe.com"
# What all workers together send at most; Stripe takes 25 a second from a test account, 100 live.
STRIPE_REQUESTS_PER_SECOND = env.number("STRIPE_REQUESTS_PER_SECOND", default=20.0)
STRIPE_REQUESTS_PER_SECOND_PER_ENDPOINT = env.number("STRIPE_REQUESTS_PER_SECOND_PER_ENDPOINT", default=20.0)
STRIPE_PUSH_THREADS = env.whole("STRIPE_PUSH_THREADS", default=6, least=1)
STRIPE_TIMEOUT_SECONDS = env.number("STRIPE_TIMEOUT_SECONDS", default=10.0)
# What all calls for one page of a customer may take together, who then reads "try again in a moment".
STRIPE_PAGE_SECONDS = env.number("STRIPE_PAGE_SECONDS", default=8.0)
# Whether a code is accepted on our own rules alone while Stripe cannot be asked; the checkout needs Stripe anyway.
ACCEPT_CODES_WITHOUT_STRIPE = env.flag("ACCEPT_CODES_WITHOUT_STRIPE", default=False)

# Limits per customer hold over all spellings of a mailbox: +aliases and dots where the provider drops them.
EMAIL_ALIASES_ARE_ONE = env.flag("EMAIL_ALIASES_ARE_ONE", default=True)
# Whether to keep where visitors of links with codes come from (utm_… and the referring site), in our database only.
TRACKING = env.flag("TRACKING", default=True)
# For how many months ahead a running discount is set aside in its campaign's budget; 0: only what was given.
BUDGET_MONTHS_AHEAD = env.whole("BUDGET_MONTHS_AHEAD", default=12)
# Whether a full refund gives the use of a code back; a campaign has its own say for its codes.
GIVES_BACK_ON_REFUND = env.flag("GIVES_BACK_ON_REFUND", default=True)

# What the owner says of every sale, for profit in reports: gross margin at list price, and what taking a payment
# costs: a share of it and, by currency, minor units for each ("usd=30,eur=25").
GROSS_MARGIN_PERCENT = env.percent("GROSS_MARGIN_PERCENT", default="100", may_be_nothing=False)
FEE_SHARE_PERCENT = env.percent("FEE_SHARE_PERCENT", default="0", may_be_nothing=True)
FEE_AMOUNTS = env.amounts("FEE_AMOUNTS")

# A second person approves codes that give away at least this share of a price, and campaigns with a budget
# above these amounts in minor units ("usd=500000,eur=450000").
APPROVAL_REQUIRED = env.flag("APPROVAL_REQUIRED", default=False)
APPROVAL_SHARE_PERCENT = env.whole("APPROVAL_SHARE_PERCENT", default=100, most=100)
APPROVAL_BUDGETS = env.amounts("APPROVAL_BUDGETS")

if STRIPE_LIVE_MODE and DEBUG:
    raise ImproperlyConfigured("DEBUG must be off beside a live Stripe key.")
if (STRIPE_LIVE_MODE or _secure) and SECRET_KEY == DEFAULT_SECRET_KEY:
    raise ImproperlyConfigured(
        "Set a SECRET_KEY of your own for an https:// SITE_URL and beside a live Stripe key: "
        "who knows the key can sign in as anybody."
    )
if STRIPE_LIVE_MODE and _stripe_host:
    raise ImproperlyConfigured("STRIPE_API_HOST must not be set beside a live Stripe key.")

# dj-stripe keeps the mirror; the gate takes the webhooks (promos.webhooks).
STRIPE_LIVE_SECRET_KEY = STRIPE_SECRET_KEY if STRIPE_LIVE_MODE else ""
STRIPE_TEST_SECRET_KEY = "" if STRIPE_LIVE_MODE else STRIPE_SECRET_KEY
DJSTRIPE_FOREIGN_KEY_TO_FIELD = "id"
# With each command they warn of an earlier installation's endpoint; connect_stripe knows whether a secret is lacking.
SILENCED_SYSTEM_CHECKS = ["djstripe.W005", "djstripe.I006"]

# --- The house ------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "analytics",
    "promos",
    "unfold",
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "csp",
    "django_htmx",
    "djstripe",
    "drf_spectacular",
    "rest_framework",
    "simple_history",
]
MIDDLEWARE = [
    "config.middleware.refuse_unknown_hosts",
    "django.middleware.security.SecurityMiddleware",
    "config.middleware.answer_webhooks_first",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "config.middleware.refuse_large_uploads",
    "config.middleware.refuse_other_charsets",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "config.middleware.staff_second_factor",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    # Who is at it, for the history of codes.
    "simple_history.middleware.HistoryRequestMiddleware",
    "csp.middleware.CSPMiddleware",
    "config.middleware.admin_content_security_policy",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
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
            ],
            "libraries": {"promos_rows": "promos.admin.rows"},
        },
    },
]

# --- Data -----------------------------------------------------------------------------------------
# What grows while it runs: the default database, the stand-in's store, logs.
VAR_DIR = BASE_DIR / "var"
if not env.text("DATABASE_URL"):
    VAR_DIR.mkdir(exist_ok=True)
DATABASES = {"default": env.database("DATABASE_URL", default=f"sqlite:///{VAR_DIR / 'promodesk.sqlite3'}")}
_database = DATABASES["default"]
# Without persistent connections the webhook path loses four fifths of its speed.
_database["CONN_MAX_AGE"] = None
_database["CONN_HEALTH_CHECKS"] = True
if _database["ENGINE"] == "django.db.backends.sqlite3":
    # Without these, concurrent webhooks lose to "database is locked".
    _database.setdefault("OPTIONS", {}).update(
        transaction_mode="IMMEDIATE",
        timeout=20,
        init_command="PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    )
# Rate limits count here, so it must be shared by all processes, and hold more callers than Django's 300 entries:
# past the limit every third is forgotten. Each write counts the rows, which takes a millisecond for ten thousand.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "promodesk_cache",
        "OPTIONS": {"MAX_ENTRIES": 10_000},
    },
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- People ---------------------------------------------------------------------------------------
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_REDIRECT_URL = "billing:plans"
LOGIN_URL = "account_login"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "optional"
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "Promodesk"
# Whether staff need a second factor; a password alone then opens nothing of the admin.
REQUIRE_STAFF_MFA = env.flag("REQUIRE_STAFF_MFA", default=False)
vars().update(env.mail_server("EMAIL_URL", default="consolemail://"))
# A mail server that hangs must not hold the worker up.
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.sender("DEFAULT_FROM_EMAIL", default=f"promodesk@{_site.hostname}")


# --- Alerts and reports ---------------------------------------------------------------------------
def _whole(name: str, default: int) -> int:
    return env.whole(name, default=default, least=1, hint="ALERTS_OFF turns alerts off.")


# Kinds of alerts that nobody wants, as "redemptions_jump,expiring".
ALERTS_OFF = env.several("ALERTS_OFF")
# A jump: so many cases in so many hours, and so much above the busiest of the same hours of four weeks before.
ALERT_MINIMUM_CASES = _whole("ALERT_MINIMUM_CASES", 30)
ALERT_WINDOW_HOURS = _whole("ALERT_WINDOW_HOURS", 24)
ALERT_JUMP_PERCENT = _whole("ALERT_JUMP_PERCENT", 50)
# A stop: no redemption in a time in which even the quietest of the four weeks before had so many.
ALERT_STOP_EXPECTED = _whole("ALERT_STOP_EXPECTED", 10)
ALERT_BUDGET_PERCENT = _whole("ALERT_BUDGET_PERCENT", 80)
ALERT_EXPIRES_DAYS = _whole("ALERT_EXPIRES_DAYS", 7)
ALERT_SYNC_FAILED_CODES = _whole("ALERT_SYNC_FAILED_CODES", 1)
ALERT_WEBHOOKS_SILENT_HOURS = _whole("ALERT_WEBHOOKS_SILENT_HOURS", 48)
# Who gets alerts and reports by mail besides the owners.
ALERT_MAIL_TO = env.mail_addresses("ALERT_MAIL_TO")
# Where alerts are POSTed, signed with the secret.
ALERT_WEBHOOK_URL = env.address("ALERT_WEBHOOK_URL")
ALERT_WEBHOOK_SECRET = env.text("ALERT_WEBHOOK_SECRET")
if ALERT_WEBHOOK_URL and not ALERT_WEBHOOK_SECRET:
    raise ImproperlyConfigured(
        "ALERT_WEBHOOK_URL needs an ALERT_WEBHOOK_SECRET, with which alerts are signed."
    )
# The report of each "week" or "month" by mail; empty: none.
REPORT_EVERY = env.one_of("REPORT_EVERY", ["week", "month"])

# --- Words and files ------------------------------------------------------------------------------
LANGUAGE_CODE = "en-us"
TIME_ZONE = env.time_zone("TIME_ZONE", default="UTC")
USE_I18N = True
# Where makemessages writes what there is to translate, and compilemessages reads it.
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = ["config.formats"]
# Django and allauth know a hundred languages; a page half in one of them, half in English, would be worse than none.
LANGUAGES = languages.offered(LOCALE_PATHS)
USE_TZ = True
# A little more than the largest CSV that is imported.
UPLOAD_LIMIT_BYTES = 26 * 1024 * 1024
STATIC_URL = "static/"
# Static files are served from where the apps keep them: no collectstatic step.
WHITENOISE_USE_FINDERS = True

# --- What a page may load -------------------------------------------------------------------------
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
        # A form POST may end at Checkout or in the portal through a redirect.
        "form-action": list(dict.fromkeys(["'self'", STRIPE_CHECKOUT_ORIGIN, STRIPE_PORTAL_ORIGIN])),
        "manifest-src": ["'self'"],
    },
}
# Unfold evaluates Alpine expressions and sets inline styles; only under /admin/.
ADMIN_CONTENT_SECURITY_POLICY = {
    "script-src": ["'self'", "'unsafe-eval'"],
    "style-src": ["'self'", "'unsafe-inline'"],
}

# --- The JSON API ---------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "promos.api.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_PARSER_CLASSES": ["promos.api.parsers.Json"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_SCHEMA_CLASS": "promos.api.schema.Schema",
    "DEFAULT_THROTTLE_RATES": {"burst": "120/min", "sustained": "3000/hour"},
    "EXCEPTION_HANDLER": "promos.api.errors.handle",
    # A ?format= of a caller's own choosing is no part of this API.
    "URL_FORMAT_OVERRIDE": None,
    "NUM_PROXIES": TRUSTED_PROXY_COUNT,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Promodesk",
    "DESCRIPTION": "Promo codes: validate and check out for customers; codes, usages and figures for staff.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    "COMPONENT_SPLIT_REQUEST": True,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "promos.api.schema.close_requests",
        "promos.api.schema.add_errors",
    ],
}

LOG_LEVELS = ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "plain": {
            "()": "config.outages.Formatter",
            "format": "{asctime} {levelname} {name}: {message}",
            "style": "{",
        }
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["console"], "level": env.one_of("LOG_LEVEL", LOG_LEVELS, default="WARNING")},
    "loggers": {
        "promos": {"level": env.one_of("LOG_LEVEL", LOG_LEVELS, default="INFO")},
        # Its debug lines hold whole addresses, and a webhook's address may hold a secret.
        "urllib3": {"level": "INFO"},
        # It warns of each HEAD, as monitors ask: Django answers one with a body, which gunicorn drops.
        "gunicorn.http.wsgi": {"level": "ERROR"},
    },
}

UNFOLD = {
    "SITE_TITLE": "Promodesk",
    "SITE_HEADER": "Promodesk",
    "SITE_SYMBOL": "sell",
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("promos/icon.svg")}
    ],
    "SHOW_HISTORY": True,
    "ENVIRONMENT": "promos.admin.site.environment",
    "STYLES": [lambda request: static("promos/admin.css")],
    "SCRIPTS": [lambda request: static("promos/admin.js")],
    "DASHBOARD_CALLBACK": "analytics.admin.home",
    # Searching whole models is unbounded; ours takes the first few of each kind.
    "COMMAND": {"search_models": False, "search_callback": "promos.admin.site.search"},
    "SIDEBAR": {"show_search": True, "command_search": True, "navigation": "analytics.pages.menu.menu"},
    "COLORS": {
        # Readable as text on white and under white text (AA).
        "primary": {
            "50": "oklch(96.2% .018 272.3)",
            "100": "oklch(93% .034 272.8)",
            "200": "oklch(87% .065 274)",
            "300": "oklch(78.5% .115 274.7)",
            "400": "oklch(72% .155 276.9)",
            "500": "oklch(58.5% .233 277.1)",
            "600": "oklch(51.1% .262 277)",
            "700": "oklch(45.7% .24 277)",
            "800": "oklch(39.8% .195 277.4)",
            "900": "oklch(35.9% .144 278.7)",
            "950": "oklch(25.7% .09 281.3)",
        },
    },
}
