"""Configuration: every setting, read from the environment, and the ones production refuses to start with."""

import fcntl
import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

SHORTEST_SECRET = 32
LOOPBACK = {"localhost", "127.0.0.1", "::1"}


class ConfigError(RuntimeError):
    """The settings do not make a shop that may be started; the message says which one and what to do."""


def boolean(text: str) -> bool:
    """True for 1, true, yes and on; False for 0, false, no, off and nothing; anything else is refused."""
    word = text.strip().lower()
    if word not in {"1", "true", "yes", "on", "0", "false", "no", "off", ""}:
        raise ValueError("expected 1 or 0")
    return word in {"1", "true", "yes", "on"}


def words(text: str) -> tuple[str, ...]:
    """The comma-separated words of a setting."""
    return tuple(word for word in (part.strip() for part in text.split(",")) if word)


@dataclass(frozen=True)
class Setting:
    """One setting: its name in the environment and in `app.config`, what it is when nobody says, and how its text is read."""

    name: str
    default: Any
    read: Callable[[str], Any] = str


SETTINGS = (
    # The shop: what a manager saves in the back office wins over these
    Setting("SHOP_NAME", "Till Coffee"),
    Setting("SHOP_EMAIL", "shop@example.com"),  # answers shoppers, receives stock alerts
    Setting("SHOP_ADDRESS", ""),  # where post reaches the shop
    Setting("SHOP_TIMEZONE", "Europe/London"),
    Setting("MAIL_FROM", ""),  # "" means SHOP_EMAIL
    Setting("COMPANY_NAME", ""),  # who sells: on receipts, mails and invoices; "" means SHOP_NAME on these
    Setting("COMPANY_ADDRESS", ""),
    Setting("COMPANY_NUMBER", ""),  # in the register of companies
    Setting("VAT_NUMBER", ""),
    Setting("INVOICE_PREFIX", ""),
    # The shop: what only the environment says
    Setting("CURRENCY", "GBP"),
    Setting("HOME_COUNTRY", "GB"),
    Setting("BASE_URL", ""),  # absolute links in mails; "" means http://HOST:PORT
    # Where it runs
    Setting("TILL_ENV", "development"),
    Setting("HOST", "127.0.0.1"),
    Setting("PORT", 8000, int),
    Setting("WORKERS", 0, int),  # 0: one per processor
    Setting("THREADS", 4, int),
    Setting("INSTANCE_PATH", ""),
    Setting("STATIC_FOLDER", ""),  # where compressed static files are kept; "" means a folder of the instance
    Setting("DATABASE_URL", ""),  # "" means a SQLite file in the instance folder
    Setting("TRUSTED_HOSTS", (), words),
    Setting("TRUSTED_PROXIES", 0, int),
    Setting("SERVICE_WORKER", True, boolean),  # False: browsers that have ours throw it away
    # Secrets
    Setting("SECRET_KEY", ""),
    Setting("SECRET_KEY_FALLBACKS", (), words),
    # Mail
    Setting("MAIL_FOLDER", ""),  # "" means a folder of the instance
    Setting("SMTP_HOST", ""),
    Setting("SMTP_PORT", 587, int),
    Setting("SMTP_USER", ""),
    Setting("SMTP_PASSWORD", ""),
    Setting("SMTP_SECURITY", "starttls"),  # starttls, tls or none
    # Alarms: the second way, besides staff's pages
    Setting("ALARM_URL", ""),  # gets a POST of plain text with a Title
    Setting("ALARM_EMAIL", ""),
    # Personal data
    Setting("ANONYMISE_AFTER_DAYS", 0, int),  # since an order was placed; 0: never
    # Payment: a provider without its keys is not offered
    Setting("PRETEND_GATEWAY", None, boolean),  # None: wherever it is not production
    Setting("PRETEND_URL", ""),  # "" means BASE_URL: the shop itself plays the provider
    Setting("STRIPE_SECRET_KEY", ""),
    Setting("STRIPE_WEBHOOK_SECRETS", (), words),  # several while they are changed
    Setting("STRIPE_URL", "https://api.stripe.com"),
    Setting("STRIPE_PAGE_URL", "https://checkout.stripe.com"),  # where shoppers pay
    Setting("PAYPAL_CLIENT_ID", ""),
    Setting("PAYPAL_CLIENT_SECRET", ""),
    Setting("PAYPAL_WEBHOOK_ID", ""),
    Setting("PAYPAL_MERCHANT_ID", ""),  # "" takes whoever the keys belong to
    Setting("PAYPAL_URL", "https://api-m.paypal.com"),
    Setting("PAYPAL_PAGE_URL", "https://www.paypal.com"),
    Setting("ZARINPAL_MERCHANT_ID", ""),
    Setting("ZARINPAL_URL", "https://payment.zarinpal.com"),
    # Digital goods
    Setting("DOWNLOAD_FOLDER", ""),  # "" means a folder of the instance
    Setting("DOWNLOAD_DAYS", 30, int),
    Setting("DOWNLOADS_EACH", 10, int),
    # Limits
    Setting("HOLD_MINUTES", 30, int),
    Setting("HOLD_GRACE_MINUTES", 10, int),  # more, for a payment that is on its way when the time is over
    Setting("HOLDS_PER_BROWSER", 3, int),  # unpaid orders at a time
    Setting("PAYMENTS_PER_ORDER", 5, int),
    Setting("PAYMENTS_PER_ADDRESS", 10, int),  # an hour
    Setting("RATELIMIT_ENABLED", True, boolean),
    Setting("RATELIMIT_STORAGE_URI", "memory://"),
    Setting("CHECKOUT_LIMIT", "30 per minute"),
    Setting("SEARCH_LIMIT", "60 per minute"),
    Setting("API_LIMIT", "120 per minute"),
    Setting("ORDER_LOOKUPS_PER_HOUR", 10, int),
    Setting("DISCOUNT_TRIES_PER_HOUR", 20, int),  # of codes that do not hold, from one address
    Setting("ORDER_REQUESTS_PER_HOUR", 10, int),  # of shoppers at one address, about orders of theirs
    Setting("LOGIN_TRIES_PER_HOUR", 10, int),  # for one e-mail from one address, or from a browser that logged in before
    Setting("LOGIN_TRIES_PER_ADDRESS", 100, int),  # an hour, whatever the e-mails
    Setting("LOGIN_TRIES_PER_EMAIL", 30, int),  # an hour, from all browsers that never logged in with it
    Setting("ACCOUNT_MAILS_PER_HOUR", 5, int),  # with codes, to one e-mail
    Setting("ACCOUNT_MAILS_PER_ADDRESS", 20, int),  # an hour, whatever the e-mails
    Setting("SQLITE_QUEUE", True, boolean),  # first come, first served before SQLite's write lock
    Setting("ALLOW_IN_PRODUCTION", (), words),  # unsafe things named on purpose: ratelimit-off, pretend
)


def from_environ(environ: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """Every setting by its name. Raises ConfigError naming the one that cannot be read."""
    config: dict[str, Any] = {}
    for setting in SETTINGS:
        text = environ.get(setting.name)
        try:
            config[setting.name] = setting.default if text is None else setting.read(text)
        except ValueError as error:
            raise ConfigError(f"{setting.name} is “{text}”, which cannot be read: {error}.") from None
    return config


def complete(config: dict[str, Any], instance: Path) -> None:
    """Fill in what follows from other settings: the database's address, the secret, what Flask's extensions ask for."""
    instance.mkdir(parents=True, exist_ok=True)
    production = config["TILL_ENV"] == "production"
    config["SECRET_KEY"] = config["SECRET_KEY"] or ("" if production else instance_secret(instance / "secret"))
    config["BASE_URL"] = (config["BASE_URL"] or f"http://{config['HOST']}:{config['PORT']}").rstrip("/")
    config["MAIL_FOLDER"] = config["MAIL_FOLDER"] or str(instance / "mail")
    config["DOWNLOAD_FOLDER"] = config["DOWNLOAD_FOLDER"] or str(instance / "downloads")
    config["PRETEND_URL"] = (config["PRETEND_URL"] or config["BASE_URL"]).rstrip("/")
    if config["PRETEND_GATEWAY"] is None:
        config["PRETEND_GATEWAY"] = not production
    config["STATIC_FOLDER"] = config["STATIC_FOLDER"] or str(instance / "static")
    config["SQLALCHEMY_DATABASE_URI"] = database_uri(config["DATABASE_URL"], instance)
    config["TRUSTED_HOSTS"] = list(config["TRUSTED_HOSTS"]) or sorted({*LOOPBACK, "[::1]", config["HOST"], base_host(config)})
    config["SECRET_KEY_FALLBACKS"] = list(config["SECRET_KEY_FALLBACKS"])
    config.update(
        WHOLE_HOLD_MINUTES=config["HOLD_MINUTES"] + config["HOLD_GRACE_MINUTES"],
        MAX_CONTENT_LENGTH=64 * 1024,
        MAX_FORM_MEMORY_SIZE=64 * 1024,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_HTTPONLY=True,
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_SSL_STRICT=False,
        PERMANENT_SESSION_LIFETIME=timedelta(days=30),
        SESSION_REFRESH_EACH_REQUEST=False,  # a page that changes nothing in the session does not send it again
        RATELIMIT_HEADERS_ENABLED=True,
        SEND_FILE_MAX_AGE_DEFAULT=0,
    )


def signing_keys(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Today's key, which signs, behind those before it, whose signatures still hold; in the order that itsdangerous wants."""
    return (*reversed(config["SECRET_KEY_FALLBACKS"]), config["SECRET_KEY"])


def database_uri(url: str, instance: Path) -> str:
    """The address as SQLAlchemy wants it; hosting companies still write postgres://."""
    if not url:
        return f"sqlite:///{instance / 'till.sqlite3'}"
    if url.startswith("postgres://"):
        return "postgresql" + url.removeprefix("postgres")
    return url


def instance_secret(path: Path) -> str:
    """The instance's own secret, made once and its owner's alone; whoever starts first makes it, the others wait for it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    with open(descriptor, "r+", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        secret = file.read().strip()
        if not secret:
            secret = secrets.token_urlsafe(48)
            file.write(secret)
    return secret


def base_host(config: Mapping[str, Any]) -> str:
    return urlsplit(config["BASE_URL"]).hostname or ""


def refuse_unsafe(config: Mapping[str, Any], debug: bool) -> None:
    """Raise ConfigError when a production shop would start with a setting that endangers its shoppers."""
    if config["TILL_ENV"] not in {"development", "production"}:
        raise ConfigError(f"TILL_ENV is “{config['TILL_ENV']}”; it is either development or production.")
    if config["SMTP_SECURITY"] not in {"starttls", "tls", "none"}:
        raise ConfigError(f"SMTP_SECURITY is “{config['SMTP_SECURITY']}”; it is starttls, tls or none.")
    refuse_alarm(config)
    if config["ANONYMISE_AFTER_DAYS"] < 0:
        raise ConfigError("ANONYMISE_AFTER_DAYS is a number of days; 0 anonymises nobody.")
    if config["TILL_ENV"] != "production":
        return
    if len(config["SECRET_KEY"]) < SHORTEST_SECRET:
        raise ConfigError(
            f"SECRET_KEY needs at least {SHORTEST_SECRET} characters in production; "
            "python -c 'import secrets; print(secrets.token_urlsafe(48))' makes one."
        )
    if debug:
        raise ConfigError("Debug mode shows the shop's insides to strangers; switch it off in production.")
    base = urlsplit(config["BASE_URL"])
    if base.scheme != "https" and base.hostname not in LOOPBACK:
        raise ConfigError("BASE_URL must begin with https:// in production.")
    if not config["RATELIMIT_ENABLED"] and "ratelimit-off" not in config["ALLOW_IN_PRODUCTION"]:
        raise ConfigError(
            "RATELIMIT_ENABLED=0 is for races and replays; in production name it: ALLOW_IN_PRODUCTION=ratelimit-off."
        )


def refuse_alarm(config: Mapping[str, Any]) -> None:
    """Raise ConfigError when ALARM_URL is no web address, or sends in production what others can read on the way."""
    if not config["ALARM_URL"]:
        return
    try:
        alarm = urlsplit(config["ALARM_URL"])
        is_web = alarm.scheme in {"http", "https"} and bool(alarm.hostname) and alarm.port != 0
    except ValueError:
        is_web = False
    if not is_web:  # what it is stays unsaid: whoever knows it may ring
        raise ConfigError("ALARM_URL is no web address; one such as https://ntfy.sh/a-long-secret-name is needed.")
    if config["TILL_ENV"] == "production" and alarm.scheme != "https" and alarm.hostname not in LOOPBACK:
        raise ConfigError("ALARM_URL must begin with https:// in production.")
