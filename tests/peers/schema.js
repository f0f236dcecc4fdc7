// Reads {"query", "variables"} in JSON, one a line, and writes what GitHub's GraphQL schema has against each: a list.
"use strict";
const { readFileSync } = require("node:fs");
const { createRequire } = require("node:module");
const { join } = require("node:path");

const modules = createRequire(join(process.env.PEERS_HOME, "package.json"));
const { buildSchema, getVariableValues, parse, validate } = modules("graphql");
const text = join(process.env.PEERS_HOME, "node_modules", "@octokit", "graphql-schema", "schema.graphql");

const schema = buildSchema(readFileSync(text, "utf8"), { assumeValidSDL: true });
for (const line of readFileSync(0, "utf8").split("\n").filter(Boolean)) {
  const { query, variables } = JSON.parse(line);
  const document = parse(query);
  const problems = validate(schema, document).map((problem) => problem.message);
  const { errors } = getVariableValues(schema, document.definitions[0].variableDefinitions ?? [], variables);
  console.log(JSON.stringify([...problems, ...(errors ?? []).map((problem) => problem.message)]));
}
