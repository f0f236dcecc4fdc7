"""The tokens that open something real, whoever reads them: for the demo to refuse."""

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class _Tokens(BaseSettings):
    """The tokens that open something real, whoever reads them."""

    model_config = SettingsConfigDict(env_file=".env", env_file_encoding="utf-8", extra="ignore", env_ignore_empty=True)

    telegram_bot_token: SecretStr | None = None
    github_token: SecretStr | None = None
    gitlab_token: SecretStr | None = None


def tokens_set() -> tuple[str, ...]:
    """The names of the variables that hold a real token, for the demo to refuse."""
    found = _Tokens()
    return tuple(name.upper() for name in _Tokens.model_fields if getattr(found, name) is not None)
