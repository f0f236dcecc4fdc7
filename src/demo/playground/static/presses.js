import { alertDialog } from "/static/web/dialog.js";
import { copy, showError, tell, words } from "./chat_words.js";

const MOMENT = 2000; // milliseconds; about as long as Telegram shows an answer
const UNDER_WAY = /…$/; // "Loading…": of no use once the message shows what was loaded

/** What a press on a button under a message does: ask the bot, open a link or copy a text. */
export function mountPresses(context) {
  const passing = new Set(); // answers that say that something is under way

  document.getElementById("messages").addEventListener("click", (event) => {
    const button = event.target.closest("[data-press]");
    if (button) press(button).catch(showError);
  });

  async function press(button) {
    const { row, column } = button.dataset;
    const { chat } = context;
    const message = chat?.messages.get(Number(button.closest("[data-message]").dataset.message));
    const key = message?.keyboard[row]?.[column];
    if (!key) return;
    if (key.kind === "url") await context.follow(key.url, key.target);
    else if (key.kind === "copy") await copy(key.copy);
    else {
      const place = { row: Number(row), column: Number(column) };
      const answer = await ask(button, { message: message.id, ...place, text: key.text, data: key.data });
      await show(answer, () => chat.messages.get(message.id)?.revision !== message.revision);
    }
  }

  async function ask(button, body) {
    const turn = String(Number(button.dataset.turn ?? 0) + 1);
    button.dataset.turn = turn; // of several presses the last one ends the waiting
    button.setAttribute("aria-busy", "true");
    try {
      return await context.ask("press", body);
    } finally {
      if (button.dataset.turn === turn) button.removeAttribute("aria-busy");
    }
  }

  async function show({ answered, text, alert, url, target }, isOver) {
    if (!answered) tell(words.unanswered, "warning");
    else if (url) await context.follow(url, target);
    else if (text && alert) alertDialog(text, { title: context.state.bot.name });
    else if (text && UNDER_WAY.test(text)) pass(text, isOver);
    else if (text) tell(text);
  }

  /** It goes as soon as the message has changed, which may be before the answer is here. */
  function pass(text, isOver) {
    if (!isOver()) passing.add({ isOver, end: tell(text, "default", MOMENT) });
  }

  function draw() {
    for (const one of passing) {
      if (!one.isOver()) continue;
      one.end();
      passing.delete(one);
    }
  }

  return { draw };
}
