import { get, post } from "/static/web/api.js";
import { clone, fill, format } from "/static/web/dom.js";
import { toast } from "/static/web/toast.js";
import { deliveryElement, LANG } from "./delivery.js";
import { gathered } from "./lists.js";
import { viewer } from "./viewer.js";

const FEW = 3; // deliveries that are shown without being asked for

/** The tab "Send an event": the selects, and a card for each happening. */
export function start({ stream }) {
  const part = document.getElementById("events");
  const words = JSON.parse(part.dataset.words);
  const select = (name) => document.getElementById(`event-${name}`);
  let choices = { forges: [], people: [] };
  let chosen = false; // whether the person chose whom it is about

  async function load() {
    choices = await get(`/api/happenings?${LANG}`);
    offer(select("about"), choices.people.map(({ name, title }) => [name, title]));
    follow();
    offerProjects();
  }

  function follow() {
    if (!chosen && choices.people.some(({ name }) => name === viewer.name)) select("about").value = viewer.name;
  }

  function offerProjects() {
    const forge = choices.forges.find(({ kind }) => kind === select("forge").value);
    const text = ({ path, hooked }) => (hooked ? format(words.hooked, { path }) : path);
    offer(select("project"), (forge?.projects ?? []).map((project) => [project.path, text(project)]));
    for (const card of part.querySelectorAll("[data-happening]")) {
      const { only } = card.dataset;
      const other = only && only !== forge?.kind;
      card.querySelector("[data-send]").disabled = Boolean(other);
      const note = card.querySelector("[data-only-note]");
      note.hidden = !other;
      note.textContent = format(words.only, { forge: choices.forges.find(({ kind }) => kind === only)?.title ?? "" });
    }
  }

  async function send(card) {
    const place = card.querySelector("[data-place]");
    busy(card, true);
    place.replaceChildren(clone("happening-waiting"));
    await loaded; // before that nothing is chosen
    const wish = {
      name: card.dataset.happening,
      forge: select("forge").value,
      project: select("project").value,
      about: select("about").value,
    };
    try {
      const made = await post(`/api/happenings?${LANG}`, wish);
      const result = clone("happening-result");
      place.replaceChildren(result);
      if (made.missing) showMissing(result, made);
      else {
        showDeliveries(result, made);
        await watch(result, made.number);
      }
    } catch (error) {
      say(place, format(words.failed, { error: error.message }));
    } finally {
      busy(card, false);
    }
  }

  function busy(card, is) {
    card.toggleAttribute("data-busy", is);
    card.querySelector("[data-place]").ariaBusy = String(is); // read out when it is all there
    // Not disabled, which would take the focus away from who pressed it.
    card.querySelector("[data-send]").ariaDisabled = is ? "true" : null;
    if (!is) offerProjects();
  }

  function showMissing(result, { project, followed }) {
    result.dataset.tone = "missing";
    fill(result, { sentence: format(followed ? words.lost_hook : words.missing, { project }) });
    suggest(result, followed ? "/status" : "/subscribe");
  }

  function showDeliveries(result, { number, deliveries }) {
    const list = result.querySelector("[data-list]");
    const n = deliveries.length;
    list.hidden = n === 0;
    list.open = n <= FEW;
    fill(result, { deliveries: format(words.deliveries, { n }), nothing: n === 0 });
    const elements = deliveries.map((one, index) => deliveryElement(one, `/api/happenings/${number}/${index}?${LANG}`));
    list.querySelector("[data-deliveries]").replaceChildren(...elements);
  }

  async function watch(result, number) {
    let state = "";
    for (let done = false; !done; ) {
      try {
        const said = await get(`/api/happenings/${number}?${LANG}&seen=${encodeURIComponent(state)}`);
        ({ done, state } = said);
        result.dataset.tone = said.tone;
        fill(result, { sentence: said.sentence, counts: said.counts });
        if (done) suggest(result, said.suggests);
      } catch (error) {
        fill(result, { sentence: format(words.lost, { error: error.message }) });
        return;
      }
    }
  }

  function say(place, text) {
    const result = fill(clone("happening-result"), { sentence: text });
    result.dataset.tone = "failed";
    place.replaceChildren(result);
  }

  part.addEventListener("click", (event) => {
    const button = event.target.closest("[data-send]");
    if (button && !button.ariaDisabled) send(button.closest("[data-happening]"));
  });
  select("forge").addEventListener("change", offerProjects);
  select("about").addEventListener("change", () => {
    chosen = true;
  });
  viewer.onChange(() => {
    chosen = false;
    follow();
  });
  const reload = () => load().catch((error) => toast(error.message, { tone: "destructive" }));
  const again = gathered(reload, 300);
  stream.on("world", () => {
    for (const place of part.querySelectorAll("[data-place]")) place.replaceChildren();
    again();
  });
  stream.on("delivery", (lines) => {
    if (lines.some(({ event }) => event === "ping")) again(); // a webhook was made
  });
  document.addEventListener("tabchosen", (event) => {
    if (event.target.id === "tab-events") again();
  });
  const loaded = reload();
}

function offer(element, options) {
  const before = element.value;
  element.replaceChildren(...options.map(([value, text]) => new Option(text, value)));
  if (options.some(([value]) => value === before)) element.value = before;
}

function suggest(result, text) {
  const button = result.querySelector("[data-suggest]");
  button.hidden = !text;
  button.onclick = () => document.dispatchEvent(new CustomEvent("fill-composer", { detail: { text } }));
}
