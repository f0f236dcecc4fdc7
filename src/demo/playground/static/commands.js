import { clone, fill } from "/static/web/dom.js";

/** The list of the bot's commands: all of them by the button, or those that begin with what is typed. */
export function mountCommands(context, field, send) {
  const list = document.getElementById("command-list");
  const button = document.getElementById("commands");
  let at = -1;
  let all = false; // opened by the button

  button.addEventListener("click", () => {
    if (!list.hidden) return close();
    all = true;
    show(context.chat.commands);
    field.focus();
  });
  list.addEventListener("keydown", key);
  list.addEventListener("pointerdown", (event) => event.preventDefault()); // the field keeps the focus
  list.addEventListener("click", (event) => {
    const entry = event.target.closest("[data-command]");
    if (entry) choose(entry);
  });
  list.addEventListener("pointerover", (event) => {
    const entry = event.target.closest("[data-command]");
    if (entry) point([...list.children].indexOf(entry));
  });
  document.addEventListener("pointerdown", (event) => {
    if (!event.target.closest(".chat-foot")) close();
  });

  function filter() {
    all = false;
    const typed = field.value.toLowerCase();
    const found = /^\/\w*$/.test(typed)
      ? (context.chat?.commands ?? []).filter(({ name }) => `/${name}`.startsWith(typed))
      : [];
    if (found.length > 0) show(found);
    else close();
  }

  function show(commands) {
    list.replaceChildren(...commands.map(({ name, description }, place) => {
      const entry = fill(clone("chat-command"), { name: `/${name}`, about: description });
      entry.dataset.command = `/${name}`;
      entry.id = `command-${place}`;
      return entry;
    }));
    list.hidden = commands.length === 0;
    button.setAttribute("aria-expanded", String(!list.hidden));
    point(all ? -1 : 0);
  }

  function point(place) {
    at = place;
    [...list.children].forEach((entry, one) => entry.setAttribute("aria-selected", String(one === at)));
    const entry = list.children[at];
    if (entry) field.setAttribute("aria-activedescendant", entry.id);
    else field.removeAttribute("aria-activedescendant");
    entry?.scrollIntoView({ block: "nearest" });
  }

  function choose(entry) {
    const { command } = entry.dataset;
    // What was typed of a command is done with it; any other draft stays.
    if (field.value && command.startsWith(field.value.toLowerCase())) {
      field.value = "";
      field.dispatchEvent(new Event("input", { bubbles: true }));
    }
    close();
    send(command);
  }

  function close() {
    if (list === document.activeElement) field.focus();
    list.hidden = true;
    all = false;
    button.setAttribute("aria-expanded", "false");
    field.removeAttribute("aria-activedescendant");
  }

  /** Whether the list took the key. */
  function key(event) {
    if (list.hidden) return false;
    const count = list.children.length;
    const entry = list.children[at];
    if (event.key === "Escape") close();
    else if (event.key === "ArrowDown") point((at + 1) % count);
    else if (event.key === "ArrowUp") point((Math.max(at, 0) - 1 + count) % count);
    else if (event.key === "Tab" && entry && !all) complete(entry);
    else if (event.key === "Enter" && entry && !event.shiftKey) choose(entry);
    else return false;
    event.preventDefault();
    return true;
  }

  function complete(entry) {
    field.value = `${entry.dataset.command} `;
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }

  function draw() {
    button.hidden = context.chat.commands.length === 0;
    if (button.hidden) close();
  }

  return { filter, key, close, draw };
}
