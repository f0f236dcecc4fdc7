const KEY = "viewer";
const listeners = [];
let current = "";

/** Whose Telegram this window shows; two windows may be two people. */
export const viewer = {
  /** The person's key, such as "ann". */
  get name() {
    return current;
  },

  /** Shows somebody else's Telegram. */
  set(name) {
    if (name === current) return;
    current = name;
    sessionStorage.setItem(KEY, name);
    const address = new URL(location.href);
    if (address.searchParams.has("as")) {
      address.searchParams.set("as", name); // so that a reload shows the same person
      history.replaceState(history.state, "", address);
    }
    for (const listener of listeners) listener(name);
  },

  /** Calls `listener` with the person's key each time it is another one. */
  onChange(listener) {
    listeners.push(listener);
  },
};

const people = JSON.parse(document.getElementById("page").textContent).people.map(({ name }) => name);
const wanted = [new URLSearchParams(location.search).get("as"), sessionStorage.getItem(KEY), people[0]];
current = wanted.find((name) => people.includes(name));
sessionStorage.setItem(KEY, current);
