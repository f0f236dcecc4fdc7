/** GET as JSON; throws an Error that carries the server's sentence. */
export async function get(path) {
  return answer(path, { headers: { Accept: "application/json" } });
}

/** POST of JSON; what the server answers, or an Error that carries its sentence. */
export async function post(path, body = {}) {
  return answer(path, {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/json" },
    body: JSON.stringify(body),
  });
}

async function answer(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    // The browser's own words are for developers and in its language: the page has better ones.
    throw new Error(document.querySelector('meta[name="no-answer"]').content, { cause: error });
  }
  const json = response.headers.get("Content-Type")?.includes("json") ? await response.json() : null;
  if (response.ok) return json;
  throw new Error(json?.error ?? `${response.status} ${response.statusText}`.trim());
}
