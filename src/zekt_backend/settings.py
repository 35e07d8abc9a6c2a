"""Every setting, read once from the environment into one frozen object. The only reader of it in the broker."""

import json
import os
from datetime import timedelta
from decimal import Decimal
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from zekt_backend.errors import ZektError


def _seconds(value: Any) -> Any:
    """A bare number is seconds; ISO 8601 (`PT5M`) is pydantic's to read; anything else is refused."""
    if not isinstance(value, str) or value.upper().startswith("P"):
        return value
    try:
        return timedelta(seconds=float(value))
    except (ValueError, OverflowError):
        raise ValueError("write seconds (300) or an ISO 8601 duration (PT5M)") from None


def _positive(value: timedelta) -> timedelta:
    if value <= timedelta(0):
        raise ValueError("must be longer than zero")
    return value


def _json(value: Any) -> Any:
    """Decimal numbers stay as they are written."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value, parse_float=Decimal, parse_int=Decimal)
    except ValueError:
        raise ValueError('write JSON: {"message": 0.001, "gigabyte": 2}') from None


_Item = Literal["message", "refused", "event", "blocked", "dispatch", "retry", "confirm", "complete", "gigabyte"]
_Price = Annotated[Decimal, Field(ge=0, le=1_000_000, allow_inf_nan=False)]

_Duration = Annotated[timedelta, BeforeValidator(_seconds)]
_Positive = Annotated[_Duration, AfterValidator(_positive)]

_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_SECRETS = ("github_app_private_key", "webhook_secret", "admin_token", "oauth_client_secret", "metrics_token")


def _from_file(name: str) -> str | None:
    variable = f"ZEKT_{name.upper()}_FILE"
    path = os.environ.get(variable)
    if path is None:
        return None
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ZektError("settings_invalid", f"{variable} names {path}, which cannot be read: {error}.") from None


def _problem(problem: Any) -> str:
    name = "ZEKT_" + str(problem["loc"][0]).upper() if problem["loc"] else "The settings"
    return f"{name}: {problem['msg'].removeprefix('Value error, ')}"


class Settings(BaseSettings):
    """`ZEKT_…`, each documented in README and docs/settings.md. Durations: seconds, or ISO 8601 (`PT30M`)."""

    model_config = SettingsConfigDict(env_prefix="ZEKT_", frozen=True, extra="ignore")

    database_url: SecretStr | None = None
    data_dir: Path = Path.home() / ".local" / "share" / "zekt"
    embedded_as_root: bool = False
    database_pool_size: int = Field(default=10, ge=2, le=200)

    host: str = "127.0.0.1"
    port: int = Field(default=8750, ge=0, le=65535)
    public_url: str | None = None
    admin_token: SecretStr | None = None
    metrics_token: SecretStr | None = None
    metrics_port: int | None = Field(default=None, ge=0, le=65535)

    github_api_url: str = "https://api.github.com"
    github_url: str = "https://github.com"
    github_app_id: str | None = None
    github_app_private_key: SecretStr | None = None
    github_timeout: _Positive = timedelta(seconds=15)
    webhook_secret: SecretStr | None = None

    oauth_client_id: str | None = None
    oauth_client_secret: SecretStr | None = None

    oidc_issuer: Annotated[tuple[str, ...], NoDecode] = ("https://token.actions.githubusercontent.com",)
    oidc_audience: str = "api://zekt"

    confirm_timeout: _Positive = timedelta(minutes=30)
    complete_timeout: _Positive = timedelta(hours=6)
    max_dispatches: int = Field(default=5, ge=1, le=100)
    dispatch_spacing: _Duration = Field(default=timedelta(seconds=1), ge=timedelta(0))
    dispatches_per_minute: int = Field(default=80, ge=1, le=100_000)
    dispatches_per_hour: int = Field(default=500, ge=1, le=100_000)
    dispatch_lease: _Positive = timedelta(seconds=60)
    worker_heartbeat: _Positive = timedelta(seconds=6)
    worker_threads: int = Field(default=32, ge=1, le=200)
    sweep_seconds: int = Field(default=5, ge=1, le=59)
    reconcile_seconds: int = Field(default=300, ge=0, le=3540)
    reconcile_reserve: int = Field(default=1000, ge=0)
    message_patience: _Positive = timedelta(minutes=15)
    payload_retention: _Positive = timedelta(days=90)
    delivery_retention: _Positive = timedelta(days=396)
    flush_after: _Positive = timedelta(days=1)
    replays_per_minute: int = Field(default=4, ge=1, le=1000)
    notice_allowed_networks: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = ()
    prices: Annotated[dict[_Item, _Price], NoDecode, BeforeValidator(_json)] = Field(default_factory=dict)
    currency: str = Field(default="EUR", pattern="^[A-Z]{3}$")
    otlp_endpoint: str | None = None
    log_format: str = Field(default="auto", pattern="^(auto|json|console)$")

    @field_validator("oidc_issuer", mode="before")
    @classmethod
    def _several(cls, value: Any) -> Any:
        """Several issuers stand in one variable, separated by commas."""
        if isinstance(value, str):
            return tuple(part.strip().rstrip("/") for part in value.split(",") if part.strip())
        return value

    @field_validator("notice_allowed_networks", mode="before")
    @classmethod
    def _networks(cls, value: Any) -> Any:
        """Several stand in one variable, separated by commas."""
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("database_url", *_SECRETS)
    @classmethod
    def _not_blank(cls, value: SecretStr | None) -> SecretStr | None:
        """An empty secret is usually a variable that was not filled in; taken as a secret, anybody would know it."""
        if value is not None and not value.get_secret_value().strip():
            raise ValueError("is set but empty: give it a value, or leave it unset")
        return value

    @field_validator("public_url", "github_api_url", "github_url", "otlp_endpoint")
    @classmethod
    def _web_address(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("https://", "http://")):
            raise ValueError("must start with https:// (or http://)")
        return value

    @field_validator("github_url")
    @classmethod
    def _without_slash(cls, value: str) -> str:
        return value.rstrip("/")

    @field_validator("oidc_issuer")
    @classmethod
    def _one_id_space(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        """Repository ids are unique on one GitHub only: two hosts would let one's repository pass for the other's."""
        hosts = {urlsplit(issuer).netloc.casefold() for issuer in value}
        if len(hosts) != 1 or "" in hosts:
            raise ValueError("needs one or more issuers (https://…), all of the same host")
        return value

    @model_validator(mode="after")
    def _what_is_carried_goes_first(self) -> Self:
        if self.payload_retention > self.delivery_retention:
            raise ValueError("ZEKT_PAYLOAD_RETENTION must not be longer than ZEKT_DELIVERY_RETENTION")
        return self

    @model_validator(mode="after")
    def _app_is_whole(self) -> Self:
        if (self.github_app_id is None) != (self.github_app_private_key is None):
            raise ValueError("ZEKT_GITHUB_APP_ID and ZEKT_GITHUB_APP_PRIVATE_KEY belong together: set both or none")
        return self

    @model_validator(mode="after")
    def _client_is_whole(self) -> Self:
        if (self.oauth_client_id is None) != (self.oauth_client_secret is None):
            raise ValueError("ZEKT_OAUTH_CLIENT_ID and ZEKT_OAUTH_CLIENT_SECRET belong together: set both or none")
        return self

    @classmethod
    def load(cls) -> Self:
        """The environment's settings; `ZEKT_X_FILE` names a file that holds the secret `ZEKT_X`.

        Raises:
            ZektError: `settings_invalid`, naming the variable and never its value.
        """
        try:
            secrets: dict[str, Any] = {name: text for name in _SECRETS if (text := _from_file(name)) is not None}
            if "ZEKT_OTLP_ENDPOINT" not in os.environ and (otlp := os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")):
                secrets["otlp_endpoint"] = otlp
            return cls(**secrets)
        except ValidationError as error:
            problems = error.errors(include_url=False, include_input=False, include_context=False)
            raise ZektError(
                "settings_invalid", "; ".join(map(_problem, problems)) + ". See docs/settings.md."
            ) from None

    def require_public_url(self, *, api: bool) -> None:
        """Dispatches carry the address at which consumers fetch large messages: one that only we can reach is none.

        Raises:
            ZektError: `settings_invalid` when none is set, and not all is served to this machine alone.
        """
        if self.public_url is None and (not api or self.host not in _LOOPBACK):
            raise ZektError(
                "settings_invalid",
                "Set ZEKT_PUBLIC_URL to the address at which GitHub's runners reach this broker (https://…). Only"
                " `zekt serve` on loopback can do without.",
            )

    @property
    def address(self) -> str:
        """Where this process listens, which need not be where the world reaches it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    @property
    def webhook_url(self) -> str:
        """Where GitHub's webhooks come in."""
        return f"{self.base_url}/api/github/webhooks"

    @property
    def callback_url(self) -> str:
        """Where a sign-in at GitHub comes back."""
        return f"{self.base_url}/auth/callback"

    @property
    def base_url(self) -> str:
        """Where clients reach us, without a trailing slash."""
        return (self.public_url or self.address).rstrip("/")
