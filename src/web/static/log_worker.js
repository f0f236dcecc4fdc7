// Tries a pattern on texts apart from the page: one that takes too long ends with this worker, and the page goes on.
addEventListener("message", ({ data: { wanted, texts, most } }) => {
  for (const text of texts) {
    const found = text.matchAll(wanted);
    for (let marks = 0; marks < most && !found.next().done; marks += 1);
  }
  postMessage(null);
});
