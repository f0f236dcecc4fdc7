import { clone, fill, fillHtml, format } from "/static/web/dom.js";
import { serviceText, timeOf, words } from "./chat_words.js";
import { viewer } from "./viewer.js";

const HUES = { ann: 0, bob: 2, eve: 4 };

/** An article for a message, not yet filled. */
export function makeBubble(message) {
  const article = clone(message.service ? "chat-service" : "chat-bubble");
  article.dataset.message = message.id;
  article.dataset.from = message.from;
  article.tabIndex = -1;
  if (!message.service) article.querySelector(".bubble").append(clone("chat-more"));
  return article;
}

/** Fills an article anew; what is the same stays, so that the focus does. */
export function drawBubble(article, message, { named }) {
  const own = message.from === viewer.name;
  const time = timeOf(message.at);
  const label = format(own ? words.own : words.time, { sender: message.sender, time });
  article.setAttribute("aria-label", message.silent ? format(words.silent, { label }) : label);
  article.dataset.silent = String(message.silent);
  if (message.service) {
    fill(article, { text: serviceText(message) });
    return;
  }
  article.dataset.kind = own ? "own" : message.from === "bot" ? "bot" : "other";
  article.toggleAttribute("data-edited", message.edited);
  article.toggleAttribute("data-protected", message.protected);
  const { pinned, silent, edited } = message;
  fill(article, { sender: named && !own ? message.sender : null, time, pinned, silent, edited });
  article.querySelector('[data-field="time"]').dateTime = new Date(message.at * 1000).toISOString();
  const sender = article.querySelector('[data-field="sender"]');
  sender.dataset.hue = HUES[message.from] ?? 5;
  drawText(article, message);
  drawReply(article, message.reply_to);
  drawReactions(article, message.reactions);
  drawKeyboard(article.querySelector("[data-keyboard]"), message.keyboard);
}

function drawText(article, message) {
  if (article.html === message.html) return;
  const opened = [...article.querySelectorAll("[data-expandable]")].map((one) => "expanded" in one.dataset);
  const shown = article.querySelector("[data-spoiler][data-shown]") !== null;
  article.html = message.html;
  fillHtml(article, "html", message.html);
  for (const quote of article.querySelectorAll("blockquote")) quote.className = "quote";
  article.querySelectorAll("[data-expandable]").forEach((quote, place) => {
    const toggle = clone("chat-quote-toggle");
    quote.append(toggle);
    if (opened[place]) toggleQuote(toggle);
  });
  for (const code of article.querySelectorAll(".bubble-text code")) code.title = words.code;
  for (const spoiler of article.querySelectorAll("[data-spoiler]")) {
    if (shown) spoiler.dataset.shown = "";
    else Object.assign(spoiler, { role: "button", tabIndex: 0, ariaLabel: words.spoiler });
  }
}

/** Unfolds a quote, or folds it again. */
export function toggleQuote(toggle) {
  const open = toggle.parentElement.toggleAttribute("data-expanded");
  toggle.setAttribute("aria-expanded", String(open));
}

/** Quotes of few lines need no button; counted once they stand in the page. */
export function trimQuotes(article) {
  for (const quote of article.querySelectorAll("[data-expandable]:not([data-expanded])")) {
    const toggle = quote.querySelector(":scope > .quote-toggle");
    if (!toggle) continue;
    toggle.remove(); // without it the quote has its whole height
    const style = getComputedStyle(quote);
    const height = quote.clientHeight - parseFloat(style.paddingTop) - parseFloat(style.paddingBottom);
    const lines = Math.round(height / parseFloat(style.lineHeight));
    if (lines > 3) quote.append(toggle);
  }
}

function drawReply(article, reply) {
  const button = article.querySelector("[data-reply]");
  button.hidden = !reply;
  if (!reply) return;
  button.dataset.reply = reply.id;
  const text = reply.deleted ? words.deleted : reply.text;
  fill(button, { reply_sender: reply.sender, reply_text: text });
  button.setAttribute("aria-label", reply.deleted ? text : format(words.reply_to, { name: reply.sender, text }));
}

function drawReactions(article, reactions) {
  const place = article.querySelector("[data-reactions]");
  place.hidden = reactions.length === 0;
  place.dataset.reactions = reactions.join(" ");
  place.replaceChildren(...reactions.map((emoji) => {
    const one = clone("chat-reaction");
    one.textContent = emoji;
    return one;
  }));
}

function drawKeyboard(keyboard, rows) {
  const focused = keyboard.contains(document.activeElement);
  keyboard.hidden = rows.length === 0;
  while (keyboard.children.length > rows.length) keyboard.lastElementChild.remove();
  rows.forEach((keys, row) => {
    const line = keyboard.children[row] ?? keyboard.appendChild(clone("chat-key-row"));
    while (line.children.length > keys.length) line.lastElementChild.remove();
    keys.forEach((key, column) => drawKey(line.children[column] ?? line.appendChild(clone("chat-key")), key, row, column));
  });
  if (!focused || keyboard.contains(document.activeElement)) return;
  // The button under the finger is gone: the last that there is, else the message.
  (keyboard.querySelector(".keyboard-row:last-child > :last-child") ?? keyboard.closest("article")).focus();
}

function drawKey(button, { text, kind }, row, column) {
  const label = button.querySelector('[data-field="label"]');
  if (label.textContent !== text) button.removeAttribute("aria-busy"); // another button in the same place
  label.textContent = text;
  Object.assign(button.dataset, { kind, row, column });
}
