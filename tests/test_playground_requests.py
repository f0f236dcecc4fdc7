"""What comes to the chat view from two windows at once, and from nobody's window."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.chat_stage import Json, View, viewed
from tests.emulated_bot import keys

ODD = "The request is not understood."


@pytest.fixture
async def view(tmp_path: Path) -> AsyncIterator[View]:
    async with viewed(tmp_path, patience=0.05) as made:
        yield made


async def pressed(view: View) -> list[str | None]:
    """What the bot heard of presses."""
    heard = [update.callback_query for update in await view.bot.get_updates()]
    return [query.data for query in heard if query is not None]


async def test_the_next_screens_button_of_the_same_name_is_not_pressed(view: View) -> None:
    number = await view.tell("ann", "Page 1", reply_markup=keys({"Continue": "screen1"}))
    button: Json = {"message": number, "row": 0, "column": 0, "text": "Continue"}
    (held,) = (await view.chat("ann"))["messages"][-1]["keyboard"][0]
    await view.bot.edit_message_reply_markup(
        chat_id=view.place("ann").id, message_id=number, reply_markup=keys({"Continue": "screen2"})
    )
    gone = "This button is not there any more. Look at the message again."
    assert await view.refused("press", "ann", **button, data=held["data"]) == gone
    assert await pressed(view) == []
    await view.do("press", "ann", **button, data="screen2")
    assert await pressed(view) == ["screen2"]


@pytest.mark.parametrize("number", [10**10, -(10**30), "9" * 5000, "9" * 10, "²", "x", 1.5, True, None])
async def test_a_number_that_is_none_of_a_message_is_not_understood(view: View, number: object) -> None:
    assert await view.refused("read", "ann", upto=number) == ODD
    assert await view.refused("send", "ann", text="x", reply_to=number or "") == ODD
    status, answer = await view.get("/api/chat/messages", **{"as": "ann", "chat": "bot"}, before=str(number))
    assert (status, answer) == (400, {"error": ODD})


async def test_what_is_not_there_yet_is_not_read(view: View) -> None:
    number = await view.tell("ann", "old")
    await view.do("read", "ann", upto=number + 1000)
    assert (await view.snapshot("ann"))["read"]["ann"]["bot"] == number
    later = await view.tell("ann", "new")
    assert (await view.snapshot("ann"))["unread"]["ann"]["bot"] == [[later, False]]


@pytest.mark.parametrize("code", ["x" * 65, "a b", "\ud83d", "a\n/delete_me"])
async def test_a_code_that_no_link_could_bear_does_not_come_into_the_group(view: View, code: str) -> None:
    assert await view.refused("group", "ann", code=code) == ODD
    assert (await view.chat("ann", "general"))["messages"][-1]["service"]


async def test_a_real_token_does_not_come_into_the_group_in_a_link(view: View) -> None:
    assert "real token" in await view.refused("group", "ann", code="ghp_0123456789abcdefghijABCDEFGHIJ012345")
