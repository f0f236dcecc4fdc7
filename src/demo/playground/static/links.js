import { showDialog } from "/static/web/dialog.js";
import { fill, format } from "/static/web/dom.js";
import { openTab } from "/static/web/tabs.js";
import { copy, showError, words } from "./chat_words.js";

/** Links and what else can be pressed in a message's text; nothing of it ever leaves the page by itself. */
export function mountLinks(context) {
  const messages = document.getElementById("messages");

  async function said(text) {
    await context.ask("send", { text });
    context.messages.toNewest();
  }

  /** Does what the link is for: `target` is what the server found out about it. */
  async function follow(url, target) {
    switch (target?.to) {
      case "start":
        context.open("bot");
        return said(`/start ${target.code}`.trim());
      case "startgroup":
        return context.open((await context.ask("group", { code: target.code })).chat);
      case "bot":
        return context.open("bot");
      case "forge": {
        const { kind, project, pull, issue } = target;
        if (!project) return openTab("forge");
        return document.dispatchEvent(new CustomEvent("open-forge", { detail: { kind, project, pull, issue } }));
      }
      default:
        return outside(url);
    }
  }

  async function outside(url) {
    const dialog = fill(document.getElementById("link-dialog"), { text: format(words.outside, { url }) });
    if ((await showDialog(dialog)) === "copy") await copy(url);
  }

  async function pressed(event) {
    const link = event.target.closest("a[data-to]");
    const command = event.target.closest("[data-say]");
    const spoiler = event.target.closest("[data-spoiler]:not([data-shown])");
    const code = event.target.closest("code");
    if (spoiler) reveal(spoiler);
    else if (link) await follow(link.href, { ...link.dataset });
    else if (command) await said(command.dataset.say);
    else if (code && getSelection().isCollapsed) await copy(code.textContent);
  }

  for (const kind of ["click", "auxclick"]) {
    messages.addEventListener(kind, (event) => {
      if (event.target.closest(".bubble-text a")) event.preventDefault();
      if (kind === "click" && event.target.closest(".bubble-text")) pressed(event).catch(showError);
    });
  }
  messages.addEventListener("keydown", (event) => {
    const spoiler = event.target.closest("[data-spoiler]:not([data-shown])");
    if (!spoiler || (event.key !== "Enter" && event.key !== " ")) return;
    event.preventDefault();
    reveal(spoiler);
  });
  document.addEventListener("fill-composer", ({ detail }) => {
    openTab("chat");
    context.composer.fill(detail.text);
  });
  context.follow = follow;
}

function reveal(spoiler) {
  spoiler.dataset.shown = "";
  for (const name of ["role", "tabindex", "aria-label"]) spoiler.removeAttribute(name);
}
