import { get } from "./api.js";
import { format } from "./dom.js";
import { pattern, written } from "./log_search.js";
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
    this.part("level-filter").addEventListener("change", () => this.search());
    this.part("search").addEventListener("input", () => this.search());
    this.part("older").addEventListener("click", () => this.older());
    this.part("pause").addEventListener("click", () => this.pause());
    this.part("newest").addEventListener("click", () => this.newest());
    this.part("download").addEventListener("click", () => this.download());
    await this.older();
    if (this.follow.checked) this.toEnd();
  }

  add(lines) {
    const fresh = this.view.add(lines, { draw: !this.#paused, follow: this.follow.checked });
    if (this.#paused || !this.follow.checked) this.#missed += fresh.filter((line) => this.view.fits(line)).length;
    else this.toEnd();
    this.count();
  }

  lost(count) {
    this.#lost += count;
    this.part("news").textContent = format(this.words.lost, { n: this.#lost });
  }

  count() {
    const { drawn, kept } = this.view;
    const shown = format(drawn === 0 && kept > 0 ? this.words.nothing : this.words.shown, { shown: drawn, all: kept });
    this.part("count").textContent = shown;
    this.part("newest").hidden = this.#missed === 0;
    this.part("newest").querySelector('[data-field="label"]').textContent = format(this.words.new, { n: this.#missed });
    this.part("older").hidden = this.view.begun;
    this.part("beginning").hidden = !this.view.begun;
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

  search() {
    const field = this.part("search");
    let wanted = null;
    try {
      wanted = pattern(field.value.trim());
    } catch {
      field.setAttribute("aria-invalid", "true");
      this.part("news").textContent = this.words.pattern;
      return;
    }
    field.removeAttribute("aria-invalid");
    this.part("news").textContent = "";
    this.view.filter(this.part("level-filter").value, wanted);
    this.#missed = 0;
    this.toEnd();
    this.count();
  }

  async older() {
    const button = this.part("older");
    button.disabled = true;
    try {
      for (let page = 0; page < PAGES && this.view.drawOlder(PAGE) === 0 && !this.view.whole; page += 1) {
        if (this.view.full) {
          this.part("news").textContent = this.words.full;
          break;
        }
        const lines = await this.fetchLines(this.view.oldest ?? this.before, PAGE);
        this.view.addOlder(lines, await this.isFirst(lines));
      }
    } catch (error) {
      toast(error.message, { tone: "destructive" });
    }
    button.disabled = false;
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
    const button = this.part("download");
    button.disabled = true;
    try {
      const pages = [];
      for (let from = this.view.after ?? this.before; ; ) {
        const lines = await this.fetchLines(from, PAGE);
        if (lines.length === 0) break;
        pages.unshift(lines.filter((line) => this.view.fits(line)).map(written).join(""));
        from = lines[0].seq;
      }
      save(pages, `${this.root.id}-${new Date().toISOString().slice(0, 19).replaceAll(":", "-")}.txt`);
    } catch (error) {
      toast(error.message, { tone: "destructive" });
    }
    button.disabled = false;
  }
}

function ask(kind, before, limit) {
  return get(`/api/lines?before=${before}&limit=${limit}&kinds=${kind}`);
}

function save(parts, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(parts, { type: "text/plain;charset=utf-8" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
