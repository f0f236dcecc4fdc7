import { get, post } from "/static/web/api.js";
import { showError } from "./chat_words.js";
import { ChatState } from "./chat_state.js";
import { mountComposer } from "./composer.js";
import { mountHead } from "./chat_head.js";
import { mountList } from "./chat_list.js";
import { mountLinks } from "./links.js";
import { mountMenu } from "./message_menu.js";
import { mountMessages } from "./messages.js";
import { mountPresses } from "./presses.js";
import { LANG } from "./chat_words.js";
import { viewer } from "./viewer.js";

const OPEN = "open-chat";

/** The chat view: loads what the viewer's chats hold, and keeps it current from the stream. */
export function start({ stream }) {
  const state = new ChatState();
  const context = {
    state,
    key: sessionStorage.getItem(OPEN) ?? "bot",
    get chat() {
      return state.viewer?.name === viewer.name ? state.chats.get(context.key) : undefined;
    },
    open,
    loadOlder,
    /** Asks for something in the viewer's name, about the open chat unless the body names another. */
    ask: (deed, body = {}) => post(`/api/chat/${deed}?${LANG}`, { as: viewer.name, chat: context.key, ...body }),
  };
  const messages = mountMessages(context);
  const parts = [mountList(context), mountHead(context), messages, mountComposer(context)];
  context.messages = messages;
  context.composer = parts.at(-1);
  mountLinks(context);
  mountPresses(context);
  mountMenu(context);

  let waiting = []; // lines that came while a snapshot was on its way
  let loading = 0;
  let anew = false; // the world is another one
  let failed = false; // to be tried again once the server answers

  async function load() {
    const turn = ++loading;
    try {
      const snapshot = await get(`/api/chats?as=${viewer.name}&${LANG}`);
      if (turn !== loading) return; // a later one is on its way
      state.load(snapshot, { anew });
      anew = failed = false;
    } catch (error) {
      if (turn === loading) showError(error);
      failed ||= turn === loading;
    }
    if (turn !== loading) return;
    loading = 0;
    const lines = waiting;
    waiting = [];
    if (state.viewer) take(lines);
    if (!state.chats.has(context.key)) context.key = "bot";
    draw();
  }

  function take(lines) {
    for (const line of lines) {
      if (line.kind === "read") state.reading(line);
      else if (state.message(line)?.isNew || line.isNews) parts[0].news(line.message);
    }
  }

  function hear(lines) {
    if (loading) {
      // The snapshot that is on its way may hold them already; they are news all the same.
      for (const line of lines) line.isNews = line.kind === "message" && state.isNew(line.message);
      waiting.push(...lines);
      return;
    }
    take(lines);
    draw();
  }

  function draw() {
    if (state.viewer?.name === viewer.name) for (const part of parts) part.draw();
  }

  function open(key) {
    if (key === context.key) return messages.toNewest();
    context.key = key;
    sessionStorage.setItem(OPEN, key);
    for (const part of parts) part.change?.();
    draw();
  }

  async function loadOlder() {
    const { key, chat } = context;
    const [first] = chat.messages.keys();
    const found = await get(`/api/chat/messages?as=${viewer.name}&chat=${key}&before=${first}&${LANG}`);
    if (context.chat === chat) {
      state.older(key, found);
      draw();
    }
  }

  viewer.onChange(() => {
    for (const part of parts) part.change?.();
    load();
  });
  stream.on("message", hear);
  stream.on("read", hear);
  stream.on("chat", load);
  stream.onState((now) => {
    if (now === "live" && failed) load();
  });
  stream.on("world", (lines) => {
    if (lines.some(({ seq }) => seq > state.seq)) {
      anew = true;
      load();
    }
  });
  for (const part of parts) part.change?.();
  load();
}
