import { fill } from "./dom.js";
import { fits, mark, timeOfDay } from "./log_search.js";

const DRAWN = 2000; // lines in the document
const KEPT = 20000; // lines in memory while the newest are followed; twice as many while somebody reads older ones

/** The lines that are kept in memory, and the stretch of those that fit which is drawn: both are bounded. */
export class LogWindow {
  #box;
  #template;
  #lines = [];
  #level = "DEBUG";
  #wanted = null;
  #atEnd = true; // nothing newer that fits is left undrawn
  #whole = false; // there is nothing older than what is in memory

  constructor(box, template) {
    this.#box = box;
    this.#template = template;
  }

  get oldest() {
    return this.#lines[0]?.seq ?? null;
  }

  /** The number after the newest line. */
  get after() {
    const newest = this.#lines.at(-1);
    return newest ? newest.seq + 1 : null;
  }

  get lines() {
    return this.#lines;
  }

  get atEnd() {
    return this.#atEnd;
  }

  /** Nothing older is left to draw or to ask for. */
  get begun() {
    if (!this.#whole) return false;
    const first = this.#lines.find((line) => this.fits(line));
    return !first || first.seq >= Number(this.#nodes()[0]?.dataset.seq ?? Infinity);
  }

  get whole() {
    return this.#whole;
  }

  get full() {
    return this.#lines.length >= 2 * KEPT;
  }

  get drawn() {
    return this.#nodes().length;
  }

  get kept() {
    return this.#lines.length;
  }

  fits(line) {
    return fits(line, this.#level, this.#wanted);
  }

  /** Draws the newest lines of this level and pattern. */
  filter(level, wanted) {
    this.#level = level;
    this.#wanted = wanted;
    this.drawEnd();
  }

  /** Takes new lines; draws them unless `draw` is false or the window is full of older ones that somebody reads. */
  add(lines, { draw, follow }) {
    const known = this.#lines.at(-1)?.seq ?? 0;
    const fresh = lines.filter((line) => line.seq > known);
    this.#lines.push(...fresh);
    const most = follow ? KEPT : 2 * KEPT;
    if (this.#lines.length > most) {
      this.#lines.splice(0, this.#lines.length - most);
      this.#whole = false;
    }
    if (!draw || !this.#atEnd) {
      this.#atEnd = false;
      return fresh;
    }
    const fitting = fresh.filter((line) => this.fits(line));
    if (!follow && this.drawn + fitting.length > DRAWN) this.#atEnd = false;
    else this.#append(fitting.slice(-DRAWN));
    return fresh;
  }

  /** Puts lines from before the oldest into memory; `whole` says that there are no older ones. */
  addOlder(lines, whole) {
    const oldest = this.oldest ?? Infinity;
    this.#whole = whole;
    this.#lines.unshift(...lines.filter((line) => line.seq < oldest));
  }

  /** Draws up to `count` fitting lines from memory above the first drawn one; how many there were. */
  drawOlder(count) {
    const first = Number(this.#nodes()[0]?.dataset.seq ?? Infinity);
    const older = this.#lines.filter((line) => line.seq < first && this.fits(line)).slice(-count);
    const before = this.#box.scrollHeight;
    const top = this.#box.scrollTop;
    const anchor = this.#nodes()[0] ?? null;
    for (const line of older) this.#box.insertBefore(this.#node(line), anchor);
    this.#box.scrollTop = top + this.#box.scrollHeight - before;
    const nodes = this.#nodes();
    for (const node of [...nodes].slice(DRAWN)) node.remove();
    if (nodes.length > DRAWN) this.#atEnd = false;
    return older.length;
  }

  /** Draws the newest lines that fit. */
  drawEnd() {
    for (const node of this.#nodes()) node.remove();
    this.#append(this.#lines.filter((line) => this.fits(line)).slice(-DRAWN));
    this.#atEnd = true;
  }

  #nodes() {
    return this.#box.querySelectorAll(":scope > [data-seq]");
  }

  #append(lines) {
    this.#box.append(...lines.map((line) => this.#node(line)));
    const nodes = this.#nodes();
    for (let over = nodes.length - DRAWN, at = 0; at < over; at += 1) nodes[at].remove();
  }

  #node(line) {
    const node = this.#template.content.firstElementChild.cloneNode(true);
    fill(node, { time: timeOfDay(line.at), level: line.level });
    mark(node.querySelector('[data-field="logger"]'), line.logger, this.#wanted);
    mark(node.querySelector('[data-field="text"]'), line.text, this.#wanted);
    node.dataset.seq = line.seq;
    node.dataset.level = line.level;
    node.querySelector("time").dateTime = new Date(line.at * 1000).toISOString();
    return node;
  }
}
