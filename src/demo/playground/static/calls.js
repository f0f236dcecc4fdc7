import { get } from "/static/web/api.js";
import { clone, fill, format } from "/static/web/dom.js";
import { mark, timeOf } from "./delivery.js";
import { gathered } from "./lists.js";

const MOST = 500; // calls that are kept, and rows that there are

/** The tab "Bot API calls": live, newest first, filtered, each unfolds to what was sent. */
export function start({ stream }) {
  const part = document.getElementById("calls");
  const words = JSON.parse(part.dataset.words);
  const [rows, empty, count, method, text, refused, pause] = [
    "rows", "empty", "count", "method", "text", "refused", "pause",
  ].map((name) => document.getElementById(`calls-${name}`));
  let calls = []; // oldest first
  let names = {};
  let held = []; // that came while paused
  let paused = false;
  let looked = 0; // the last line that the first look covered

  function fits(call) {
    if (method.value && call.method !== method.value) return false;
    if (refused.checked && call.ok) return false;
    const wanted = text.value.trim().toLowerCase();
    return !wanted || searched(call).includes(wanted);
  }

  function searched(call) {
    const { method: name, status, description, chat, form } = call;
    return [name, status, description ?? "", names[chat] ?? "", JSON.stringify(form)].join(" ").toLowerCase();
  }

  function rowOf(call) {
    const row = clone("call-template");
    Object.assign(row.dataset, { call: call.number, method: call.method, ok: call.ok });
    fill(row, {
      time: timeOf(call.at),
      method: call.method,
      chat: names[call.chat] ?? call.chat ?? "",
      description: call.ok ? null : call.description,
      status: call.status,
    });
    mark(row.querySelector('[data-field="status"]'), call.ok ? "badge-success" : "badge-destructive");
    row.addEventListener("toggle", () => {
      row.querySelector("[data-form]").textContent = row.open ? pretty(call.form) : "";
    });
    return row;
  }

  function tell() {
    const shown = rows.childElementCount;
    empty.hidden = shown > 0;
    count.textContent = paused
      ? format(words.paused, { n: held.length })
      : format(words.shown, { shown, all: calls.length });
  }

  function draw() {
    rows.replaceChildren(...calls.filter(fits).reverse().map(rowOf));
    tell();
  }

  function offerMethods() {
    const known = new Set([...method.options].map(({ value }) => value));
    const fresh = [...new Set(calls.map((call) => call.method))].filter((name) => !known.has(name)).sort();
    for (const name of fresh) {
      const after = [...method.options].find(({ value }) => value > name) ?? null;
      method.add(new Option(name, name), after);
    }
  }

  function add(all) {
    // What the first look showed comes again where the stream is behind it.
    const lines = all.filter(({ seq }) => seq > looked);
    if (paused) {
      held = [...held, ...lines].slice(-MOST);
      tell();
      return;
    }
    calls = [...calls, ...lines].slice(-MOST);
    offerMethods();
    rows.prepend(...lines.slice(-MOST).filter(fits).reverse().map(rowOf));
    while (rows.childElementCount > MOST) rows.lastElementChild.remove();
    tell();
  }

  async function load() {
    try {
      const found = await get("/api/calls");
      names = found.chats;
      looked = found.seq;
      const later = [...calls, ...held].filter(({ seq }) => seq > found.seq);
      calls = [...found.calls, ...later].slice(-MOST);
      held = [];
      offerMethods();
      draw();
    } catch (error) {
      count.textContent = format(words.failed, { error: error.message });
    }
  }

  pause.addEventListener("click", () => {
    paused = !paused;
    pause.setAttribute("aria-pressed", String(paused));
    fill(pause, { label: paused ? words.resume : words.pause });
    const waiting = held;
    held = [];
    if (paused) tell();
    else add(waiting);
  });
  for (const control of [method, refused]) control.addEventListener("change", draw);
  text.addEventListener("input", gathered(draw, 150));
  stream.on("call", add);
  stream.on("world", () => {
    calls = [];
    load();
  });
  load();
}

function pretty(form) {
  const shown = Object.entries(form).map(([name, value]) => [name, parsed(value)]);
  return JSON.stringify(Object.fromEntries(shown), null, 2);
}

/** Telegram's forms hold JSON in their values: keyboards, entities. */
function parsed(value) {
  if (!/^[[{]/.test(value)) return value;
  try {
    return JSON.parse(value);
  } catch {
    return value; // cut to length, or no JSON
  }
}
