import { toast } from "/static/web/toast.js";

/** The chat view's texts. */
export const words = JSON.parse(document.getElementById("chat").dataset.words);

/** The page's language, for the server's sentences. */
export const LANG = `lang=${document.documentElement.lang}`;

const region = document.getElementById("chat-toasts"); // where the person's Telegram would show it
const locale = document.documentElement.lang.replace("_", "-");
const clock = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const thisYear = new Intl.DateTimeFormat(locale, { day: "numeric", month: "long" });
const otherYear = new Intl.DateTimeFormat(locale, { day: "numeric", month: "long", year: "numeric" });
const relative = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });

/** The time of day of a Unix time. */
export function timeOf(at) {
  return clock.format(at * 1000);
}

/** The day of a Unix time as people say it: "Today", "21 November". */
export function dayOf(at) {
  const day = new Date(at * 1000);
  const today = new Date();
  const apart = Math.round((midnight(day) - midnight(today)) / 86_400_000);
  if (apart === 0 || apart === -1) return capital(relative.format(apart, "day"));
  return (day.getFullYear() === today.getFullYear() ? thisYear : otherYear).format(day);
}

/** What a service message says. */
export function serviceText({ service, text }) {
  const alone = { new_chat_members: "joined", left_chat_member: "left" }[service.kind];
  const kind = alone && service.who === service.about ? alone : service.kind;
  const { who, about } = service;
  return words.service[kind]?.replace("{who}", () => who).replace("{about}", () => about) ?? text;
}

/** What a list shows of a message: one line. */
export function lineOf(message) {
  return message.service ? serviceText(message) : message.line;
}

/** Tells what went wrong, in the server's words. */
export function showError(error) {
  tell(error.message, "destructive");
}

/** Shows a short piece of news in the chat, `stay` milliseconds where given; returns what takes it away before that. */
export function tell(text, tone = "default", stay = undefined) {
  return toast(text, { tone, region, stay });
}

/** Copies a text and says so. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    tell(words.not_copied, "warning"); // no permission, or a page without focus
    return;
  }
  tell(words.copied, "success");
}

function midnight(date) {
  return new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
}

function capital(text) {
  return text.charAt(0).toLocaleUpperCase(locale) + text.slice(1);
}
