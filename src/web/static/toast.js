import { clone, fill } from "./dom.js";

const STAY = 5000; // milliseconds; longer for longer texts
const MOST = 3;

/** Shows a short piece of news that goes by itself; tone: default, success, warning, destructive; region: where. */
export function toast(text, { tone = "default", region = document.getElementById("toasts") } = {}) {
  // Behind a question it would be neither seen nor read aloud: it waits for the answer.
  const question = document.querySelector("dialog:modal");
  if (question) {
    question.addEventListener("close", () => toast(text, { tone, region }), { once: true });
    return;
  }
  const one = fill(clone("toast-template"), { text });
  one.dataset.tone = tone;
  while (region.childElementCount >= MOST) region.firstElementChild.remove();
  region.append(one);
  let timer = 0;
  const wait = () => {
    clearTimeout(timer);
    timer = setTimeout(() => one.remove(), STAY + text.length * 40);
  };
  // Whoever reads it or is about to close it has all the time they need.
  for (const event of ["pointerenter", "focusin"]) one.addEventListener(event, () => clearTimeout(timer));
  for (const event of ["pointerleave", "focusout"]) one.addEventListener(event, wait);
  one.querySelector("[data-close]").addEventListener("click", () => one.remove());
  wait();
}
