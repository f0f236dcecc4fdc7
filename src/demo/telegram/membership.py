"""Who comes and goes: starting, blocking, joining, leaving, promoting, topics, the upgrade to a supergroup."""

from src.demo.telegram.model import PRESENT, Account, Status, StoredChat, StoredTopic
from src.demo.telegram.wire import Json, chat_json, member_json, user_json
from src.demo.telegram.world import World


def set_bot(world: World, chat: StoredChat, status: Status, by: Account) -> None:
    """Another status of the bot; it is told of it even when it is thrown out (Update, my_chat_member)."""
    old, chat.bot = chat.bot, status
    world.touch()
    if old == status:
        return
    change: Json = {
        "chat": chat_json(chat),
        "from": user_json(by),
        "date": int(world.now()),
        "old_chat_member": member_json(world.bot, old),
        "new_chat_member": member_json(world.bot, status),
    }
    world.queue.add("my_chat_member", change)


def add_bot(world: World, chat: StoredChat, by: Account, *, admin: bool) -> None:
    """Somebody adds the bot to the group."""
    if chat.bot not in PRESENT:
        set_bot(world, chat, "member", by)
        fields: Json = {"new_chat_members": [user_json(world.bot)]}
        world.service(chat, by, f"{by.first_name} added {world.bot.first_name}", fields)
    if admin:
        set_bot(world, chat, "administrator", by)


def remove_bot(world: World, chat: StoredChat, by: Account) -> None:
    """Somebody throws the bot out; people see it, the bot gets no message any more."""
    set_bot(world, chat, "kicked", by)
    fields: Json = {"left_chat_member": user_json(world.bot)}
    world.service(chat, by, f"{by.first_name} removed {world.bot.first_name}", fields)


def set_member(world: World, chat: StoredChat, person: Account, status: Status) -> None:
    """A person's status; administrators' bots that asked for it get chat_member."""
    old, chat.members[person.id] = chat.members.get(person.id, "left"), status
    world.touch()
    if chat.bot == "administrator" and old != status:
        change: Json = {
            "chat": chat_json(chat),
            "from": user_json(person),
            "date": int(world.now()),
            "old_chat_member": member_json(person, old),
            "new_chat_member": member_json(person, status),
        }
        world.queue.add("chat_member", change)


def join(world: World, chat: StoredChat, person: Account) -> None:
    """A person comes in."""
    set_member(world, chat, person, "member")
    world.service(chat, person, f"{person.first_name} joined", {"new_chat_members": [user_json(person)]})


def leave(world: World, chat: StoredChat, person: Account) -> None:
    """A person goes."""
    set_member(world, chat, person, "left")
    world.service(chat, person, f"{person.first_name} left", {"left_chat_member": user_json(person)})


def open_topic(world: World, chat: StoredChat, name: str, by: Account) -> StoredTopic:
    """A new topic: its number is that of the service message that opens it."""
    topic = StoredTopic(0, name)
    fields: Json = {"forum_topic_created": {"name": name, "icon_color": topic.colour}}
    message = world.post(chat, by, "")
    message.service, message.service_text = fields, f"{by.first_name} opened the topic {name}"
    topic.id = message.topic_id = message.id
    chat.topics[topic.id] = topic
    if by.id != world.bot.id and chat.bot in PRESENT:
        world.queue.add("message", world.json(message))
    return topic


def close_topic(world: World, chat: StoredChat, topic: StoredTopic, by: Account, *, closed: bool) -> None:
    """Closes it to everyone but administrators, or opens it again."""
    topic.closed = closed
    message = world.post(chat, by, "")
    message.topic_id = topic.id
    message.service = {"forum_topic_closed" if closed else "forum_topic_reopened": {}}
    message.service_text = f"{by.first_name} {'closed' if closed else 'reopened'} the topic"
    if chat.bot in PRESENT:
        world.queue.add("message", world.json(message))


def delete_topic(world: World, chat: StoredChat, topic: StoredTopic) -> None:
    """Gone with its messages; bots are not told."""
    topic.deleted = True
    for message in chat.messages.values():
        if message.topic_id == topic.id:
            message.deleted = True
    world.touch()


def migrate(world: World, chat: StoredChat, by: Account) -> StoredChat:
    """A basic group becomes a supergroup: another id, its own count of messages (ResponseParameters)."""
    upgraded = world.new_group(chat.title, supergroup=True, forum=False)
    upgraded.members, upgraded.bot, upgraded.migrated_from = dict(chat.members), chat.bot, chat.id
    # People see one chat that goes on, so the message in the old one has no words.
    world.service(chat, by, "", {"migrate_to_chat_id": upgraded.id})
    chat.migrated_to = upgraded.id
    world.service(upgraded, by, "This group became a supergroup", {"migrate_from_chat_id": chat.id})
    return upgraded
