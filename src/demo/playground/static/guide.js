import { get, post } from "/static/web/api.js";
import { format } from "/static/web/dom.js";
import { openTab } from "/static/web/tabs.js";
import { toast } from "/static/web/toast.js";
import { viewer } from "./viewer.js";

const list = document.getElementById("guide");
const words = JSON.parse(list.dataset.words);
const OWNER = "ann";
const MUTE = "🔕"; // in every language the sign of the button that leads there
const POINTED = ["ring-2", "ring-ring"]; // the card that a step's button has shown

/** Ticks the guided list as things happen, does the first move of a step, and restarts the bot. */
export function start({ stream }) {
  stream.on("step", (lines) => lines.forEach(tick));
  // Another start of the demo: nothing is done yet.
  stream.on("world", () => guarded(async () => show(await get("/api/guide"))));
  list.addEventListener("click", (event) => {
    const step = event.target.closest("[data-do]")?.closest("[data-step]");
    if (step) guarded(() => begin(step.dataset.step));
    else if (event.target.closest("[data-again]")) guarded(() => begin("pair"));
  });
  document.getElementById("restart")?.addEventListener("click", (event) => restart(event.currentTarget));
}

const stepOf = (name) => list.querySelector(`[data-step="${name}"]`);

function tick({ step, done }) {
  const element = stepOf(step);
  if (!element || element.dataset.done === String(done)) return;
  mark(element, done);
  markCurrent();
  if (!done) return;
  const [title, next] = [element, list.querySelector("[data-step][data-current]")].map(
    (one) => one?.querySelector("[data-title]").textContent,
  );
  const text = format(next ? words.ticked : words.last, { title, next });
  // Who sees the list sees the tick, and nothing has to stand over the next step.
  if (list.checkVisibility()) list.querySelector("[data-news]").textContent = text;
  else toast(text, { tone: "success" });
}

function show(view) {
  for (const { name, done } of view.steps) mark(stepOf(name), done);
  markCurrent();
}

function mark(element, done) {
  element.dataset.done = String(done);
  for (const part of ["what", "first"]) element.querySelector(`[data-${part}]`).hidden = done;
  for (const part of ["happened", "said"]) element.querySelector(`[data-${part}]`).hidden = !done;
}

function markCurrent() {
  const steps = [...list.querySelectorAll("[data-step]")];
  const current = steps.find((step) => step.dataset.done === "false");
  for (const step of steps) {
    step.toggleAttribute("data-current", step === current);
    if (step === current) step.setAttribute("aria-current", "step");
    else step.removeAttribute("aria-current");
    const button = step.querySelector("[data-do]");
    button.classList.toggle("btn-default", step === current);
    button.classList.toggle("btn-outline", step !== current);
  }
  // Without its owner the bot has to be paired anew, whatever was left out before.
  list.querySelector("[data-all-done]").hidden = steps.at(-1).dataset.done === "false";
  list.querySelector("[data-all]").hidden = current !== undefined;
}

/** The first move of a step; what the person has to press is left to them. */
async function begin(name) {
  const { fill, card } = (await get("/api/guide")).steps.find((step) => step.name === name);
  if (card) return showCard(card);
  if (fill) return fillIn(fill);
  return name === "pair" ? toast(words.noCode) : showMessage();
}

function showCard(name) {
  openTab("events");
  const card = document.querySelector(`[data-happening="${name}"]`);
  const button = card.querySelector("[data-send]");
  card.scrollIntoView({ block: "center" });
  card.classList.add(...POINTED);
  button.focus();
  button.addEventListener("blur", () => card.classList.remove(...POINTED), { once: true });
}

function openChat() {
  viewer.set(OWNER);
  openTab("chat");
  document.querySelector('[data-chat="bot"]')?.click();
}

function fillIn(text) {
  openChat();
  const composer = document.getElementById("composer");
  composer.value = text;
  composer.dispatchEvent(new Event("input", { bubbles: true }));
  composer.focus();
}

function showMessage() {
  openChat();
  const buttons = [...document.querySelectorAll("#messages article[data-from='bot'] button[data-press]")];
  const mute = buttons.findLast((button) => button.textContent.includes(MUTE));
  if (!mute) return toast(words.noMessage);
  mute.closest("article").scrollIntoView({ block: "end" });
  mute.focus();
}

async function restart(button) {
  if (button.ariaDisabled) return;
  button.ariaDisabled = "true"; // not disabled, which would take the focus away
  await guarded(async () => {
    await post("/api/restart");
    toast(words.restarted, { tone: "success" });
  });
  button.ariaDisabled = null;
}

async function guarded(work) {
  try {
    await work();
  } catch (error) {
    toast(error.message, { tone: "destructive" });
  }
}
