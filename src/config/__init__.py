"""Settings, read from the environment and `.env` once, by the command line."""

import re
from enum import StrEnum
from typing import Annotated, Self, get_args
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from src.config.addresses import (
    SQLITE,
    checked_address,
    checked_database_url,
    checked_github_api,
    checked_network,
    parts,
)
from src.config.choices import Access, LogFormat, Poll, Tunnel
from src.config.real_tokens import tokens_set

__all__ = [
    "Access",
    "ConfigError",
    "LogFormat",
    "Poll",
    "Settings",
    "Tunnel",
    "example",
    "load_settings",
    "tokens_set",
]


class ConfigError(Exception):
    """Settings that cannot work; each line names a variable and says how to mend it."""


_Addresses = Annotated[tuple[str, ...], NoDecode]
_Ids = Annotated[tuple[int, ...], NoDecode]
_Secrets = Annotated[tuple[SecretStr, ...], NoDecode]

_SHORTEST_KEY = 16  # characters; what is shorter can be guessed


class Settings(BaseSettings):
    """Everything an operator can set. The descriptions become `.env.example`."""

    model_config = SettingsConfigDict(env_file=".env", env_file_encoding="utf-8", extra="ignore", env_ignore_empty=True)

    telegram_bot_token: SecretStr | None = Field(
        None, description="The bot's token, from @BotFather. Needed by the bot and the sender."
    )
    telegram_api_url: str = Field("https://api.telegram.org", description="Another Bot API server, e.g. your own.")
    access: Access = Field(
        Access.PAIRING,
        description="Who may use the bot: pairing (ADMIN_IDS, ALLOWED_IDS and who has a code: the first start prints "
        "the admin's in the log, /invite makes more), list (ADMIN_IDS and ALLOWED_IDS alone) or open (everybody).",
    )
    admin_ids: _Ids = Field(
        (),
        description="Telegram numbers of those who run this bot, separated by commas. "
        "@userinfobot on Telegram tells yours.",
    )
    allowed_ids: _Ids = Field((), description="Telegram numbers of those who may use it without a code.")
    public_url: str | None = Field(
        None,
        description="Where the forges reach this relay from outside, e.g. https://bot.example.org. "
        "Only for hooks that the bot makes itself; without it they are made by hand, or projects are polled.",
    )
    poll: Poll = Field(
        Poll.AUTO,
        description="auto: a project without a working webhook (no PUBLIC_URL, or nobody may make one) is looked at "
        "instead, about once a minute. off: such projects wait for a webhook made by hand.",
    )
    tunnel: Tunnel | None = Field(
        None,
        description="ngrok or cloudflared: its agent on this machine is asked for the address, PUBLIC_URL stays unset, "
        "and hooks follow when the address changes. ssh: PUBLIC_URL is the address of the server at the other end.",
    )
    tunnel_agent_url: str | None = Field(
        None,
        description="Where the tunnel's agent answers, if not at http://127.0.0.1:4040 (ngrok) "
        "or http://127.0.0.1:20241 to 20245 (cloudflared's metrics).",
    )
    webhook_allowed_networks: _Addresses = Field(
        (),
        description="Who may send webhooks, besides what signatures say: networks, or `github` for those that GitHub "
        "publishes, separated by commas. Everybody when empty. Behind a proxy it needs TRUSTED_PROXIES.",
    )
    trusted_proxies: _Addresses = Field(
        (),
        description="Networks of the proxies and tunnels in front whose X-Forwarded-For is believed, e.g. 127.0.0.1.",
    )
    host: str = Field("127.0.0.1", description="The address that the relay listens on.")
    port: int = Field(8000, ge=0, le=65535, description="The port that the relay listens on; 0 takes a free one.")
    database_url: str = Field(
        SQLITE,
        repr=False,  # may hold a password
        description="Where everything is kept: a SQLite file, or postgresql+asyncpg://user:password@host/name.",
    )
    secret_keys: _Secrets = Field(
        (),
        description="Fernet keys that tokens are encrypted with, newest first, separated by commas. "
        "Made beside a SQLite database when absent; with PostgreSQL all processes need the same here.",
    )
    github_api_url: str = Field(
        "https://api.github.com", description="GitHub's API; for GitHub Enterprise https://HOST/api/v3."
    )
    github_api_urls: _Addresses = Field((), description="Further GitHub instances that people may use.")
    gitlab_url: str = Field("https://gitlab.com", description="GitLab, with its sub-path if it has one.")
    gitlab_urls: _Addresses = Field((), description="Further GitLab instances that people may use.")
    github_webhook_secret: SecretStr | None = Field(
        None, description="Secret of GitHub hooks made by hand that point to PUBLIC_URL/webhook/github."
    )
    gitlab_webhook_secret: SecretStr | None = Field(
        None,
        description="Secret or signing token of GitLab hooks made by hand that point to PUBLIC_URL/webhook/gitlab.",
    )
    github_token: SecretStr | None = Field(
        None,
        description="The token that reviews on GITHUB_API_URL are done with, of an account for that; scope `repo`. "
        "Without it they are done with the tokens of those who turned them on.",
    )
    gitlab_token: SecretStr | None = Field(
        None, description="The same for GITLAB_URL; scope `api`, role Developer or above."
    )
    api_keys: _Secrets = Field(
        (),
        description="Who may ask over HTTP (POST /api/chat): long random words, separated by commas. Nobody if empty.",
    )
    llm_base_url: str | None = Field(
        None,
        description="A language model's API as OpenAI has it, e.g. https://llm.example.org/v1, for a second opinion "
        "in reviews. It is sent the code that a pull request changes.",
    )
    llm_api_key: SecretStr | None = Field(None, description="The key for it, if it wants one.")
    llm_models: _Addresses = Field((), description="Which models to ask, the first that answers; needs LLM_BASE_URL.")
    lease_seconds: int = Field(
        30, ge=3, le=600, description="After how many seconds the work of a process that died is taken over."
    )
    log_format: LogFormat = Field(LogFormat.TEXT, description="How log lines look: text or json.")

    @field_validator(
        "github_api_urls",
        "gitlab_urls",
        "secret_keys",
        "webhook_allowed_networks",
        "trusted_proxies",
        "api_keys",
        "llm_models",
        mode="before",
    )
    @classmethod
    def _split(cls, value: object) -> object:
        return parts(value) if isinstance(value, str) else value

    @field_validator("admin_ids", "allowed_ids", mode="before")
    @classmethod
    def _numbers(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        numbers = parts(value)
        if not all(number.isascii() and number.isdigit() for number in numbers):
            raise ValueError("must be Telegram numbers separated by commas, e.g. 123456789; @userinfobot tells yours")
        return numbers

    @field_validator(
        "telegram_api_url", "github_api_url", "gitlab_url", "public_url", "tunnel_agent_url", "llm_base_url"
    )
    @classmethod
    def _address(cls, value: str | None) -> str | None:
        return None if value is None else checked_address(value)

    @field_validator("github_api_urls", "gitlab_urls")
    @classmethod
    def _addresses(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(checked_address(item) for item in value)

    @field_validator("github_api_url")
    @classmethod
    def _github_api(cls, value: str) -> str:
        return checked_github_api(value)

    @field_validator("github_api_urls")
    @classmethod
    def _github_apis(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(checked_github_api(item) for item in value)

    @field_validator("webhook_allowed_networks")
    @classmethod
    def _networks_or_names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(item.lower() if item.isalpha() else checked_network(item) for item in value)

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(checked_network(item) for item in value)

    @field_validator("public_url")
    @classmethod
    def _public(cls, value: str | None) -> str | None:
        if value is not None and "/webhook" in urlsplit(value).path:
            raise ValueError("must be written without /webhook/...: the relay adds that itself")
        return value

    @field_validator("database_url")
    @classmethod
    def _database(cls, value: str) -> str:
        return checked_database_url(value)

    @field_validator("secret_keys")
    @classmethod
    def _keys(cls, value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        for key in value:
            try:
                Fernet(key.get_secret_value())
            except ValueError:
                raise ValueError(
                    "holds something that is no Fernet key; make one with `python main.py make-key`"
                ) from None
        return value

    @field_validator("api_keys")
    @classmethod
    def _api_keys(cls, value: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        if any(len(key.get_secret_value()) < _SHORTEST_KEY for key in value):
            raise ValueError(f"a key has at least {_SHORTEST_KEY} characters; `openssl rand -hex 24` makes one")
        return value

    @field_validator("github_token", "gitlab_token")
    @classmethod
    def _one_word(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not re.fullmatch(r"[!-~]+", value.get_secret_value()):
            raise ValueError("does not look like a token; copy it whole")
        return value

    @field_validator("telegram_bot_token")
    @classmethod
    def _token(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            number, colon, rest = value.get_secret_value().partition(":")
            if not (number.isdigit() and colon and rest) or any(c.isspace() for c in rest):
                raise ValueError("does not look like 123456:ABC...; copy it whole from @BotFather")
        return value

    @model_validator(mode="after")
    def _keys_are_shared(self) -> Self:
        if self.database_url.startswith("postgresql") and not self.secret_keys:
            raise ValueError(
                "SECRET_KEYS: is not set; with PostgreSQL there is no folder to keep a key in: make one with "
                "`python main.py make-key`, keep a copy, and give every process the same"
            )
        return self

    @model_validator(mode="after")
    def _list_has_somebody(self) -> Self:
        if self.access is Access.LIST and not (self.admin_ids or self.allowed_ids) and self.telegram_bot_token:
            raise ValueError(
                "ACCESS is `list` and nobody is on it: put your Telegram number in ADMIN_IDS (@userinfobot tells it), "
                "or leave ACCESS unset: then the first start prints a code that makes you the admin"
            )
        return self

    @model_validator(mode="after")
    def _models_fit(self) -> Self:
        if self.llm_base_url is not None and not self.llm_models:
            raise ValueError("LLM_MODELS: is not set; name the model that LLM_BASE_URL is to be asked for")
        return self

    @model_validator(mode="after")
    def _tunnel_fits(self) -> Self:
        if self.tunnel is Tunnel.SSH and self.public_url is None:
            raise ValueError(
                "TUNNEL is `ssh`, which tells no address: put the one of the server at its other end in PUBLIC_URL, "
                "e.g. https://bot.example.org"
            )
        if self.tunnel in (Tunnel.NGROK, Tunnel.CLOUDFLARED) and self.public_url is not None:
            raise ValueError(
                f"TUNNEL is `{self.tunnel}`, whose agent tells the address: leave PUBLIC_URL unset; "
                "or leave TUNNEL unset, where the address never changes"
            )
        return self


def load_settings(*, tunnel: Tunnel | None = None) -> Settings:
    """Read the settings; what is given here goes before the environment.

    Raises `ConfigError` with one line for each variable that is wrong; no value is repeated.
    """
    try:
        return Settings() if tunnel is None else Settings(tunnel=tunnel)
    except ValidationError as error:
        lines = []
        for item in error.errors(include_input=False, include_url=False, include_context=False):
            name = str(item["loc"][0]).upper() if item["loc"] else ""
            reason = _choices(str(item["loc"][0])) if item["type"] == "enum" else item["msg"]
            reason = reason.removeprefix("Value error, ")
            lines.append(f"{name}: {reason}" if name else reason)
        raise ConfigError("\n".join(lines)) from None


def _choices(name: str) -> str:
    """What a setting with few values takes."""
    annotation = Settings.model_fields[name].annotation
    kinds = [item for item in (annotation, *get_args(annotation)) if isinstance(item, type)]
    choices = next((kind for kind in kinds if issubclass(kind, StrEnum)), None)
    if choices is None:
        raise TypeError(f"{name} has no choices")
    *others, last = (choice.value for choice in choices)
    return f"must be {', '.join(others)} or {last}"


def example() -> str:
    """The text of `.env.example`: every setting with its description and its default."""
    lines = ["# Settings of Git Assistant. Copy to .env and fill in; what is commented out has the value shown."]
    for name, item in Settings.model_fields.items():
        default = item.default
        shown = "" if isinstance(default, tuple) or default is None else str(default)
        lines += ["", f"# {item.description}", f"#{name.upper()}={shown}"]
    return "\n".join(lines) + "\n"
