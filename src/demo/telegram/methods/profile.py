"""Who the bot is: its name, descriptions and commands."""

import json
import re

from src.demo.telegram.entities import units
from src.demo.telegram.errors import Refusal, bad_request
from src.demo.telegram.methods.registry import method
from src.demo.telegram.params import Params
from src.demo.telegram.wire import Json, user_json
from src.demo.telegram.world import World

MAX_COMMANDS = 100
# BotCommand: "1-32" and "1-256 characters".
MAX_COMMAND, MAX_ABOUT_COMMAND = 32, 256
_COMMAND = re.compile(r"[a-z0-9_]+")
_LANGUAGE = re.compile(r"(?:[a-z]{2})?")
_SCOPES = {
    "default": (),
    "all_private_chats": (),
    "all_group_chats": (),
    "all_chat_administrators": (),
    "chat": ("chat_id",),
    "chat_administrators": ("chat_id",),
    "chat_member": ("chat_id", "user_id"),
}


@method("getMe")
async def get_me(world: World, params: Params) -> object:  # noqa: ARG001 (every method is called alike)
    """User, with what only getMe tells."""
    return {
        **user_json(world.bot),
        "can_join_groups": True,
        "can_read_all_group_messages": world.reads_groups,
        "supports_inline_queries": False,
        "can_connect_to_business": False,
        "has_main_web_app": False,
    }


@method("logOut")
async def log_out(world: World, params: Params) -> object:  # noqa: ARG001 (every method is called alike)
    """True; the emulator keeps nobody out afterwards."""
    return True


@method("close")
async def close(world: World, params: Params) -> object:  # noqa: ARG001 (every method is called alike)
    """True, as `logOut`."""
    return True


@method("setMyCommands")
async def set_my_commands(world: World, params: Params) -> object:
    """The list of commands for a scope and a language."""
    commands = params.json("commands", "commands")
    if commands is None:  # the documentation asks for it; the server takes nothing for an empty list
        commands = []
    if not isinstance(commands, list):
        raise bad_request("expected an Array of BotCommand")
    if len(commands) > MAX_COMMANDS:
        raise bad_request("BOT_COMMANDS_TOO_MUCH")
    world.commands[_scope(world, params)] = [_command(command) for command in commands]
    world.touch()
    return True


@method("getMyCommands")
async def get_my_commands(world: World, params: Params) -> object:
    """The list for exactly this scope and language."""
    return world.commands.get(_scope(world, params), [])


@method("deleteMyCommands")
async def delete_my_commands(world: World, params: Params) -> object:
    """The next wider scope counts again."""
    world.commands.pop(_scope(world, params), None)
    world.touch()
    return True


def _command(value: object) -> Json:
    if not isinstance(value, dict):
        raise bad_request("can't parse BotCommand: expected an Object")
    name, description = value.get("command"), value.get("description")
    if not isinstance(name, str) or not isinstance(description, str):
        missing = "command" if not isinstance(name, str) else "description"
        raise bad_request(f"can't parse BotCommand: Can't find field \"{missing}\"")
    name, description = name.strip().removeprefix("/"), description.strip()
    for what, text, limit in (("Command", name, MAX_COMMAND), ("Command description", description, MAX_ABOUT_COMMAND)):
        if not text:
            raise bad_request(f"{what} must be non-empty")
        if len(text) > limit:
            raise bad_request(f"{what} length must not exceed {limit}")
    # "Can contain only lowercase English letters, digits and underscores."
    if not _COMMAND.fullmatch(name):
        raise bad_request("BOT_COMMAND_INVALID")
    return {"command": name, "description": description}


def _language(params: Params) -> str:
    language = params.text("language_code")
    if not _LANGUAGE.fullmatch(language):
        raise bad_request("invalid language code specified")
    return language


def _scope(world: World, params: Params) -> tuple[str, str]:
    scope = params.json("scope", "BotCommandScope")
    if scope is None:
        scope = {"type": "default"}
    if not isinstance(scope, dict):
        raise _wrong_scope("BotCommandScope must be an Object")
    kind = scope.get("type")
    if kind not in _SCOPES:
        raise _wrong_scope("Unsupported type specified")
    for name in _SCOPES[kind]:
        if not scope.get(name):
            raise _wrong_scope(f'Can\'t find field "{name}"')
    if "chat_id" in _SCOPES[kind]:
        world.chat(str(scope["chat_id"]), write=False)
    return json.dumps({name: scope[name] for name in ("type", *_SCOPES[kind])}), _language(params)


def _wrong_scope(sentence: str) -> Refusal:
    return bad_request(f"can't parse BotCommandScope: {sentence}")


def _register_text(what: str, field: str, limit: int) -> None:
    """`set` and `get` of a text about the bot, one for each language."""

    @method(f"setMy{what}")
    async def set_text(world: World, params: Params) -> object:
        text = params.text(field)
        if units(text) > limit:
            raise bad_request(f"bot {field.replace('_', ' ')} is too long")
        world.about[field, _language(params)] = text
        return True

    @method(f"getMy{what}")
    async def get_text(world: World, params: Params) -> object:
        default = world.bot.first_name if field == "name" else ""
        language = _language(params)
        return {field: world.about.get((field, language)) or world.about.get((field, "")) or default}


# "0-64", "0-512" and "0-120 characters".
_register_text("Name", "name", 64)
_register_text("Description", "description", 512)
_register_text("ShortDescription", "short_description", 120)
