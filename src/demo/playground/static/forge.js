import { get, post } from "/static/web/api.js";
import { confirmDialog } from "/static/web/dialog.js";
import { clone, fill, format } from "/static/web/dom.js";
import { openTab } from "/static/web/tabs.js";
import { toast } from "/static/web/toast.js";
import { LANG, statusTone } from "./delivery.js";
import { showProject } from "./forge_page.js";
import { gathered, reconcile } from "./lists.js";

/** The tab "Forge": the projects of both forges, one project's page, outages and tokens. */
export function start({ stream }) {
  const part = document.getElementById("forge");
  const words = JSON.parse(part.dataset.words);
  const list = document.getElementById("forge-list");
  const page = document.getElementById("forge-page");
  let open = null; // {kind, path} of the project that is shown

  async function loadList() {
    const found = await get(`/api/forge?${LANG}`);
    for (const forge of found.forges) showForge(forge);
    reconcile(list.querySelector("[data-tokens]"), found.tokens, {
      key: ({ login }) => login,
      make: () => clone("forge-token"),
      update: (element, { login, token }) => {
        fill(element, { login, token });
        element.querySelector("[data-copy]").dataset.copy = token;
      },
    });
  }

  function showForge({ kind, outage, projects }) {
    const card = list.querySelector(`[data-forge="${kind}"]`);
    card.querySelector("[data-outage]").value = outage;
    reconcile(card.querySelector("[data-projects]"), projects, {
      key: ({ path }) => path,
      make: () => clone("forge-project"),
      update: (element, { path, hooks, pulls, ...project }) => {
        element.dataset.project = path;
        fill(element, {
          path,
          private: project.private,
          hooks: hooks ? format(words.hooks, { n: hooks }) : null,
          pulls: pulls ? format(words.pulls, { n: pulls }) : null,
        });
      },
    });
  }

  async function loadPage() {
    if (!open) return;
    const { kind, path } = open;
    const found = await get(`/api/forge/${kind}/project?${LANG}&path=${encodeURIComponent(path)}`);
    if (open?.kind === kind && open.path === path) showProject(page, found, words);
  }

  async function show(kind, path) {
    open = { kind, path };
    for (const rows of page.querySelectorAll("[data-list]")) rows.replaceChildren();
    await loadPage();
    list.hidden = true;
    page.hidden = false;
    page.closest('[role="tabpanel"]').scrollTop = 0; // not where the list was left
    page.querySelector('[data-field="path"]').focus({ preventScroll: true });
  }

  function back() {
    const path = open?.path;
    open = null;
    page.hidden = true;
    list.hidden = false;
    guarded(loadList);
    list.querySelector(`[data-project="${path}"] [data-open]`)?.focus();
  }

  async function guarded(act) {
    try {
      await act();
    } catch (error) {
      toast(error.message, { tone: "destructive" });
    }
  }

  /** POST to the forge; what is answered is the project as it is then. */
  async function change(what, wish) {
    const { kind, path } = open;
    const found = await post(`/api/forge/${kind}/${what}?${LANG}`, { project: path, ...wish });
    if (open?.path === path) showProject(page, found, words);
  }

  async function act(button) {
    const thread = button.closest("[data-thread]");
    const [on, number] = thread.dataset.thread.split("-");
    const text = thread.querySelector("[data-text]");
    const by = document.getElementById("forge-by").value;
    if (button.ariaDisabled) return;
    button.ariaDisabled = "true";
    try {
      const lines = button.closest("[data-line-thread]");
      const about = lines ? { thread: Number(lines.dataset.lineThread) } : { text: text.value };
      await change("act", { action: button.dataset.act, on, number: Number(number), by, ...about });
      if (!lines) text.value = "";
    } finally {
      button.ariaDisabled = null;
    }
  }

  async function remove(hook) {
    const asked = { title: words.delete_title, text: words.delete_text, ok: words.delete_ok, danger: true };
    if (await confirmDialog(asked)) await change("hook", { hook, action: "delete" });
  }

  async function redeliver(number) {
    const { kind, path } = open;
    const again = await post(`/api/forge/${kind}/deliveries/${number}?${LANG}`, { project: path });
    const tone = statusTone(again.status) === "badge-success" ? "success" : "destructive";
    toast(format(words.redelivered, { status: again.status ?? words.unanswered }), { tone });
  }

  async function copy(token) {
    await navigator.clipboard.writeText(token);
    toast(words.copied, { tone: "success" });
  }

  async function press(event) {
    const button = event.target.closest("button");
    if (!button) return;
    const { dataset } = button;
    const hook = () => Number(button.closest("[data-hook]").dataset.hook);
    const rowOf = (name) => button.closest(`[data-${name}]`).dataset[name];
    if ("open" in dataset) await show(rowOf("forge"), rowOf("project"));
    else if ("back" in dataset) back();
    else if ("copy" in dataset) await copy(dataset.copy);
    else if ("act" in dataset) await act(button);
    else if ("switchOff" in dataset) await change("hook", { hook: hook(), action: "switch_off" });
    else if ("delete" in dataset) await remove(hook());
    else if ("redeliver" in dataset) await redeliver(Number(rowOf("delivery")));
    if (!page.hidden && !button.checkVisibility()) stay(button);
  }

  /** What was pressed is not offered any more: who works by keyboard goes on nearby. */
  function stay(button) {
    const { activeElement } = document;
    if (activeElement !== button && activeElement !== document.body) return;
    const summary = button.closest("[data-line-thread], [data-thread]")?.querySelector("summary");
    (summary ?? page.querySelector('[data-field="path"]')).focus({ preventScroll: true });
  }

  part.addEventListener("click", (event) => guarded(() => press(event)));
  part.addEventListener("submit", (event) => event.preventDefault());
  part.addEventListener("change", (event) => {
    const select = event.target.closest("[data-outage]");
    if (!select) return;
    const { forge } = select.closest("[data-forge]").dataset;
    guarded(async () => {
      showForge(await post(`/api/forge/${forge}/outage?${LANG}`, { outage: select.value }));
      const state = select.selectedOptions[0].textContent;
      const title = select.closest("[data-forge]").querySelector(".card-title").textContent;
      toast(format(words.outage, { forge: title, state }), { tone: select.value === "well" ? "success" : "warning" });
    });
  });
  document.addEventListener("open-forge", ({ detail }) => {
    openTab("forge");
    guarded(async () => {
      await show(detail.kind, detail.project);
      const pull = page.querySelector(`[data-pull="${detail.pull}"]`);
      if (!pull) return;
      pull.open = true;
      pull.scrollIntoView({ block: "start" });
      pull.querySelector("summary").focus({ preventScroll: true });
    });
  });
  // The bot makes and mends webhooks without a delivery; what it does is followed by what it says.
  const refresh = gathered(() => guarded(open ? loadPage : loadList), 300);
  const again = () => part.checkVisibility() && refresh();
  stream.on("delivery", again);
  stream.on("message", again);
  document.addEventListener("tabchosen", (event) => {
    if (event.target.id === "tab-forge") again();
  });
  stream.on("world", () => (open ? back() : refresh()));
  guarded(loadList);
}
