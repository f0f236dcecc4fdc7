"""What the settings describe: the forges, their secrets, the key; and the rows that stand for them."""

import secrets
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import make_url

from src.config import Settings
from src.database.crypto import SecretBox
from src.database.database import Database
from src.database.key_file import KeyFile
from src.database.models import Forge, Hook, utc_now
from src.database.repositories import forges as forge_rows
from src.database.repositories import hooks as hook_rows
from src.forge import ForgeType
from src.forges import FORGE_TYPES
from src.webhook.pipeline import Checkpoint
from src.webhook.tunnel import Tunnel


async def _no_checkpoint(_: str) -> None:
    return


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """A forge that people may use, as the settings name it."""

    kind: str
    base_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What differs between the real thing, a test and the demo, besides the settings."""

    types: dict[str, ForgeType]
    instances: tuple[Instance, ...]  # the first of a kind is its default
    hook_secrets: dict[str, str]  # by kind: of hooks made by hand with the secret from the environment
    checkpoint: Checkpoint = _no_checkpoint
    pace: float = 1.0  # how fast the clock of Telegram's limits runs; an emulator's may run as fast


def site_of(settings: Settings) -> Site:
    """The site that the settings describe."""
    addresses = {
        "github": (settings.github_api_url, *settings.github_api_urls),
        "gitlab": (settings.gitlab_url, *settings.gitlab_urls),
    }
    by_hand = {"github": settings.github_webhook_secret, "gitlab": settings.gitlab_webhook_secret}
    return Site(
        types=dict(FORGE_TYPES),
        instances=tuple(Instance(kind=k, base_url=url) for k, urls in addresses.items() for url in dict.fromkeys(urls)),
        hook_secrets={kind: secret.get_secret_value() for kind, secret in by_hand.items() if secret is not None},
    )


def forge_tokens(settings: Settings, site: Site) -> dict[tuple[str, str], str]:
    """The tokens that reviews are done with, by kind and address: each for the default instance of its kind alone."""
    given = {"github": settings.github_token, "gitlab": settings.gitlab_token}
    defaults = {instance.kind: instance.base_url for instance in reversed(site.instances)}
    return {
        (kind, defaults[kind]): token.get_secret_value()
        for kind, token in given.items()
        if token is not None and kind in defaults
    }


def tunnel_of(settings: Settings) -> Tunnel | None:
    """The tunnel that the settings describe, if any."""
    if settings.tunnel is None:
        return None
    return Tunnel(
        kind=settings.tunnel.value,
        port=settings.port or None,
        agent_url=settings.tunnel_agent_url,
        given=settings.public_url,
    )


def secret_box(settings: Settings) -> SecretBox:
    """The keys from the settings, or the one beside the SQLite database, made at first use and followed if changed."""
    if settings.secret_keys:
        return SecretBox([key.get_secret_value() for key in settings.secret_keys])
    file = KeyFile(key_file(settings))
    file.make()
    return SecretBox(file.read(), news=file.news)


def key_file(settings: Settings) -> Path:
    """Where the key is kept when SECRET_KEYS is not set."""
    return Path(make_url(settings.database_url).database or "data/unused").parent / "secret.key"


async def prepare(database: Database, site: Site, box: SecretBox) -> tuple[Forge, ...]:
    """Rows for the configured forges and for the hooks that the environment's secrets stand for."""
    async with database.write() as session:
        rows = [await forge_rows.ensure(session, item.kind, item.base_url) for item in site.instances]
        for kind in site.types:
            hook = await hook_rows.environment(session, kind, switched_off=True)
            secret = site.hook_secrets.get(kind)
            if secret is None:
                if hook is not None:
                    hook.removed_at = utc_now()
                continue
            default = next(row for row in rows if row.kind == kind)
            if hook is None:
                hook = Hook(public_id=secrets.token_hex(16), origin="environment", events=[], created_at=utc_now())
            hook.forge_id, hook.secret, hook.removed_at = default.id, box.seal(secret), None
            await hook_rows.add(session, hook)
    return tuple(rows)
