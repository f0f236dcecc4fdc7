import { mountLanguages } from "/static/web/language.js";
import { mountLog } from "/static/web/log.js";
import { openStream } from "/static/web/stream.js";
import { mountTabs } from "/static/web/tabs.js";
import { mountTheme } from "/static/web/theme.js";

const PARTS = ["chat", "events", "forge", "calls", "guide"]; // each a module beside this one, with a start({stream, page})

const page = JSON.parse(document.getElementById("page").textContent);
mountLanguages(document.getElementById("languages"));
mountTheme(document.getElementById("theme"));
mountTabs(document.getElementById("tabs"));

// The stream opens when all parts are here: none of them misses a line.
const parts = await Promise.all(PARTS.map(load));
const stream = openStream({ since: page.seq, epoch: page.epoch });
stream.onState((state) => {
  document.getElementById("state").dataset.state = state;
});
mountLog(document.getElementById("log"), { stream, kind: "log", before: page.seq + 1 });
for (const part of parts) start(part);

// A part that fails is told in the console and leaves the others alone.
async function load(name) {
  try {
    return await import(`./${name}.js`);
  } catch (error) {
    console.error(error);
    return null;
  }
}

function start(part) {
  try {
    part?.start({ stream, page });
  } catch (error) {
    console.error(error);
  }
}
