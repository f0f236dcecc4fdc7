import { get, post } from "/static/web/api.js";
import { mountHead } from "./chat_head.js";
import { mountList } from "./chat_list.js";
import { ChatPerson } from "./chat_person.js";
import { LANG, showError } from "./chat_words.js";
import { mountComposer } from "./composer.js";
import { mountLinks } from "./links.js";
import { mountMenu } from "./message_menu.js";
import { mountMessages } from "./messages.js";
import { mountPresses } from "./presses.js";
import { viewer } from "./viewer.js";

/** The chat view: loads what everybody's chats hold, and keeps it current from the stream. */
export function start({ stream, page }) {
  const people = new Map(page.people.map(({ name }) => [name, new ChatPerson(name)]));
  const current = () => people.get(viewer.name);
  const context = contextOf(current, change, draw);
  const messages = mountMessages(context);
  const list = mountList(context);
  const composer = mountComposer(context);
  const parts = [list, mountHead(context), messages, composer, mountPresses(context)];
  Object.assign(context, { messages, composer });
  mountLinks(context);
  mountMenu(context);

  async function load(person, how) {
    try {
      const news = await person.load(how);
      if (person !== current()) return;
      for (const message of news) list.news(message);
      draw();
    } catch (error) {
      if (person === current()) showError(error);
    }
  }

  /** Whoever is looked at comes first; the others are there when they are switched to. */
  async function loadAll(how) {
    const all = [...people.values()];
    all.sort((one, other) => Number(other === current()) - Number(one === current()));
    for (const person of all) await load(person, how);
  }

  function hear(lines) {
    for (const person of people.values()) {
      const news = person.hear(lines);
      if (person === current()) for (const message of news) list.news(message);
    }
    draw();
  }

  function change() {
    for (const part of parts) part.change?.();
  }

  function draw() {
    if (current().state.viewer) for (const part of parts) part.draw();
  }

  viewer.onChange(() => {
    change();
    draw();
    if (!current().state.viewer && !current().loading) load(current());
  });
  stream.on("message", hear);
  stream.on("read", hear);
  stream.on("chat", () => loadAll());
  stream.on("world", (lines) => {
    if (lines.some(({ seq }) => seq > current().state.seq)) loadAll({ anew: true });
  });
  stream.onState((now) => {
    if (now === "live" && [...people.values()].some(({ failed }) => failed)) loadAll();
  });
  change();
  loadAll();
}

/** What the parts of the view share: whose chats they are, the open one, and ways to change that. */
function contextOf(current, change, draw) {
  const stored = () => `open-chat ${viewer.name}`;
  const context = {
    get state() {
      return current().state;
    },
    /** The open chat's key; each person has one of their own. */
    get key() {
      const key = sessionStorage.getItem(stored()) ?? "bot";
      return !context.state.viewer || context.state.chats.has(key) ? key : "bot";
    },
    get chat() {
      return context.state.chats.get(context.key);
    },
    open(key) {
      if (key === context.key) return context.messages.toNewest();
      sessionStorage.setItem(stored(), key);
      change();
      draw();
    },
    /** Asks for something in the viewer's name, about the open chat unless the body names another. */
    ask: (deed, body = {}) => post(`/api/chat/${deed}?${LANG}`, { as: viewer.name, chat: context.key, ...body }),
    async loadOlder() {
      const { key, chat, state } = context;
      const [first] = chat.messages.keys();
      const found = await get(`/api/chat/messages?as=${viewer.name}&chat=${key}&before=${first}&${LANG}`);
      if (state.chats.get(key) === chat) state.older(key, found);
      draw();
    },
  };
  return context;
}
