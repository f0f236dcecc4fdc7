// The page's event stream: lines of the server's feed, each exactly once and in order, over reloads of the server.

const RETRY = 1000; // milliseconds until the next attempt where the browser makes none itself

class Stream {
  #handlers = new Map();
  #watchers = [];
  #state = "waiting";
  #lost = [];

  constructor(since, epoch) {
    this.epoch = epoch;
    this.seen = { last: since, gaps: 0, lost: 0 };
    window.__feed = this.seen; // for tests: what arrived, and whether something is missing
    // A browser has six connections for all its tabs, and needs some to send: a page that nobody sees, or that was
    // left, lets its own go at once. When it is seen again it goes on where it was.
    document.addEventListener("visibilitychange", () => (document.hidden ? this.#close() : this.#open()));
    window.addEventListener("pagehide", () => this.#close());
    window.addEventListener("pageshow", (event) => event.persisted && this.#open());
    if (!document.hidden) this.#open();
  }

  on(kind, handler) {
    this.#handlers.set(kind, [...(this.#handlers.get(kind) ?? []), handler]);
  }

  onState(watcher) {
    this.#watchers.push(watcher);
    watcher(this.#state);
  }

  onLost(watcher) {
    this.#lost.push(watcher);
  }

  #close() {
    clearTimeout(this.timer);
    this.source?.close();
  }

  #open() {
    this.#close();
    this.source = new EventSource(`/events?since=${this.seen.last}&epoch=${encodeURIComponent(this.epoch)}`);
    this.source.addEventListener("open", () => this.#tell("live"));
    this.source.addEventListener("error", () => this.#failed());
    this.source.addEventListener("lines", (event) => this.#take(JSON.parse(event.data)));
    this.source.addEventListener("lost", (event) => this.#skip(JSON.parse(event.data).lost));
    this.source.addEventListener("reset", () => this.#reset());
  }

  #failed() {
    this.#tell("waiting");
    // A refusal ends the browser's own attempts.
    if (this.source.readyState === EventSource.CLOSED) this.timer = setTimeout(() => this.#open(), RETRY);
  }

  #reset() {
    // These numbers are of another feed: only a new page knows where that one stands.
    this.source.close();
    window.location.reload();
  }

  #skip(count) {
    this.seen.last += count;
    this.seen.lost += count;
    for (const watcher of this.#lost) watcher(count);
  }

  #take(lines) {
    const byKind = new Map();
    for (const line of lines) {
      if (line.seq <= this.seen.last) continue; // sent again after a reconnection
      if (line.seq !== this.seen.last + 1) this.seen.gaps += 1;
      this.seen.last = line.seq;
      if (!byKind.has(line.kind)) byKind.set(line.kind, []);
      byKind.get(line.kind).push(line);
    }
    for (const [kind, found] of byKind) {
      for (const handler of this.#handlers.get(kind) ?? []) this.#hand(handler, found);
    }
  }

  #hand(handler, lines) {
    try {
      handler(lines);
    } catch (error) {
      console.error(error); // one part that fails leaves the others their lines
    }
  }

  #tell(state) {
    if (state === this.#state) return;
    this.#state = state;
    for (const watcher of this.#watchers) watcher(state);
  }
}

/**
 * Opens the stream after line `since` of the feed `epoch`.
 * `on(kind, lines => ...)` gets the lines of a kind, in order and in batches: register before you await anything.
 * `onState(state => ...)` gets "live" or "waiting" now and at each change; `onLost(count => ...)` how many lines
 * the server no longer had.
 */
export function openStream({ since, epoch }) {
  return new Stream(since, epoch);
}
