import { clone, fill, format } from "/static/web/dom.js";
import { toast } from "/static/web/toast.js";
import { dayOf, lineOf, timeOf, words } from "./chat_words.js";
import { viewer } from "./viewer.js";

const BANNER = 6000; // milliseconds
const FRESH = 15; // seconds: what is older came while the page was away

/** Whose Telegram it is, their chats, and the banner of a loud message in another chat than the open one. */
export function mountList(context) {
  const list = document.getElementById("chat-list");
  const people = [...document.querySelectorAll("[data-viewer]")];
  const roles = new Map(people.map((one) => [one.dataset.viewer, one.querySelector(".chat-role").textContent]));
  const banner = document.getElementById("banner");
  let timer = 0;

  list.addEventListener("click", (event) => {
    const entry = event.target.closest("[data-chat]");
    if (entry) context.open(entry.dataset.chat);
  });
  banner.addEventListener("click", () => {
    context.open(banner.dataset.to);
    banner.hidden = true;
  });
  for (const one of people) one.addEventListener("click", () => viewer.set(one.dataset.viewer));
  people[0].parentElement.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const at = people.indexOf(event.target.closest("[data-viewer]"));
    if (!step || at < 0) return;
    event.preventDefault();
    const next = people[(at + step + people.length) % people.length];
    viewer.set(next.dataset.viewer);
    next.focus();
  });

  function change() {
    banner.hidden = true;
    for (const one of people) {
      const current = one.dataset.viewer === viewer.name;
      one.setAttribute("aria-checked", String(current));
      one.tabIndex = current ? 0 : -1;
    }
    for (const entry of [...list.children]) {
      // Nobody's chats are shown as another's, not even for a moment; everybody has one with the bot.
      if (!context.state.viewer && entry.dataset.chat !== "bot") entry.remove();
      else mark(entry);
    }
  }

  function draw() {
    for (const one of people) {
      const name = one.dataset.viewer;
      const { count, loud } = context.state.counted(name);
      badge(one, count, loud);
      const title = one.querySelector(".chat-person-name").firstChild.textContent.trim();
      one.setAttribute("aria-label", format(words.person, { name: title, role: roles.get(name), n: count }));
    }
    const there = new Map([...list.children].map((entry) => [entry.dataset.chat, entry]));
    const entries = [...context.state.chats.values()].map((chat) => drawn(there.get(chat.key) ?? made(chat.key), chat));
    // Whoever stands on an entry by keyboard stays there: only what changed is moved.
    entries.forEach((entry, place) => {
      if (list.children[place] !== entry) list.insertBefore(entry, list.children[place] ?? null);
    });
    while (list.children.length > entries.length) list.lastChild.remove();
  }

  function made(key) {
    const entry = clone("chat-entry");
    entry.dataset.chat = key;
    return entry;
  }

  function drawn(entry, chat) {
    const last = [...chat.messages.values()].at(-1);
    const { count, loud } = context.state.counted(viewer.name, chat.key);
    const today = last && dayOf(last.at) === dayOf(Date.now() / 1000);
    fill(entry, {
      title: chat.title,
      last: last ? saying(last) : words.nothing,
      time: last ? (today ? timeOf(last.at) : dayOf(last.at)) : null,
    });
    badge(entry, count, loud);
    mark(entry);
    return entry;
  }

  function saying(message) {
    const line = lineOf(message);
    if (message.service || message.from === "bot") return line;
    return message.from === viewer.name ? format(words.from_you, { text: line }) : `${message.sender}: ${line}`;
  }

  function mark(entry) {
    if (entry.dataset.chat === context.key) entry.setAttribute("aria-current", "true");
    else entry.removeAttribute("aria-current");
  }

  function news(message) {
    const { chat } = message;
    const visible = list.checkVisibility();
    if (message.from === viewer.name || message.silent || message.service || !context.state.chats.has(chat)) return;
    if ((chat === context.key && visible) || Date.now() / 1000 - message.at > FRESH) return;
    const { title } = context.state.chats.get(chat);
    const text = lineOf(message);
    if (!visible) return toast(`${title}: ${text}`); // a narrow page shows another part
    fill(banner, { title, text });
    banner.dataset.to = chat;
    banner.hidden = false;
    clearTimeout(timer);
    timer = setTimeout(() => (banner.hidden = true), BANNER);
  }

  return { change, draw, news };
}

function badge(element, count, loud) {
  const counter = element.querySelector(".counter");
  counter.hidden = count === 0;
  counter.textContent = String(count);
  counter.dataset.loud = String(loud);
  if (count === 0) delete counter.dataset.unread;
  else counter.dataset.unread = String(count);
  counter.title = format(words.unread, { n: count });
}
