import { get } from "./api.js";
import { format } from "./dom.js";
import { save, written } from "./log_file.js";
import { Search } from "./log_trial.js";
import { LogWindow } from "./log_window.js";
import { toast } from "./toast.js";

const PAGE = 500; // lines that are asked for at once
const PAGES = 20; // pages that are looked through for an older line that fits
const NEAR = 40; // pixels from the end that still count as the end

/**
 * Fills a log view of the page: lines before the number `before` are fetched, later ones come by the stream.
 * `fetchLines(before, limit)` answers lines oldest first; where it is left out, /api/lines is asked.
 */
export function mountLog(root, { stream, kind, before, fetchLines = (from, limit) => ask(kind, from, limit) }) {
  const log = new Log(root, before, fetchLines);
  stream.on(kind, (lines) => log.add(lines));
  stream.onLost((count) => log.lost(count));
  log.start();
}

class Log {
  #paused = false;
  #lost = 0; // lines that went from the server before they came here
  #missed = 0; // lines that fit and came while nobody looked at the end
  #scrolledAway = false; // following stopped because somebody scrolled up, and goes on when they come back

  constructor(root, before, fetchLines) {
    this.root = root;
    this.words = JSON.parse(root.dataset.words);
    this.before = before;
    this.fetchLines = fetchLines;
    this.box = this.part("lines");
    this.follow = this.part("follow");
    this.view = new LogWindow(this.box, root.querySelector("template"));
    const parts = { field: this.part("search"), level: this.part("level-filter"), news: this.part("news") };
    this.search = new Search(this.view, parts, this.words, () => this.searched());
  }

  part(name) {
    return this.root.querySelector(`[data-${name}]`);
  }

  async start() {
    this.box.addEventListener("scroll", () => this.scrolled());
    new ResizeObserver(() => this.follow.checked && this.toEnd()).observe(this.box);
    this.follow.addEventListener("change", () => {
      this.#scrolledAway = false;
      if (this.follow.checked) this.newest();
    });
    this.part("level-filter").addEventListener("change", () => this.search.run());
    this.part("search").addEventListener("input", () => this.search.run());
    this.part("older").addEventListener("click", () => this.busy("older", () => this.older()));
    this.part("pause").addEventListener("click", () => this.pause());
    this.part("newest").addEventListener("click", () => this.newest());
    this.part("download").addEventListener("click", () => this.busy("download", () => this.download()));
    await this.busy("older", () => this.older());
    if (this.follow.checked) this.toEnd();
  }

  add(lines) {
    this.search.admit(lines, () => {
      const fresh = this.view.add(lines, { draw: !this.#paused, follow: this.follow.checked });
      if (this.#paused || !this.follow.checked) this.#missed += fresh.filter((line) => this.view.fits(line)).length;
      else this.toEnd();
      this.count();
    });
  }

  lost(count) {
    this.#lost += count;
    this.part("news").textContent = format(this.words.lost, { n: this.#lost });
  }

  count() {
    const { drawn, kept } = this.view;
    const shown = format(drawn === 0 && kept > 0 ? this.words.nothing : this.words.shown, { shown: drawn, all: kept });
    this.part("count").textContent = shown;
    this.show("newest", this.#missed > 0);
    this.part("newest").querySelector('[data-field="label"]').textContent = format(this.words.new, { n: this.#missed });
    this.show("older", !this.view.begun);
    this.show("beginning", this.view.begun);
  }

  show(name, shown) {
    const part = this.part(name);
    if (!shown && part.contains(document.activeElement)) this.box.focus({ preventScroll: true });
    part.hidden = !shown;
  }

  toEnd() {
    this.box.scrollTop = this.box.scrollHeight;
  }

  newest() {
    if (this.#paused) this.setPaused(false);
    this.follow.checked ||= this.#scrolledAway;
    this.#scrolledAway = false;
    this.#missed = 0;
    this.view.drawEnd();
    this.toEnd();
    this.count();
  }

  scrolled() {
    // A hidden panel scrolls too, when it is hidden: that is nobody's wish.
    if (this.box.clientHeight === 0) return;
    const atEnd = this.box.scrollHeight - this.box.scrollTop - this.box.clientHeight < NEAR;
    if (!atEnd && this.follow.checked) {
      this.follow.checked = false;
      this.#scrolledAway = true;
    } else if (atEnd && this.#scrolledAway && this.view.atEnd) {
      this.newest();
    }
  }

  searched() {
    this.#missed = 0;
    this.toEnd();
    this.count();
  }

  // Not disabled, which would take the focus away from who pressed it.
  async busy(name, work) {
    const button = this.part(name);
    if (button.getAttribute("aria-busy") === "true") return;
    button.setAttribute("aria-busy", "true");
    try {
      await work();
    } catch (error) {
      toast(error.message, { tone: "destructive" });
    }
    button.removeAttribute("aria-busy");
  }

  async older() {
    for (let page = 0; page < PAGES && this.view.drawOlder(PAGE) === 0 && !this.view.whole; page += 1) {
      if (this.view.full) {
        this.part("news").textContent = this.words.full;
        break;
      }
      const from = this.view.oldest ?? this.before;
      const lines = await this.fetchLines(from, PAGE);
      const whole = await this.isFirst(lines);
      await this.search.admit(lines, () => {
        // Where the oldest went meanwhile, these would stand beside a gap.
        if (from === (this.view.oldest ?? this.before)) this.view.addOlder(lines, whole);
      });
    }
    this.count();
  }

  // Fewer lines than were asked for may also be as many as one answer holds.
  async isFirst(lines) {
    return lines.length < PAGE && (lines.length === 0 || (await this.fetchLines(lines[0].seq, 1)).length === 0);
  }

  pause() {
    this.setPaused(!this.#paused);
    if (!this.#paused) this.newest();
  }

  setPaused(paused) {
    this.#paused = paused;
    const button = this.part("pause");
    button.querySelector('[data-field="label"]').textContent = button.dataset[paused ? "resumeLabel" : "pauseLabel"];
  }

  async download() {
    const pages = [];
    for (let from = this.view.after ?? this.before; ; ) {
      const lines = await this.fetchLines(from, PAGE);
      if (lines.length === 0) break;
      const fitting = await this.search.admit(lines, () => lines.filter((line) => this.view.fits(line)));
      pages.unshift(fitting.map(written).join(""));
      from = lines[0].seq;
    }
    save(pages, `${this.root.id}-${new Date().toISOString().slice(0, 19).replaceAll(":", "-")}.txt`);
  }
}

function ask(kind, before, limit) {
  return get(`/api/lines?before=${before}&limit=${limit}&kinds=${kind}`);
}
