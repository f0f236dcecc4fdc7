import { fill } from "./dom.js";

/** Asks before something is done; true when it shall be. `ok` is what the button says, `danger` makes it red. */
export async function confirmDialog({ title = "", text, ok = "", danger = false }) {
  const dialog = document.getElementById("confirm-dialog");
  fill(dialog, { title, text });
  const button = dialog.querySelector('[data-close="yes"]');
  const label = button.querySelector('[data-field="label"]');
  const usual = (label.dataset.usual ??= label.textContent);
  label.textContent = ok || usual;
  button.classList.toggle("btn-destructive", danger);
  button.classList.toggle("btn-default", !danger);
  return (await showDialog(dialog)) === "yes";
}

/** Tells something that has to be read before one goes on. */
export async function alertDialog(text, { title = "" } = {}) {
  const dialog = document.getElementById("alert-dialog");
  fill(dialog, { title, text });
  await showDialog(dialog);
}

/** Opens a <dialog> in front of all; the value of the [data-close] that closed it, "" by Escape or a press beside it. */
export async function showDialog(dialog) {
  while (dialog.open) {
    // Its "close" comes later, and must not be taken for that of the one that follows.
    const closed = new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
    dialog.close("");
    await closed;
  }
  dialog.returnValue = "";
  const title = dialog.querySelector('[data-field="title"]');
  const named = title?.hidden ? dialog.querySelector('[data-field="text"]') : title;
  if (named) dialog.setAttribute("aria-labelledby", (named.id ||= `${dialog.id}-text`));
  return new Promise((resolve) => {
    const pressed = (event) => {
      const button = event.target.closest("[data-close]");
      if (button) dialog.close(button.dataset.close);
      else if (event.target === dialog && outside(dialog, event)) dialog.close("");
    };
    dialog.addEventListener("click", pressed);
    dialog.addEventListener(
      "close",
      () => {
        dialog.removeEventListener("click", pressed);
        resolve(dialog.returnValue);
      },
      { once: true },
    );
    dialog.showModal();
  });
}

function outside(dialog, event) {
  const box = dialog.getBoundingClientRect();
  const { clientX: x, clientY: y } = event;
  return x < box.left || x > box.right || y < box.top || y > box.bottom;
}
