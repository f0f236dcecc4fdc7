// What is wrong with the layout of what can be seen now: sentences, none where all is well.
(touch) => {
  const faults = [];
  const controls = "button, select, input, textarea, a[href], [role=tab], [role=radio], [role=switch], summary";
  // What lies over the rest of the page, is meant to, and goes again.
  const floating = ".toasts, .chat-banner, .chat-newest, .chat-commands, dialog, [popover]";
  const width = document.documentElement.clientWidth;

  const named = (element) => {
    const own = element.id ? `#${element.id}` : element.getAttribute("class")?.split(" ")[0] ?? "";
    const words = (element.getAttribute("aria-label") ?? element.innerText ?? element.value ?? "").trim().slice(0, 40);
    return `<${element.localName} ${own}> "${words}"`;
  };
  // What of an element is left when all that scrolls or clips around it has cut its share.
  const seen = (element) => {
    let { left, top, right, bottom } = element.getBoundingClientRect();
    for (let around = element.parentElement; around; around = around.parentElement) {
      const { overflowX, overflowY } = getComputedStyle(around);
      const edge = around.getBoundingClientRect();
      if (overflowX !== "visible") [left, right] = [Math.max(left, edge.left), Math.min(right, edge.right)];
      if (overflowY !== "visible") [top, bottom] = [Math.max(top, edge.top), Math.min(bottom, edge.bottom)];
    }
    return { left, top, right, bottom };
  };
  // A link within a text, which wraps with it.
  const flows = (element) => getComputedStyle(element).display === "inline" || element.matches(".bubble-text .link");
  const area = (box) => Math.max(0, box.right - box.left) * Math.max(0, box.bottom - box.top);
  const shared = (a, b) => ({
    left: Math.max(a.left, b.left), top: Math.max(a.top, b.top),
    right: Math.min(a.right, b.right), bottom: Math.min(a.bottom, b.bottom),
  });
  const scrolls = (element) => {
    for (let around = element.parentElement; around; around = around.parentElement) {
      if (["auto", "scroll"].includes(getComputedStyle(around).overflowX)) return true;
    }
    return false;
  };

  // The boxes of its lines of text, without what is there for screen readers alone, and what ends in an ellipsis.
  const lines = (element) => {
    const found = [];
    const texts = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      const around = texts.currentNode.parentElement;
      const { width, height } = around.getBoundingClientRect();
      const shortened = around !== element && getComputedStyle(around).textOverflow === "ellipsis";
      const range = document.createRange();
      range.selectNodeContents(texts.currentNode);
      if (width > 2 && height > 2 && !shortened) found.push(...range.getClientRects());
    }
    return found;
  };

  if (document.scrollingElement.scrollWidth > window.innerWidth) {
    faults.push(`the page scrolls sideways: ${document.scrollingElement.scrollWidth} > ${window.innerWidth}`);
  }
  const visible = [...document.querySelectorAll(controls)].filter(
    (element) => element.checkVisibility({ visibilityProperty: true, opacityProperty: true })
      && !element.closest(".sr-only") && area(seen(element)) > 4,
  );
  for (const element of visible) {
    const box = element.getBoundingClientRect();
    if ((box.left < -1 || box.right > width + 1) && !scrolls(element)) {
      faults.push(`${named(element)} reaches beyond the window: ${Math.round(box.left)} to ${Math.round(box.right)}`);
    }
    if (["button", "summary"].includes(element.localName) || element.getAttribute("role") === "tab") {
      const cut = lines(element).some((line) => line.right > box.right + 1 || line.left < box.left - 1
        || line.bottom > box.bottom + 1 || line.top < box.top - 1);
      if (cut || element.scrollWidth > element.clientWidth + 1) faults.push(`${named(element)} has words cut off`);
    }
    const inText = flows(element);
    const small = ["checkbox", "radio"].includes(element.type);
    if (touch && !inText && !small && box.height < 39.5) {
      faults.push(`${named(element)} is ${Math.round(box.height)} px high, too low for a finger`);
    }
  }
  for (const [index, one] of visible.entries()) {
    for (const other of visible.slice(index + 1)) {
      if (one.contains(other) || other.contains(one) || flows(one) || flows(other)) continue;
      if (one.closest(floating) !== other.closest(floating)) continue;
      const common = shared(seen(one), seen(other));
      if (common.right - common.left > 1 && common.bottom - common.top > 1) {
        faults.push(`${named(one)} and ${named(other)} overlap`);
      }
    }
  }
  return faults;
}
