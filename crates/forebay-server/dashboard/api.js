// Requests to the admin API, which lies beside the folder of this file. The token goes into a
// header, and is kept for this tab alone.

const base = new URL("..", import.meta.url);
const key = "forebay-token";

/** A request took longer than this, and is given up. */
const LIMIT_MS = 20_000;

let token = read();

function read() {
  try {
    return sessionStorage.getItem(key);
  } catch {
    return null;
  }
}

export const hasToken = () => token !== null;

/** Keeps a token; without a store, until the page is loaded again. Null forgets it. */
export function setToken(text) {
  token = text;
  try {
    if (text === null) sessionStorage.removeItem(key);
    else sessionStorage.setItem(key, text);
  } catch {
    // It is in memory.
  }
}

/** An answer that was no good: `code` is that of the service, or `LOST` without an answer. */
export class Refused extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }

  get isLost() {
    return this.code === "LOST";
  }
}

/** Asks, and gives the response if it is a good one. */
export async function ask(path, options = {}) {
  const headers = { ...options.headers };
  if (token !== null) headers.Authorization = `Bearer ${token}`;
  let response;
  try {
    response = await fetch(new URL(path, base), {
      cache: "no-store",
      credentials: "omit",
      referrerPolicy: "no-referrer",
      ...options,
      headers,
    });
  } catch {
    throw new Refused(0, "LOST", "the service cannot be reached");
  }
  if (response.ok) return response;
  const body = await response.json().catch(() => ({}));
  const { code = "UNKNOWN", message = `the service answered ${response.status}` } =
    body.error ?? {};
  const refused = new Refused(response.status, code, message);
  if (response.status === 401)
    window.dispatchEvent(new CustomEvent("signed-out", { detail: refused }));
  throw refused;
}

async function json(path, options) {
  const response = await ask(path, { signal: AbortSignal.timeout(LIMIT_MS), ...options });
  try {
    return await response.json();
  } catch {
    throw new Refused(0, "LOST", "the answer of the service broke off");
  }
}

export const get = (path) => json(path);

export const post = (path, body) =>
  json(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(600_000),
  });
