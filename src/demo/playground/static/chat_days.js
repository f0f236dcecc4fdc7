import { clone, fill } from "/static/web/dom.js";

const STAY = 1000; // milliseconds after a scroll

/** The days between the messages. While one looks for something the day stands above, as in Telegram; never at rest. */
export function mountDays(log, atFoot) {
  let timer = 0;

  log.addEventListener(
    "scroll",
    () => {
      clearTimeout(timer);
      log.toggleAttribute("data-scrolling", !atFoot());
      timer = setTimeout(() => log.removeAttribute("data-scrolling"), STAY);
    },
    { passive: true },
  );

  /** The line of this day, which may stand there already. */
  return (day) => {
    const line = [...log.querySelectorAll(":scope > [data-day]")].find((one) => one.dataset.day === day);
    if (line) return line;
    const made = fill(clone("chat-day"), { text: day });
    made.dataset.day = day;
    return made;
  };
}
