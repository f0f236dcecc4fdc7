"""The checker of Bot API calls finds what it is there to find, and so does the plugin that uses it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.peers.methods_used import methods_used
from tests.peers.telegram_spec import TelegramSpec

ROOT = Path(__file__).parents[2]
SPEC = TelegramSpec(Path(os.environ["TELEGRAM_SPEC"]))
KEY = '{"inline_keyboard": [[{"text": "Go", "callback_data": "%s"}]]}'


@pytest.mark.parametrize(
    ("method", "form", "findings"),
    [
        ("sendMessage", {"chat_id": "1", "text": "Hello", "reply_markup": KEY % "a"}, []),
        ("sendmessage", {"chat_id": "@team", "text": "Hello"}, []),
        ("sendMessage", {"chat_id": "1"}, ["text: required"]),
        ("sendMessage", {"chat_id": "1", "text": "x" * 4097}, ["text: 4097 characters, limit 1-4096 characters"]),
        ("sendMessage", {"chat_id": "1", "text": "😀" * 2049}, ["text: 4098 characters, limit 1-4096 characters"]),
        ("sendMessage", {"chat_id": "1", "text": "x", "colour": "red"}, ["colour: not a parameter of sendMessage"]),
        ("sendMessage", {"chat_id": "1", "text": "x", "entities": "[{}]"}, 3),
        ("sendMessage", {"chat_id": "1", "text": "x", "reply_markup": KEY % ("a" * 65)}, 1),
        ("sendMessage", {"chat_id": "1", "text": "x", "disable_notification": "perhaps"}, 1),
        ("answerCallbackQuery", {}, ["callback_query_id: required"]),
        ("makeTea", {}, ["unknown method makeTea"]),
    ],
)
def test_what_is_wrong_with_a_call(method: str, form: dict[str, str], findings: list[str] | int) -> None:
    found = SPEC.validate(method, form)
    assert (len(found) if isinstance(findings, int) else found) == findings


def test_which_methods_the_sources_use(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(
        "async def f(self, bot, message, callback, other):\n"
        "    await bot.send_chat_action(1, 'typing')\n"
        "    await self._bot(SendMessage(chat_id=1, text='x'))\n"
        "    await message.edit_text('x')\n"
        "    await callback.answer()\n"
        "    await other.answer()\n"
        "    await bot.session.close()\n"
    )
    assert methods_used(tmp_path) == {"sendChatAction", "sendMessage", "editMessageText", "answerCallbackQuery"}


TEST = """
from src.demo.telegram import TelegramEmulator
from tests.emulated_bot import bot_on

async def test_it():
    async with TelegramEmulator(limits=None) as tg, bot_on(tg) as bot:
        await bot.send_message(tg.person("Ann", started=True).id, "Hello", disable_web_page_preview=%s)
"""


@pytest.mark.parametrize(("old_parameter", "said"), [("None", "0 not as described"), ("True", "not a parameter of")])
def test_the_plugin_fails_the_run(tmp_path: Path, old_parameter: str, said: str) -> None:
    """In both runs it misses the methods that the bot uses besides; in the second the call itself is wrong."""
    test = tmp_path / "test_one.py"
    test.write_text(TEST % old_parameter)
    command = [sys.executable, "-m", "pytest", "-q", "-c", str(ROOT / "pyproject.toml"), "--rootdir", str(ROOT)]
    ran = subprocess.run(
        [*command, "-p", "tests.peers.spec_plugin", str(test)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert "1 passed" in ran.stdout
    assert ran.returncode == pytest.ExitCode.TESTS_FAILED
    assert said in ran.stdout
    assert "getUpdates: the sources use it, no test called it" in ran.stdout
