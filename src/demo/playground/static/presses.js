import { alertDialog } from "/static/web/dialog.js";
import { copy, showError, tell, words } from "./chat_words.js";

/** What a press on a button under a message does: ask the bot, open a link or copy a text. */
export function mountPresses(context) {
  document.getElementById("messages").addEventListener("click", (event) => {
    const button = event.target.closest("[data-press]");
    if (button) press(button).catch(showError);
  });

  async function press(button) {
    const { row, column } = button.dataset;
    const message = context.chat?.messages.get(Number(button.closest("[data-message]").dataset.message));
    const key = message?.keyboard[row]?.[column];
    if (!key) return;
    if (key.kind === "url") await context.follow(key.url, key.target);
    else if (key.kind === "copy") await copy(key.copy);
    else await ask(button, { message: message.id, row: Number(row), column: Number(column), text: key.text, data: key.data });
  }

  async function ask(button, body) {
    const turn = String(Number(button.dataset.turn ?? 0) + 1);
    button.dataset.turn = turn; // of several presses the last one ends the waiting
    button.setAttribute("aria-busy", "true");
    try {
      await show(await context.ask("press", body));
    } finally {
      if (button.dataset.turn === turn) button.removeAttribute("aria-busy");
    }
  }

  async function show({ answered, text, alert, url, target }) {
    if (!answered) tell(words.unanswered, "warning");
    else if (url) await context.follow(url, target);
    else if (text && alert) alertDialog(text, { title: context.state.bot.name });
    else if (text) tell(text);
  }
}
