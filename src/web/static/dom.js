/** A fresh copy of the first element of <template id="ID">. */
export function clone(id) {
  return document.getElementById(id).content.firstElementChild.cloneNode(true);
}

/** Puts values into [data-field="NAME"] as text; null, false, "" and what is empty hides the element. */
export function fill(root, values) {
  for (const [name, value] of Object.entries(values)) {
    for (const element of fields(root, name)) {
      element.hidden = value === null || value === undefined || value === false || value === "";
      if (!element.hidden && value !== true) element.textContent = String(value);
    }
  }
  return root;
}

/** Puts HTML into [data-field="NAME"]: only what the server rendered and escaped may come here. */
export function fillHtml(root, name, html) {
  for (const element of fields(root, name)) element.innerHTML = html;
  return root;
}

/** Replaces {name} in a text of the page by its value. */
export function format(text, values) {
  return text.replace(/\{(\w+)\}/g, (all, name) => (name in values ? String(values[name]) : all));
}

function fields(root, name) {
  const found = [...root.querySelectorAll(`[data-field="${name}"]`)];
  return root.dataset?.field === name ? [root, ...found] : found;
}
