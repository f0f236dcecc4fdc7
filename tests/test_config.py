"""Settings: what is accepted, and the line that says which variable is wrong and how to mend it."""

import traceback
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from src.config import Access, ConfigError, LogFormat, Settings, example, load_settings, tokens_set

TOKEN = "123456:ABC-def_ghi"
KEY = Fernet.generate_key().decode()


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings but the test's own, and no .env."""
    for name in (*Settings.model_fields, "github_token", "gitlab_token"):
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)


def loaded(monkeypatch: pytest.MonkeyPatch, **values: str) -> Settings:
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return load_settings()


def refused(monkeypatch: pytest.MonkeyPatch, **values: str) -> str:
    with pytest.raises(ConfigError) as error:
        loaded(monkeypatch, **values)
    return str(error.value)


def test_nothing_set_is_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = loaded(monkeypatch)
    assert (settings.host, settings.port, settings.access) == ("127.0.0.1", 8000, Access.PAIRING)
    assert settings.database_url == "sqlite+aiosqlite:///data/git-assistant.db"
    assert (settings.github_api_url, settings.gitlab_url) == ("https://api.github.com", "https://gitlab.com")
    assert settings.log_format is LogFormat.TEXT


def test_lists_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = loaded(
        monkeypatch,
        ADMIN_IDS="7, 8,",
        GITHUB_API_URLS="https://ghe.example/api/v3/, http://127.0.0.1:9",
        SECRET_KEYS=f"{KEY},{KEY}",
    )
    assert settings.admin_ids == (7, 8)
    assert settings.github_api_urls == ("https://ghe.example/api/v3", "http://127.0.0.1:9")
    assert [key.get_secret_value() for key in settings.secret_keys] == [KEY, KEY]


def test_dot_env_is_read_and_the_environment_goes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PORT=9000\nHOST=0.0.0.0\nUNKNOWN_THING=1\n")
    settings = loaded(monkeypatch, PORT="9001")
    assert (settings.host, settings.port) == ("0.0.0.0", 9001)  # noqa: S104 - read, not bound


def test_an_empty_variable_is_an_unset_one(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = loaded(monkeypatch, PUBLIC_URL="", TELEGRAM_BOT_TOKEN="", PORT="")
    assert (settings.public_url, settings.telegram_bot_token, settings.port) == (None, None, 8000)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("PORT", "eighty", "integer"),
        ("PORT", "70000", "65535"),
        ("PUBLIC_URL", "bot.example.org", "https://"),
        ("PUBLIC_URL", "https://ann:secret@bot.example.org", "without a user name"),
        ("GITLAB_URL", "ftp://gitlab.example", "https://"),
        ("GITHUB_API_URLS", "https://ok.example,nonsense", "https://"),
        ("DATABASE_URL", "nonsense", "sqlite+aiosqlite:///"),
        ("DATABASE_URL", "sqlite:///x.db", "sqlite+aiosqlite"),
        ("DATABASE_URL", "sqlite+aiosqlite://", "a file"),
        ("DATABASE_URL", "sqlite+aiosqlite:///:memory:", "a file"),
        ("DATABASE_URL", "postgres://u:p@h/d", "write postgresql+asyncpg:// in front"),
        ("DATABASE_URL", "postgresql://u:p@h/d", "write postgresql+asyncpg:// in front"),
        ("DATABASE_URL", "postgresql+psycopg://u:p@h/d", "write postgresql+asyncpg:// in front"),
        ("DATABASE_URL", "postgresql+asyncpg://u:p@h", "names no database"),
        ("DATABASE_URL", "postgresql+asyncpg://u:p@h:port/d", "is no database address"),
        ("DATABASE_URL", "postgresql+asyncpg://u:p@h/d?sslmode=require", "write ssl=require"),
        ("DATABASE_URL", "postgresql+asyncpg://u:p@h/d?port=abc", "host, port or number"),
        ("DATABASE_URL", "mysql+aiomysql://u:p@h/d", "postgresql+asyncpg://user:password@host/name"),
        ("TELEGRAM_BOT_TOKEN", "ABC-def", "@BotFather"),
        ("TELEGRAM_BOT_TOKEN", "123456:with a space", "@BotFather"),
        ("SECRET_KEYS", "short", "make-key"),
        ("PUBLIC_URL", "https://x:99999", "from 1 to 65535"),
        ("PUBLIC_URL", "https://x:0", "from 1 to 65535"),
        ("PUBLIC_URL", "https://x:port", "from 1 to 65535"),
        ("PUBLIC_URL", "https://[x", "host or port"),
        ("PUBLIC_URL", "https://bot.example.org /a", "without spaces"),
        ("PUBLIC_URL", "https://bot.example.org/webhook/github", "without /webhook/..."),
        ("PUBLIC_URL", "https://bot.example.org/a/webhook/", "without /webhook/..."),
        ("GITHUB_API_URL", "https://github.com", "https://api.github.com"),
        ("GITHUB_API_URLS", "https://ghe.example/api/v3,https://www.github.com/", "https://api.github.com"),
        ("ACCESS", "everybody", "must be pairing, open or list"),
        ("ADMIN_IDS", "@ann", "must be Telegram numbers separated by commas, e.g. 123456789; @userinfobot tells yours"),
        ("ALLOWED_IDS", "7, ann, bob", "@userinfobot"),
        ("LOG_FORMAT", "xml", "must be text or json"),
        ("LEASE_SECONDS", "1", "3"),
        ("WEBHOOK_ALLOWED_NETWORKS", "github,192.0.2.0/99", "'192.0.2.0/99', which is no network"),
        ("TRUSTED_PROXIES", "127.0.0.1,proxy", "'proxy', which is no network"),
    ],
)
def test_a_bad_value_is_one_line_with_its_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str
) -> None:
    told = refused(monkeypatch, **{name: value})
    assert told.startswith(f"{name}: ")
    assert says in told
    assert "\n" not in told


def test_every_bad_variable_has_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    told = refused(monkeypatch, PORT="x", GITLAB_URL="y", ACCESS="z").splitlines()
    assert sorted(line.partition(":")[0] for line in told) == ["ACCESS", "GITLAB_URL", "PORT"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TELEGRAM_BOT_TOKEN", "s3cr3t"),
        ("SECRET_KEYS", "s3cr3t"),
        ("PUBLIC_URL", "http://a:s3cr3t@b"),
        ("DATABASE_URL", "postgres://u:s3cr3t@h/d"),
        ("DATABASE_URL", "postgresql+asyncpg://u:@h:s3cr3t@h/d"),
        ("DATABASE_URL", "postgresql+asyncpg://u:p@h/d?s3cr3t-@x=1"),
        ("DATABASE_URL", "postgresql+asyncpg://u:s3cr3t@h/d"),  # fine but for the keys, which are not there
    ],
)
def test_a_bad_secret_is_not_repeated(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    with pytest.raises(ConfigError) as error:
        loaded(monkeypatch, **{name: value})
    assert "s3cr3t" not in "".join(traceback.format_exception(error.value))


def test_secrets_do_not_show_in_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = loaded(monkeypatch, TELEGRAM_BOT_TOKEN=TOKEN, ACCESS="open", SECRET_KEYS=KEY)
    assert TOKEN not in repr(settings)
    assert KEY not in str(settings)


POSTGRESQL = "postgresql+asyncpg://ann:s3cr3t@db.example/git?ssl=require"


def test_the_password_of_a_database_does_not_show_in_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = loaded(monkeypatch, DATABASE_URL=POSTGRESQL, SECRET_KEYS=KEY)
    assert settings.database_url == POSTGRESQL
    assert "s3cr3t" not in f"{settings!r}{settings}"


def test_postgresql_needs_keys_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    told = refused(monkeypatch, DATABASE_URL=POSTGRESQL)
    assert told.startswith("SECRET_KEYS: is not set")
    assert "make-key" in told
    assert "\n" not in told


def test_a_public_address_may_have_a_port_and_a_path(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = loaded(monkeypatch, PUBLIC_URL="https://bot.example.org:8443/git/")
    assert settings.public_url == "https://bot.example.org:8443/git"


def test_a_list_with_nobody_on_it_is_refused_with_both_ways_out(monkeypatch: pytest.MonkeyPatch) -> None:
    told = refused(monkeypatch, TELEGRAM_BOT_TOKEN=TOKEN, ACCESS="list")
    assert "ADMIN_IDS" in told
    assert "leave ACCESS unset" in told
    assert loaded(monkeypatch, ADMIN_IDS="7").admin_ids == (7,)


def test_nobody_need_be_on_a_list_where_codes_let_people_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ACCESS", raising=False)
    settings = loaded(monkeypatch, TELEGRAM_BOT_TOKEN=TOKEN)
    assert (settings.access, settings.admin_ids, settings.allowed_ids) == (Access.PAIRING, (), ())


def test_real_tokens_are_noticed_wherever_they_stand(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert tokens_set() == ()
    (tmp_path / ".env").write_text("GITLAB_TOKEN=glpat-x\n")
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", TOKEN)
    assert tokens_set() == ("TELEGRAM_BOT_TOKEN", "GITLAB_TOKEN")


def test_the_example_names_every_setting_and_changes_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    lines = example().splitlines()
    assert {line[1:].partition("=")[0] for line in lines if line.startswith("#") and not line.startswith("# ")} == {
        name.upper() for name in Settings.model_fields
    }
    uncommented = [line[1:] if line.startswith("#") and not line.startswith("# ") else line for line in lines]
    (tmp_path / ".env").write_text("\n".join(uncommented))
    from_example = loaded(monkeypatch)
    (tmp_path / ".env").unlink()
    assert from_example == loaded(monkeypatch)


def test_a_key_that_can_be_guessed_is_refused_and_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    told = refused(monkeypatch, API_KEYS="long-enough-to-be-one,short")
    assert told.startswith("API_KEYS: ")
    assert "short" not in told.replace("shorter", "")
    monkeypatch.delenv("API_KEYS")
    keys = loaded(monkeypatch, API_KEYS="long-enough-to-be-one, and-so-is-this-one").api_keys
    assert [key.get_secret_value() for key in keys] == ["long-enough-to-be-one", "and-so-is-this-one"]


def test_a_token_in_pieces_and_a_model_without_a_name_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert refused(monkeypatch, GITHUB_TOKEN="ghp_a b").startswith("GITHUB_TOKEN: does not look like a token")
    monkeypatch.delenv("GITHUB_TOKEN")
    assert refused(monkeypatch, LLM_BASE_URL="https://llm.example.org/v1").startswith("LLM_MODELS: is not set")
    assert loaded(monkeypatch, LLM_MODELS="one, two").llm_models == ("one", "two")
