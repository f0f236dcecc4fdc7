"""Reply markups as the emulator reads them: pure rules."""

import json

import pytest

from src.demo.telegram.errors import Refusal
from src.demo.telegram.keyboards import Button, read_markup


def read(value: dict[str, object], *, inline_only: bool = False) -> tuple[tuple[Button, ...], ...]:
    return read_markup(value, json.dumps(value), inline_only=inline_only).keyboard


def inline(button: object) -> dict[str, object]:
    return {"inline_keyboard": [[button]]}


@pytest.mark.parametrize(
    ("button", "seen"),
    [
        ({"text": "A", "callback_data": "a"}, Button("A", data="a")),
        ({"text": "A", "callback_data": "é" * 32, "style": "danger"}, Button("A", data="é" * 32)),
        ({"text": "A", "url": "HTTPS://Example.com"}, Button("A", url="https://example.com/")),
        ({"text": "A", "url": "tg://user?id=7"}, Button("A", url="tg://user?id=7")),
        ({"text": "A", "copy_text": {"text": "secret"}}, Button("A", copy_text="secret")),
        ({"text": "A", "switch_inline_query": "x"}, Button("A")),
        ({"text": "A", "disabled": {}}, Button("A")),
    ],
)
def test_buttons_that_are_taken(button: dict[str, object], seen: Button) -> None:
    assert read(inline(button)) == ((seen,),)


@pytest.mark.parametrize(
    ("button", "error"),
    [
        ("A", "can't parse inline keyboard button: InlineKeyboardButton must be an Object"),
        ({"callback_data": "a"}, 'can\'t parse inline keyboard button: Can\'t find field "text"'),
        ({"text": "A", "callback_data": 1},
         'can\'t parse inline keyboard button: Field "callback_data" must be of type String'),
        ({"text": "A", "url": 1}, 'can\'t parse inline keyboard button: Field "url" must be of type String'),
        ({"text": "A", "callback_data": "a", "style": "loud"},
         "can't parse inline keyboard button: Invalid button style specified"),
        ({"text": "A", "copy_text": {"text": ""}}, "BUTTON_COPY_TEXT_INVALID"),
        ({"text": "A", "copy_text": "x"}, "BUTTON_COPY_TEXT_INVALID"),
        ({"text": "A", "url": "x"}, "inline keyboard button URL 'x' is invalid: Wrong HTTP URL"),
    ],
)  # fmt: skip
def test_buttons_that_are_refused(button: object, error: str) -> None:
    with pytest.raises(Refusal) as caught:
        read(inline(button))
    assert caught.value.description == f"Bad Request: {error}"


@pytest.mark.parametrize(
    ("markup", "error"),
    [
        ({"inline_keyboard": [{}]}, 'field "inline_keyboard" of the InlineKeyboardMarkup must be an Array of Arrays'),
        ({"keyboard": ["A"]}, 'field "keyboard" must be an Array of Arrays'),
        ({"keyboard": [[1]]}, "can't parse keyboard button: KeyboardButton must be a String or an Object"),
        ({"keyboard": [[{"text": " "}]]}, "keyboard button text must be non-empty"),
        ({"resize_keyboard": True}, "object expected as reply markup"),
    ],
)
def test_markups_that_are_refused(markup: dict[str, object], error: str) -> None:
    with pytest.raises(Refusal) as caught:
        read(markup)
    assert caught.value.description == f"Bad Request: {error}"


@pytest.mark.parametrize(
    "markup",
    [
        {},
        {"inline_keyboard": []},
        {"inline_keyboard": [[]]},
        {"keyboard": [["Yes", {"text": "No"}]]},
        {"remove_keyboard": True},
        {"force_reply": True},
    ],
)
def test_markups_that_leave_no_buttons_under_the_message(markup: dict[str, object]) -> None:
    assert read(markup) == ()


def test_edits_take_inline_keyboards_only() -> None:
    with pytest.raises(Refusal, match="inline keyboard expected"):
        read({"force_reply": True}, inline_only=True)


def test_a_row_may_be_longer_than_clients_show() -> None:
    row = [{"text": str(n), "callback_data": str(n)} for n in range(100)]
    assert len(read({"inline_keyboard": [row]})[0]) == 100
    with pytest.raises(Refusal, match="reply markup is too long"):
        read({"inline_keyboard": [row, row[:1]]})
