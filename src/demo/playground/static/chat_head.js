import { confirmDialog } from "/static/web/dialog.js";
import { fill, format } from "/static/web/dom.js";
import { lineOf, showError, words } from "./chat_words.js";
import { viewer } from "./viewer.js";

/** The open chat's title, what is pinned in it, the person's Telegram language, and blocking the bot. */
export function mountHead(context) {
  const [title, subtitle] = ["chat-title", "chat-subtitle"].map((id) => document.getElementById(id));
  const language = document.getElementById("telegram-language");
  const block = document.getElementById("block");
  const pinned = document.getElementById("pinned");
  const person = () => document.querySelector(`[data-viewer="${viewer.name}"] .chat-person-name`).firstChild.textContent;

  language.addEventListener("change", async () => {
    try {
      await context.ask("language", { language: language.value });
    } catch (error) {
      showError(error);
      language.value = context.state.viewer.language;
    }
  });
  block.addEventListener("click", async () => {
    const text = format(words.block_text, { name: person() });
    if (!(await confirmDialog({ title: words.block_title, text, ok: words.block_ok, danger: true }))) return;
    context.ask("block", { blocked: true }).catch(showError);
  });
  document.getElementById("unblock").addEventListener("click", () => {
    context.ask("block", { blocked: false }).catch(showError);
  });
  pinned.addEventListener("click", () => context.messages.jump(context.chat.pinned.id));

  function draw() {
    const { chat } = context;
    title.textContent = chat.title;
    subtitle.textContent = chat.group ?? words.private;
    const label = format(words.language, { name: person() });
    language.title = label;
    document.querySelector(`label[for="${language.id}"]`).textContent = label;
    if (document.activeElement !== language) language.value = context.state.viewer.language;
    block.hidden = chat.key !== "bot" || !chat.started || chat.blocked;
    pinned.hidden = !chat.pinned;
    if (chat.pinned) fill(pinned, { text: lineOf(chat.pinned) });
  }

  return { draw };
}
