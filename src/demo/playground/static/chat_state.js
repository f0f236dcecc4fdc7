/** What a viewer's chats hold; filled by a snapshot and kept current by the lines that came after it. */
export class ChatState {
  constructor() {
    this.viewer = null; // as in the snapshot
    this.seq = 0;
    this.chats = new Map(); // key -> {..., messages: Map of id -> message in order, gone: Set of ids}
    this.unread = {}; // person -> chat -> Map of id -> whether it is silent
    this.read = {}; // person -> chat -> the newest that was read
  }

  /** Takes a snapshot; what was loaded of older messages stays, unless the chats are others than before. */
  load(snapshot, { anew = false } = {}) {
    const before = anew || this.viewer?.name !== snapshot.viewer.name ? new Map() : this.chats;
    Object.assign(this, { viewer: snapshot.viewer, bot: snapshot.bot, seq: snapshot.seq, read: snapshot.read });
    this.chats = new Map(snapshot.chats.map((chat) => [chat.key, merged(chat, before.get(chat.key))]));
    this.unread = mapped(snapshot.unread, (chats) => mapped(chats, (messages) => new Map(messages)));
  }

  /** Whether a message is one of the viewer's chats that was not there yet. */
  isNew({ person, chat, id, deleted }) {
    const own = person === null || person === this.viewer?.name;
    return own && !deleted && this.chats.has(chat) && !this.chats.get(chat).messages.has(id);
  }

  /** Takes a line of kind "message"; whether the message is a new one of the viewer's, null where it is known. */
  message({ seq, message }) {
    if (seq <= this.seq) return null;
    this.count(message);
    const chat = this.chats.get(message.chat);
    if (!chat || (message.person !== null && message.person !== this.viewer.name)) return null;
    const known = chat.messages.get(message.id);
    const isNew = this.isNew(message);
    if (message.deleted) {
      chat.messages.delete(message.id);
      chat.gone.add(message.id);
    } else if (!known || known.revision < message.revision) {
      chat.messages.set(message.id, message);
    }
    this.mend(chat, message);
    return { isNew };
  }

  /** Takes a line of kind "read". */
  reading({ seq, person, chat, upto }) {
    if (seq <= this.seq || !this.read[person]) return;
    this.read[person][chat] = Math.max(upto, this.read[person][chat] ?? 0);
    for (const id of this.unread[person][chat]?.keys() ?? []) if (id <= upto) this.unread[person][chat].delete(id);
  }

  /** Puts what was loaded of older messages before the others. */
  older(key, { messages, more }) {
    const chat = this.chats.get(key);
    const found = messages.filter(({ id }) => !chat.gone.has(id) && !chat.messages.has(id));
    chat.messages = new Map([...found.map((one) => [one.id, one]), ...chat.messages]);
    chat.more = more;
  }

  /** How many messages a person has not read in a chat, or in all of theirs, and whether one of them is loud. */
  counted(person, key = null) {
    const chats = this.unread[person] ?? {};
    const found = (key === null ? Object.values(chats) : [chats[key] ?? new Map()]).flatMap((one) => [...one.values()]);
    return { count: found.length, loud: found.some((silent) => !silent) };
  }

  count(message) {
    for (const [person, chats] of Object.entries(this.unread)) {
      const theirs = message.person === null || message.person === person;
      if (!theirs || !(message.chat in chats)) continue;
      const unread = !message.deleted && message.from !== person && !message.service;
      if (!unread) chats[message.chat].delete(message.id);
      else if (message.id > (this.read[person][message.chat] ?? 0)) chats[message.chat].set(message.id, message.silent);
    }
  }

  /** What is pinned, and what other messages show of the one that changed. */
  mend(chat, message) {
    if (message.pinned && !message.deleted) chat.pinned = message;
    else if (chat.pinned?.id === message.id) {
      chat.pinned = [...chat.messages.values()].findLast((one) => one.pinned) ?? null;
    }
    for (const other of chat.messages.values()) {
      const reply = other.reply_to;
      if (reply?.id !== message.id) continue;
      const shown = message.deleted ? { sender: "", text: "", deleted: true } : { text: message.line };
      other.reply_to = { ...reply, ...shown };
      other.redrawn = (other.redrawn ?? 0) + 1;
    }
  }
}

function merged(chat, before) {
  const messages = chat.messages.map((message) => [message.id, message]);
  const first = chat.messages[0]?.id ?? Infinity;
  const older = chat.more ? [...(before?.messages ?? [])].filter(([id]) => id < first) : [];
  const more = older.length > 0 ? before.more : chat.more;
  return { ...chat, more, messages: new Map([...older, ...messages]), gone: before?.gone ?? new Set() };
}

function mapped(object, change) {
  return Object.fromEntries(Object.entries(object).map(([name, value]) => [name, change(value)]));
}
