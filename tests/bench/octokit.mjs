// octokit's middleware as its manual has it: verify, parse, route; nothing is stored.
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [home, secret] = process.argv.slice(2);
const found = createRequire(`${home}/package.json`).resolve("@octokit/webhooks");
const { Webhooks, createNodeMiddleware } = await import(pathToFileURL(found));

const webhooks = new Webhooks({ secret });
webhooks.on("pull_request.opened", () => {});
const server = createServer(createNodeMiddleware(webhooks, { path: "/webhook" }));
server.listen(0, "127.0.0.1", () => console.log(`listening on http://127.0.0.1:${server.address().port}`));
