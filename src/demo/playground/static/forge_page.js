import { clone, fill, format } from "/static/web/dom.js";
import { deliveryElement, LANG, mark, timeOf } from "./delivery.js";
import { reconcile } from "./lists.js";

const STATE_TONES = {
  open: "badge-success",
  merged: "badge-secondary",
  closed: "badge-destructive",
  draft: "badge-outline",
  success: "badge-success",
  failed: "badge-destructive",
};

/** Draws a project's page; what is unfolded or half written stays so. */
export function showProject(page, project, words) {
  const members = Object.entries(project.members).map(([name, role]) =>
    `${name} (${words.states[role] ?? role})`,
  );
  const title = document.querySelector(`[data-forge="${project.forge}"] .card-title`).textContent;
  fill(page, {
    path: project.path,
    forge: title,
    private: project.private,
    members: format(words.members, { names: members.join(", ") }),
  });
  const lists = {
    pulls: {
      key: ({ number }) => number,
      make: () => clone("forge-thread"),
      update: (element, pull) => showPull(element, pull, project.mark, words),
    },
    issues: { key: ({ number }) => number, make: () => clone("forge-thread"), update: showIssue },
    hooks: { key: ({ id }) => id, make: () => clone("forge-hook"), update: showHook },
    deliveries: { key: ({ number }) => number, make: (one) => deliveryOf(one, project), update: () => {} },
  };
  for (const [name, { key, make, update }] of Object.entries(lists)) {
    const rows = page.querySelector(`[data-list="${name}"]`);
    reconcile(rows, project[name], { key, make, update: (element, item) => update(element, item, words) });
    rows.hidden = project[name].length === 0;
    page.querySelector(`[data-none="${name}"]`).hidden = !rows.hidden;
  }
}

function deliveryOf(one, { forge, path }) {
  const details = `/api/forge/${forge}/deliveries/${one.number}?${LANG}&path=${encodeURIComponent(path)}`;
  const element = deliveryElement(one, details);
  element.querySelector("[data-redeliver]").hidden = false;
  return element;
}

function showPull(element, pull, sign, words) {
  element.dataset.thread = `pull-${pull.number}`;
  element.dataset.pull = pull.number;
  const { source, target, commits: n } = pull;
  showThread(element, pull, sign, words);
  const last = pull.runs.at(-1);
  fill(element, {
    branches: `· ${source} → ${target} · ${format(words.commits, { n })}`,
    people: pull.reviewers.length ? format(words.reviewers, { names: pull.reviewers.join(", ") }) : null,
    run: last ? runText(last, words) : null,
  });
  if (last) mark(element.querySelector('[data-field="run"]'), STATE_TONES[last.status] ?? "badge-outline");
  const verdicts = Object.entries(pull.verdicts);
  const said = verdicts.map(([name, verdict]) => `${name}: ${words.states[verdict] ?? verdict}`);
  texts(element.querySelector("[data-verdicts]"), "forge-badge", said);
  texts(element.querySelector("[data-runs]"), "forge-run", pull.runs.map((run) => longRunText(run, words)));
  fill(element, { review: pull.review ? format(words.review, { text: pull.review.text }) : null });
  reconcile(element.querySelector("[data-line-threads]"), pull.threads, {
    key: ({ id }) => id,
    make: () => clone("forge-line-thread"),
    update: (row, one) => showLines(row, one, words),
  });
  const open = pull.state === "open";
  offer(element, { approve: open, request_changes: open, merge: open });
}

function showLines(row, { id, place, resolved_by: name, comments }, words) {
  row.dataset.lineThread = id;
  const state = name ? format(words.resolved, { name }) : words.unresolved;
  fill(row, { place, state, gist: comments[0].body.split("\n", 1)[0] });
  mark(row.querySelector('[data-field="state"]'), name ? "badge-secondary" : "badge-warning");
  showComments(row.querySelector("[data-comments]"), comments);
  offer(row, { resolve: !name, unresolve: Boolean(name) });
}

function showComments(rows, comments) {
  reconcile(rows, comments.map((comment, at) => ({ ...comment, at_: at })), {
    key: ({ at_ }) => at_,
    make: () => clone("forge-comment"),
    update: (row, { author, body, at, offered }) => {
      fill(row, { author, body, offered, time: timeOf(at) });
      row.querySelector("[data-offer]").hidden = !offered;
    },
  });
}

function showIssue(element, issue, words) {
  element.dataset.thread = `issue-${issue.number}`;
  element.dataset.issue = issue.number;
  showThread(element, issue, "#", words);
  fill(element, {
    confidential: issue.confidential,
    branches: null,
    people: issue.assignees.length ? format(words.assignees, { names: issue.assignees.join(", ") }) : null,
  });
  offer(element, { approve: false, request_changes: false, merge: false });
}

function showThread(element, thread, sign, words) {
  fill(element, {
    number: `${sign}${thread.number}`,
    title: thread.title,
    state: words.states[thread.state] ?? thread.state,
    author: format(words.by, { name: thread.author }),
    body: thread.body,
    count: counted(thread, words),
  });
  mark(element.querySelector('[data-field="state"]'), STATE_TONES[thread.state] ?? "badge-outline");
  offer(element, { close: thread.state === "open" || thread.state === "draft", reopen: thread.state === "closed" });
  showComments(element.querySelector("[data-comments]"), thread.comments);
}

function counted({ comments, threads }, words) {
  const parts = [[words.comments, comments.length], [words.threads, threads?.length]];
  const said = parts.filter(([, n]) => n).map(([template, n]) => format(template, { n }));
  return said.length ? said.join(" · ") : null;
}

function offer(element, acts) {
  for (const [name, possible] of Object.entries(acts)) {
    element.querySelector(`[data-act="${name}"]`).hidden = !possible;
  }
}

function showHook(element, hook, words) {
  element.dataset.hook = hook.id;
  const unused = hook.status === null && !hook.failures;
  fill(element, {
    state: hook.active ? words.on : words.off,
    url: hook.url,
    events: hook.events.join(", "),
    secret: hook.secret,
    last: unused ? words.never : format(words.last, { status: hook.status ?? words.unanswered }),
    failures: hook.failures ? format(words.hook_failures, { n: hook.failures }) : null,
    home: hook.group ? format(words.group, { path: hook.home }) : null,
  });
  mark(element.querySelector('[data-field="state"]'), hook.active ? "badge-success" : "badge-destructive");
  element.querySelector("[data-switch-off]").hidden = !hook.active;
}

function runText({ name, number, status }, words) {
  return `${name} ${number}: ${words.states[status] ?? status}`;
}

function longRunText(run, words) {
  const text = runText(run, words);
  return run.failed.length ? `${text} (${run.failed.join(", ")})` : text;
}

function texts(list, template, lines) {
  list.hidden = lines.length === 0;
  list.replaceChildren(...lines.map((text) => fill(clone(template), { text })));
}
