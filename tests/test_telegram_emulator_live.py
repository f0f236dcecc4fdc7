"""What a page that shows the emulator live hears of: calls as they are answered, changes of messages and of chats."""

from aiohttp import ClientSession

from src.demo.telegram import Call, TelegramEmulator


async def test_a_listener_gets_each_call_when_it_is_answered() -> None:
    heard: list[tuple[int, Call]] = []
    async with TelegramEmulator() as tg, ClientSession() as http:
        tg.server.on_answer(lambda place, call: heard.append((place, call)))
        for method, form in (("getMe", {}), ("sendMessage", {"chat_id": "1", "text": "x"})):
            async with http.post(f"{tg.url}/bot{tg.token}/{method}", data=form):
                pass
        assert [(place, call.method, call.status) for place, call in heard] == [
            (0, "getMe", 200),
            (1, "sendMessage", 400),
        ]
        assert [call for _, call in heard] == tg.server.calls


async def test_changed_messages_are_told_once_each_in_order_and_deleted_ones_too() -> None:
    async with TelegramEmulator() as tg:
        ann = tg.person("Ann")
        first, second = await ann.send("one"), await ann.send("two")
        seen = tg.revision
        assert tg.changed_since(seen) == []
        await ann.edit(second, "two!")
        await ann.delete(first)
        assert [(m.text, m.deleted) for m in tg.changed_since(seen)] == [("two!", False), ("one", True)]
        assert len(tg.changed_since(0)) == 2


async def test_a_chat_stands_otherwise_after_anything_but_a_message() -> None:
    async with TelegramEmulator() as tg, ClientSession() as http:
        ann, bob = tg.person("Ann", started=True), tg.person("Bob", started=True)
        group = tg.group("Team", admins=[ann], forum=True)
        await ann.send("hello", in_=group)
        before = tg.standing()
        await ann.send("hello")
        await ann.send("hello", in_=group)
        assert tg.standing() == before

        def changed() -> set[int]:
            nonlocal before
            old, before = before, tg.standing()
            return {chat for chat, value in before.items() if old.get(chat) != value}

        topic = group.topic("CI")
        assert changed() == {group.id}
        topic.close()
        assert changed() == {group.id}
        group.add(bob)
        assert changed() == {group.id}
        bob.block()
        assert changed() == {bob.id}
        ann.switch_language("ru")
        assert changed() == {ann.id, bob.id, group.id}
        commands = '[{"command": "start", "description": "Begin"}]'
        seen = tg.revision
        async with http.post(f"{tg.url}/bot{tg.token}/setMyCommands", data={"commands": commands}) as response:
            assert response.status == 200
        assert changed() == {ann.id, bob.id, group.id}
        assert tg.revision > seen, "whoever waits for a change hears of it"
