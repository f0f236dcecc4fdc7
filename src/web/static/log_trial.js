import { MARKS, isPattern, pattern } from "./log_search.js";

const PATIENCE = 3000; // milliseconds that a pattern may take on all lines that are in memory

/**
 * What the lines of a log window are searched by. A /pattern/ may take for ever on some line, and nothing could stop
 * it then: so it is tried on each line by a worker before the window uses it. Plain text needs no trial.
 */
export class Search {
  #worker = null;
  #turn = Promise.resolve(); // one after another: no line gets past the pattern that is tried meanwhile
  #wanted = null; // what is searched by
  #tried = null; // the same, where it is a pattern: lines that come have to be tried by it
  #runs = 0;

  constructor(view, parts, words, done) {
    this.view = view;
    this.parts = parts;
    this.words = words;
    this.done = done;
  }

  /** Searches by what stands in the field now; while one pattern is tried, only the last of those that follow is. */
  run() {
    const run = (this.#runs += 1);
    return this.#inTurn(() => run === this.#runs && this.#run());
  }

  /** Does `work` once the pattern has been tried on these lines, which are not in the window yet. */
  admit(lines, work) {
    return this.#inTurn(async () => {
      if (this.#tried && !(await this.#passes(this.#tried, lines))) {
        this.#wanted = this.#tried = null;
        this.#refuse(this.words.slow);
        this.view.filter(this.parts.level.value, null);
      }
      return work();
    });
  }

  #inTurn(work) {
    this.#turn = this.#turn.catch(() => null).then(work); // what failed before was told where it was asked for
    return this.#turn;
  }

  async #run() {
    const typed = this.parts.field.value.trim();
    let wanted = null;
    let refused = null;
    try {
      wanted = pattern(typed);
    } catch {
      refused = this.words.pattern;
    }
    const tried = wanted && isPattern(typed) ? wanted : null;
    if (tried && !(await this.#passes(tried, this.view.lines))) refused = this.words.slow;
    if (refused) this.#refuse(refused);
    else this.#accept(wanted, tried);
    this.view.filter(this.parts.level.value, this.#wanted);
    this.done();
  }

  #accept(wanted, tried) {
    this.#wanted = wanted;
    this.#tried = tried;
    this.parts.field.removeAttribute("aria-invalid");
    this.parts.news.textContent = "";
  }

  #refuse(reason) {
    this.parts.field.setAttribute("aria-invalid", "true");
    this.parts.news.textContent = reason;
  }

  #passes(wanted, lines) {
    const worker = (this.#worker ??= new Worker("/static/web/log_worker.js"));
    return new Promise((resolve) => {
      const end = (passed) => {
        clearTimeout(timer);
        if (!passed) {
          worker.terminate();
          this.#worker = null;
        }
        resolve(passed);
      };
      const timer = setTimeout(() => end(false), PATIENCE);
      worker.onmessage = () => end(true);
      worker.onerror = () => end(false);
      worker.postMessage({ wanted, texts: lines.flatMap((line) => [line.text, line.logger]), most: MARKS });
    });
  }
}
