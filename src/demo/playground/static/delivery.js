import { clone, fill, format } from "/static/web/dom.js";
import { get } from "/static/web/api.js";
import { toast } from "/static/web/toast.js";

const words = JSON.parse(document.getElementById("delivery-words").dataset.words);

/** The page's language, as a query's first parameter: the server's sentences are in it. */
export const LANG = `lang=${encodeURIComponent(document.documentElement.lang)}`;

/** Which badge an HTTP status gets; null stands for no answer. */
export function statusTone(status) {
  if (status !== null && status >= 200 && status < 300) return "badge-success";
  return "badge-destructive";
}

/** A number of seconds since 1970 as the time of day. */
export function timeOf(at) {
  return new Date(at * 1000).toLocaleTimeString(document.documentElement.lang, { hour12: false });
}

/** An element of a list for a delivery; `path` is where its details are, asked for when it is unfolded. */
export function deliveryElement(delivery, path) {
  const element = clone("delivery-template");
  const { status, event, action } = delivery;
  element.dataset.delivery = delivery.number;
  element.dataset.status = status ?? "";
  fill(element, {
    status: status ?? words.unanswered,
    event,
    action: action ? ` · ${action}` : null,
    redelivery: delivery.redelivery,
    ms: format(words.ms, { n: delivery.ms }),
    time: timeOf(delivery.at),
  });
  mark(element.querySelector("[data-status-badge]"), statusTone(status));
  element.addEventListener("toggle", () => unfold(element, path));
  return element;
}

/** Gives a badge another colour. */
export function mark(badge, tone) {
  badge.classList.remove("badge-secondary", "badge-outline", "badge-success", "badge-warning", "badge-destructive");
  badge.classList.add(tone);
}

async function unfold(element, path) {
  if (!element.open || element.dataset.loaded) return;
  element.dataset.loaded = "true";
  try {
    const found = await get(path);
    const headers = Object.entries(found.headers).map(([name, value]) => `${name}: ${value}`);
    fill(element, {
      url: `POST ${found.url}`,
      headers: headers.join("\n"),
      body: found.body,
      log: found.log ? format(words.log, { text: found.log }) : null,
      answer: found.answer ? format(words.answer, { text: found.answer }) : null,
    });
  } catch (error) {
    delete element.dataset.loaded;
    element.open = false;
    toast(error.message, { tone: "destructive" });
  }
}
