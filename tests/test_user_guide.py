"""The user guides: their dialogs are what the bot says now, in each language, and there is one for each mark."""

from pathlib import Path

import pytest

from src import demo
from src.cli import main
from src.cli.showing import Alone
from src.demo.guide import DIALOGS, GUIDES, Chapter, WrongTurn, dialogs_in, filled, play
from src.demo.guide.player import WIDTH, Player
from src.demo.telegram.transcript import columns
from src.i18n import languages

ROOT = Path(__file__).parent.parent
PLAYED = [name for chapter in DIALOGS for name in chapter.dialogs]


def guide(language: str) -> str:
    return (ROOT / GUIDES[language]).read_text(encoding="utf-8")


@pytest.mark.timeout(600)  # the whole product twice, beside whatever else this machine does
@pytest.mark.parametrize("language", GUIDES)
async def test_the_dialogs_of_the_guide_are_what_the_bot_says_now(language: str) -> None:
    said = await play(Alone, language)
    assert dialogs_in(guide(language)) == said, "run `python main.py user-guide`"
    lines = [line for text in said.values() for line in text.splitlines()]
    assert max(map(columns, lines)) <= WIDTH


def test_every_mark_has_a_dialog_and_every_dialog_a_mark() -> None:
    assert set(GUIDES) == set(languages())
    for language in GUIDES:
        assert sorted(dialogs_in(guide(language))) == sorted(PLAYED)


def test_the_guides_have_the_same_marks_in_the_same_order() -> None:
    marks = [list(dialogs_in(guide(language))) for language in GUIDES]
    assert all(found == marks[0] for found in marks)


@pytest.mark.parametrize("language", GUIDES)
def test_no_dialog_of_a_guide_is_empty_or_left_out(language: str) -> None:
    text = guide(language)
    shown = dialogs_in(text)
    assert all(said.strip() for said in shown.values())
    # A mark that is misspelt would be passed over in silence.
    assert text.count("<!-- dialog ") == text.count("<!-- /dialog -->") == text.count("```text") == len(shown)


def test_a_guide_is_filled_again_and_again() -> None:
    empty = "Before.\n<!-- dialog a -->\n<!-- /dialog -->\nAfter.\n"
    once = filled(empty, {"a": r"\1 said"})
    assert once == "Before.\n<!-- dialog a -->\n```text\n\\1 said\n```\n<!-- /dialog -->\nAfter.\n"
    assert filled(once, {"a": "other"}) == once.replace(r"\1 said", "other")
    with pytest.raises(KeyError):
        filled(empty, {"b": "nobody asked"})


async def test_a_bot_that_does_something_else_is_told_of() -> None:
    async def lost(player: Player) -> None:
        await player.say("/set_github_token")
        await player.press("Confirm")

    with pytest.raises(WrongTurn, match="0 buttons fit 'Confirm'; there are: Cancel"):
        await play(Alone, "en", chapters=[Chapter("open", {"lost": lost})])


def test_the_command_writes_both_guides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def played(_settings: object, language: str) -> dict[str, str]:
        return {"a": f"in {language}"}

    async def wrong(_settings: object, language: str) -> dict[str, str]:
        raise WrongTurn(f"no button in {language}")

    monkeypatch.chdir(tmp_path)
    for file in GUIDES.values():
        file.parent.mkdir(exist_ok=True)
        file.write_text("<!-- dialog a -->\n<!-- /dialog -->\n")
    monkeypatch.setattr(demo.guide, "play", played)
    assert main(["user-guide"]) == 0
    assert [dialogs_in(file.read_text()) for file in GUIDES.values()] == [{"a": "in en"}, {"a": "in ru"}]
    monkeypatch.setattr(demo.guide, "play", wrong)
    assert main(["user-guide"]) == 1
    assert "no button in en" in capsys.readouterr().err
