import { clone, fill } from "./dom.js";

const STAY = 5000; // milliseconds; longer for longer texts
const MOST = 3;

/**
 * Shows a short piece of news that goes by itself, and returns what takes it away before that.
 * tone: default, success, warning, destructive; region: where; stay: milliseconds.
 */
export function toast(text, { tone = "default", region = document.getElementById("toasts"), stay = STAY + text.length * 40 } = {}) {
  // Behind a question it would be neither seen nor read aloud: it waits for the answer.
  const question = document.querySelector("dialog:modal");
  if (question) {
    let end = () => question.removeEventListener("close", late);
    const late = () => (end = toast(text, { tone, region, stay }));
    question.addEventListener("close", late, { once: true });
    return () => end();
  }
  const one = fill(clone("toast-template"), { text });
  one.dataset.tone = tone;
  while (region.childElementCount >= MOST) region.firstElementChild.remove();
  region.append(one);
  let timer = 0;
  const wait = () => {
    clearTimeout(timer);
    timer = setTimeout(() => one.remove(), stay);
  };
  // Whoever reads it or is about to close it has all the time they need.
  for (const event of ["pointerenter", "focusin"]) one.addEventListener(event, () => clearTimeout(timer));
  for (const event of ["pointerleave", "focusout"]) one.addEventListener(event, wait);
  one.querySelector("[data-close]").addEventListener("click", () => one.remove());
  wait();
  return () => one.remove();
}
