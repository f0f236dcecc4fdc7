import { fill, format } from "/static/web/dom.js";
import { mountCommands } from "./commands.js";
import { lineOf, showError, words } from "./chat_words.js";
import { viewer } from "./viewer.js";

/** Where one writes: drafts for each person and chat, answering, changing, commands; the Start button. */
export function mountComposer(context) {
  const form = document.getElementById("compose");
  const field = document.getElementById("composer");
  const bar = document.getElementById("answering");
  const [start, unblock, note] = ["start", "unblock", "chat-note"].map((id) => document.getElementById(id));
  const commands = mountCommands(context, field, send);
  let about = null; // {edit: whether it is changed or answered, message}
  let sending = false;
  let place = null; // whose draft of which chat the field holds

  field.addEventListener("input", () => {
    keep();
    commands.filter();
  });
  field.addEventListener("keydown", (event) => {
    if (event.isComposing || commands.key(event)) return;
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      send();
    } else if (event.key === "Escape" && about) {
      event.preventDefault();
      drop();
    } else if (event.key === "ArrowUp" && field.value === "") changeLast(event);
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  document.getElementById("send").addEventListener("click", () => send());
  bar.querySelector("[data-drop]").addEventListener("click", drop);
  start.addEventListener("click", () => send("/start"));

  /** Sends what is written, or this text; what cannot be sent stays in the field. */
  async function send(text = null) {
    if (sending) return;
    const written = text ?? field.value;
    const { edit, message } = (text === null && about) || {};
    const [from, key] = [viewer.name, context.key];
    sending = true;
    try {
      if (edit) await context.ask("edit", { message: message.id, text: written });
      else await context.ask("send", { text: written, reply_to: message?.id ?? null });
      done(from, key, text === null ? written : null);
    } catch (error) {
      showError(error);
    } finally {
      sending = false;
    }
  }

  function done(from, key, written) {
    const here = from === viewer.name && key === context.key;
    if (written !== null && (!here || field.value === written)) {
      sessionStorage.removeItem(draftOf(from, key));
      if (here) field.value = "";
    }
    if (!here) return;
    commands.close();
    if (written !== null) drop();
    context.messages.toNewest();
    if (form.checkVisibility()) field.focus({ preventScroll: true });
  }

  function keep() {
    if (about?.edit || !place) return;
    if (field.value) sessionStorage.setItem(place, field.value);
    else sessionStorage.removeItem(place);
  }

  function take(edit, message) {
    if (about?.edit) drop();
    about = { edit, message };
    const title = edit ? words.editing : format(words.replying, { name: message.sender });
    fill(bar, { title, text: lineOf(message) });
    bar.hidden = false;
    if (edit) field.value = message.text;
    field.focus();
  }

  function drop() {
    if (about?.edit) field.value = sessionStorage.getItem(place) ?? "";
    about = null;
    bar.hidden = true;
    field.focus({ preventScroll: true });
  }

  function changeLast(event) {
    const own = [...context.chat.messages.values()].findLast((one) => one.from === viewer.name && !one.service);
    if (!own) return;
    event.preventDefault();
    take(true, own);
  }

  function change() {
    about = null;
    bar.hidden = true;
    commands.close();
    place = draftOf(viewer.name, context.key);
    field.value = sessionStorage.getItem(place) ?? "";
  }

  function draw() {
    const { chat } = context;
    // The chat may be another one than asked for, where the viewer is not in that.
    if (place !== draftOf(viewer.name, context.key)) change();
    start.hidden = chat.started || chat.blocked;
    unblock.hidden = !chat.blocked;
    note.hidden = !chat.closed;
    form.hidden = chat.blocked || chat.closed;
    if (about && !chat.messages.has(about.message.id)) {
      const written = field.value;
      drop();
      field.value = written; // what was typed is not lost with the message it was about
      keep();
    }
    commands.draw();
  }

  return {
    change,
    draw,
    answer: (message) => take(false, message),
    rewrite: (message) => take(true, message),
    fill(text) {
      field.value = text;
      keep();
      field.focus();
    },
  };
}

function draftOf(name, key) {
  return `draft ${name} ${key}`;
}
