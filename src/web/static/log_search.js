const PATTERN = /^\/(.+)\/([imsuv]*)$/;
const WEIGHTS = { DEBUG: 10, INFO: 20, WARNING: 30, ERROR: 40, CRITICAL: 50 };

/** Places in one text that are marked at most. */
export const MARKS = 100;

/** Whether it is a /pattern/, which may take for ever, and not a text. */
export function isPattern(typed) {
  return PATTERN.test(typed);
}

/** What somebody typed, as a pattern that finds every place: text, or /pattern/flags. Throws SyntaxError. */
export function pattern(typed) {
  const written = PATTERN.exec(typed);
  if (written) return new RegExp(written[1], `${written[2]}g`);
  return typed ? new RegExp(typed.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&"), "gi") : null;
}

/** Whether a line is at least of this level and has the pattern in its text or its logger's name. */
export function fits(line, level, wanted) {
  if ((WEIGHTS[line.level] ?? 20) < WEIGHTS[level]) return false;
  return !wanted || [line.text, line.logger].some((text) => text.search(wanted) >= 0);
}

/** Writes text into an element with each place that the pattern finds in a <mark>, up to `MARKS` of them. */
export function mark(element, text, wanted) {
  const parts = [];
  let end = 0;
  const places = wanted ? text.matchAll(wanted) : [].values();
  for (let count = 0; count < MARKS; count += 1) {
    const { value: found, done } = places.next();
    if (done) break;
    if (!found[0]) continue;
    const marked = document.createElement("mark");
    marked.textContent = found[0];
    parts.push(text.slice(end, found.index), marked);
    end = found.index + found[0].length;
  }
  element.replaceChildren(...parts, text.slice(end));
}

/** The time of day of a line, in the reader's zone, to the millisecond. */
export function timeOfDay(at) {
  const time = new Date(at * 1000);
  const two = (number) => String(number).padStart(2, "0");
  const clock = [time.getHours(), time.getMinutes(), time.getSeconds()].map(two).join(":");
  return `${clock}.${String(time.getMilliseconds()).padStart(3, "0")}`;
}
