import { get } from "/static/web/api.js";
import { ChatState } from "./chat_state.js";
import { LANG } from "./chat_words.js";

/** What one of the people sees: loaded as a whole, then kept current by lines, of which none is lost or taken twice. */
export class ChatPerson {
  constructor(name) {
    this.name = name;
    this.state = new ChatState();
    this.failed = false; // to be tried again once the server answers
    this.waiting = []; // lines that came while a snapshot was on its way
    this.turn = 0; // of several loads at once the last one counts
    this.loading = false;
  }

  /** Loads everything; `anew` when nothing of what was there is the same any more. The messages that are news. */
  async load({ anew = false } = {}) {
    const turn = ++this.turn;
    this.loading = true;
    this.anew ||= anew;
    try {
      const snapshot = await get(`/api/chats?as=${this.name}&${LANG}`);
      if (turn !== this.turn) return [];
      this.state.load(snapshot, { anew: this.anew });
      this.anew = this.failed = false;
    } catch (error) {
      if (turn !== this.turn) return [];
      this.failed = true;
      throw error;
    } finally {
      if (turn === this.turn) this.loading = false;
    }
    return this.hear(this.waiting.splice(0));
  }

  /** Takes lines of the kinds "message" and "read"; the messages that are news to this person. */
  hear(lines) {
    if (this.loading || !this.state.viewer) {
      // The snapshot that is on its way may hold them already; they are news all the same.
      for (const line of lines) {
        this.waiting.push({ ...line, isNews: line.kind === "message" && this.state.isNew(line.message) });
      }
      return [];
    }
    const news = [];
    for (const line of lines) {
      if (line.kind === "read") this.state.reading(line);
      else if (this.state.message(line)?.isNew || line.isNews) news.push(line.message);
    }
    return news;
  }
}
