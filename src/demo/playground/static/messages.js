import { clone, fill, format } from "/static/web/dom.js";
import { drawBubble, makeBubble, toggleQuote, trimQuotes } from "./bubble.js";
import { mountDays } from "./chat_days.js";
import { dayOf, showError, tell, words } from "./chat_words.js";
import { viewer } from "./viewer.js";

const NEAR = 60; // pixels from the foot within which one reads along
const MOST = 400; // messages in the page while one reads along
const FADE = 200; // milliseconds

/** The messages of the open chat: drawn in place, with days between them, followed as they come in. */
export function mountMessages(context) {
  const log = document.getElementById("messages");
  const newest = document.getElementById("newest");
  const articles = new Map(); // id -> article
  let shown = null; // whose chat is drawn: "ann bot"
  let unreadFrom = null; // the first message that was not read when the chat was opened

  const atFoot = () => log.scrollHeight - log.scrollTop - log.clientHeight < NEAR;
  const dayLine = mountDays(log, atFoot);
  const visible = () => document.visibilityState === "visible" && log.checkVisibility();

  let following = true; // whether one reads along, as of the last scroll

  log.addEventListener(
    "scroll",
    () => {
      following = atFoot();
      settle();
    },
    { passive: true },
  );
  // The field below grows and the chat shrinks: whoever was at the newest stays there.
  new ResizeObserver(() => {
    measure();
    if (following) toNewest();
  }).observe(log);
  for (const event of ["visibilitychange", "tabchosen"]) document.addEventListener(event, () => context.chat && settle());
  newest.addEventListener("click", toNewest);
  log.addEventListener("click", (event) => {
    const reply = event.target.closest("[data-reply]");
    const toggle = event.target.closest("[data-expand]");
    if (toggle) toggleQuote(toggle);
    else if (reply) jump(Number(reply.dataset.reply));
    else if (event.target.closest("[data-older]")) context.loadOlder().catch(showError);
  });

  function change() {
    log.setAttribute("aria-busy", "true");
    articles.clear();
    log.replaceChildren(clone("chat-loading"));
    shown = null;
    newest.hidden = true;
  }

  function draw() {
    const place = `${viewer.name} ${context.key}`;
    const fresh = shown !== place;
    if (fresh) begin(place);
    const along = fresh || atFoot();
    if (along && context.chat.messages.size > MOST) shorten(context.chat);
    arrange([...parts()]);
    log.removeAttribute("aria-busy");
    if (fresh) enter();
    else if (along) log.scrollTop = log.scrollHeight;
    settle();
  }

  function begin(place) {
    shown = place;
    articles.clear();
    log.setAttribute("aria-busy", "true");
    log.replaceChildren();
    const unread = [...(context.state.unread[viewer.name][context.key]?.keys() ?? [])];
    unreadFrom = unread.length ? Math.min(...unread) : null;
  }

  /** At the first message that was not read, as far as there is that much below it. */
  function enter() {
    const line = log.querySelector("[data-unread-line]");
    log.scrollTop = line ? line.offsetTop - log.offsetTop - 8 : log.scrollHeight;
  }

  function* parts() {
    const { chat } = context;
    if (chat.more) yield log.querySelector(":scope > [data-older]") ?? clone("chat-older");
    if (chat.messages.size === 0) yield greeting(chat);
    let day = null;
    for (const message of chat.messages.values()) {
      const now = dayOf(message.at);
      if (now !== day) yield dayLine((day = now));
      if (message.id === unreadFrom) yield log.querySelector("[data-unread-line]") ?? clone("chat-unread");
      yield article(message);
    }
  }

  function greeting(chat) {
    const about = log.querySelector(":scope > [data-about]");
    if (chat.key !== "bot" || !chat.about) return about ?? clone("chat-empty");
    return fill(about ?? clone("chat-about"), { text: chat.about }); // in the language of now
  }

  function article(message) {
    const mark = `${message.revision} ${message.redrawn ?? 0}`;
    let found = articles.get(message.id);
    if (!found) articles.set(message.id, (found = makeBubble(message)));
    if (found.mark !== mark) {
      drawBubble(found, message, { named: context.key !== "bot" });
      found.mark = mark;
      found.measured = false;
    }
    return found;
  }

  /** What is there already stays where it is; what is no more fades. */
  function arrange(wanted) {
    const keep = new Set(wanted);
    for (const old of [...log.children]) if (!keep.has(old) && !old.classList.contains("leaving")) leave(old);
    let at = log.firstElementChild;
    for (const element of wanted) {
      while (at?.classList.contains("leaving")) at = at.nextElementSibling;
      if (element === at) at = at.nextElementSibling;
      else log.insertBefore(element, at);
    }
    measure();
  }

  /** What was drawn while the page showed another part has its height only now. */
  function measure() {
    if (log.clientHeight === 0) return;
    for (const element of [...log.children].filter(({ measured, dataset }) => dataset.message && !measured)) {
      trimQuotes(element);
      element.measured = true;
    }
  }

  function leave(element) {
    const id = Number(element.dataset.message);
    if (!id) return element.remove();
    articles.delete(id);
    if (element.contains(document.activeElement)) log.focus({ preventScroll: true });
    for (const name of ["data-message", "data-from"]) element.removeAttribute(name);
    element.setAttribute("aria-hidden", "true");
    element.inert = true;
    element.classList.add("leaving");
    setTimeout(() => element.remove(), FADE);
  }

  function shorten(chat) {
    chat.messages = new Map([...chat.messages].slice(-MOST / 2));
    chat.more = true;
  }

  /** After a scroll or a change: what one has come to is read, and the way to the newest is shown. */
  function settle() {
    if (!context.chat || shown !== `${viewer.name} ${context.key}`) return;
    const foot = atFoot();
    if (foot && visible()) markRead();
    const { count, loud } = context.state.counted(viewer.name, context.key);
    newest.hidden = foot;
    const counter = newest.querySelector(".counter");
    counter.hidden = count === 0;
    counter.textContent = String(count);
    counter.dataset.loud = String(loud);
    counter.title = format(words.new, { n: count });
  }

  function markRead() {
    const last = Math.max(0, ...context.chat.messages.keys());
    const reads = context.state.read[viewer.name];
    if (last <= (reads[context.key] ?? 0) || context.state.counted(viewer.name, context.key).count === 0) return;
    reads[context.key] = last; // asked once; the line that follows clears the counters everywhere
    context.ask("read", { upto: last }).catch((error) => {
      reads[context.key] = 0;
      showError(error);
    });
  }

  function toNewest() {
    if (shown) log.scrollTop = log.scrollHeight;
  }

  /** Goes to a message, loading what lies between; a message that is gone is said to be. */
  async function jump(id) {
    const { chat } = context;
    try {
      while (!chat.messages.has(id) && chat.more && context.chat === chat) await context.loadOlder();
    } catch (error) {
      return showError(error);
    }
    const found = articles.get(id);
    if (!found) return tell(words.too_old);
    found.scrollIntoView({ block: "center" });
    found.focus({ preventScroll: true });
    found.classList.add("found");
    setTimeout(() => found.classList.remove("found"), 1500);
  }

  return { change, draw, toNewest, jump };
}
