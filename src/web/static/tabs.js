// Not the tab's id: the browser would give it the focus at each reload. The id is understood all the same.
const ADDRESS = /^#tab[=-]([\w-]+)$/;

/** Makes a tab list work by mouse, keys and address, which bears the current tab: #tab=NAME. */
export function mountTabs(list) {
  const tabs = [...list.querySelectorAll('[role="tab"]')];
  const visible = () => tabs.filter((tab) => tab.checkVisibility());
  list.addEventListener("click", (event) => {
    const tab = event.target.closest('[role="tab"]');
    if (tab) choose(tab);
  });
  list.addEventListener("keydown", (event) => {
    const tab = beside(visible(), event.target.closest('[role="tab"]'), event.key);
    if (!tab) return;
    event.preventDefault();
    choose(tab);
    tab.focus();
  });
  addEventListener("hashchange", () => fromAddress(visible()));
  // A tab may be there only where the page is narrow: when it goes, another has to be the current one.
  addEventListener("resize", () => stay(tabs, visible()));
  fromAddress(tabs);
  stay(tabs, visible());
}

/** Shows the panel of the tab `tab-NAME`; where that tab is not visible, its panel already is. */
export function openTab(name) {
  const tab = document.getElementById(`tab-${name}`);
  if (tab?.checkVisibility()) choose(tab);
}

function fromAddress(tabs) {
  const name = ADDRESS.exec(location.hash)?.[1];
  const tab = tabs.find((one) => one.id === `tab-${name}`);
  if (tab) choose(tab);
}

function stay(tabs, visible) {
  const current = tabs.find((tab) => tab.getAttribute("aria-selected") === "true");
  if (visible.length > 0 && !visible.includes(current)) choose(visible[0]);
}

function beside(tabs, tab, key) {
  const at = tabs.indexOf(tab);
  if (at < 0) return null;
  const forward = getComputedStyle(tab).direction === "rtl" ? -1 : 1;
  const places = { ArrowRight: at + forward, ArrowLeft: at - forward, Home: 0, End: tabs.length - 1 };
  return key in places ? tabs[(places[key] + tabs.length) % tabs.length] : null;
}

function choose(tab) {
  for (const other of tab.closest('[role="tablist"]').querySelectorAll('[role="tab"]')) {
    const current = other === tab;
    other.setAttribute("aria-selected", String(current));
    other.tabIndex = current ? 0 : -1;
    document.getElementById(other.getAttribute("aria-controls"))?.toggleAttribute("data-current", current);
  }
  tab.scrollIntoView({ block: "nearest", inline: "nearest" });
  history.replaceState(history.state, "", `#${tab.id.replace("-", "=")}`);
  tab.dispatchEvent(new CustomEvent("tabchosen", { bubbles: true }));
}
