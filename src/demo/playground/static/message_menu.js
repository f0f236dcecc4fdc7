import { confirmDialog } from "/static/web/dialog.js";
import { copy, showError, words } from "./chat_words.js";
import { viewer } from "./viewer.js";

/** The menu of a message: answer, copy, change and delete, as far as the person may. */
export function mountMenu(context) {
  const log = document.getElementById("messages");
  const menu = document.getElementById("message-menu");
  const items = [...menu.querySelectorAll("[data-deed]")];
  let message = null;

  log.addEventListener("click", (event) => {
    const button = event.target.closest("[data-menu]");
    if (button) open(button.closest("article"), button.getBoundingClientRect());
  });
  log.addEventListener("contextmenu", (event) => {
    const article = event.target.closest("article[data-kind]");
    if (!article || event.target.closest("a")) return;
    event.preventDefault();
    open(article, new DOMRect(event.clientX, event.clientY, 0, 0));
  });

  function open(article, at) {
    message = context.chat.messages.get(Number(article.dataset.message));
    if (!message) return;
    const own = message.from === viewer.name;
    const { blocked, closed } = context.chat;
    const may = {
      reply: !blocked && !closed,
      copy: !message.protected,
      edit: own && !blocked && !closed,
      delete: own || context.key === "bot",
    };
    for (const item of items) item.hidden = !may[item.dataset.deed];
    menu.showPopover();
    const { width, height } = menu.getBoundingClientRect();
    menu.style.left = `${Math.max(4, Math.min(at.right, innerWidth - width - 4))}px`;
    menu.style.top = `${Math.max(4, Math.min(at.bottom, innerHeight - height - 4))}px`;
    items.find((item) => !item.hidden).focus();
  }

  menu.addEventListener("keydown", (event) => {
    const there = items.filter((item) => !item.hidden);
    const at = there.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
    if (event.key === "Tab") menu.hidePopover();
    if (to === undefined) return;
    event.preventDefault();
    there.at(to % there.length).focus();
  });
  menu.addEventListener("click", (event) => {
    const item = event.target.closest("[data-deed]");
    if (!item) return;
    menu.hidePopover();
    deeds[item.dataset.deed](message).catch(showError);
  });

  const deeds = {
    reply: async (one) => context.composer.answer(one),
    copy: async ({ text }) => copy(text),
    edit: async (one) => context.composer.rewrite(one),
    delete: async ({ id }) => {
      const asked = { title: words.delete_title, text: words.delete_text, ok: words.delete_ok, danger: true };
      const { key } = context;
      if (await confirmDialog(asked)) await context.ask("delete", { chat: key, message: id });
    },
  };
}
