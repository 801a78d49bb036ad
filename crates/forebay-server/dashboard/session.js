// Who looks, and what he may do; which database is looked at.

import { get } from "./api.js";

export const session = {
  name: "",
  role: "reader",
  isAdmin: false,
  canChange: false,
  databases: [],
  db: null,
  version: "",
};

/** Asks who we are. */
export async function enter() {
  const who = await get("whoami");
  session.name = who.name;
  session.role = who.role;
  session.isAdmin = who.role === "admin";
  session.canChange = who.changes_allowed;
  session.databases = who.databases;
  session.version = who.version;
  if (!session.databases.includes(session.db)) session.db = session.databases[0] ?? null;
}

/** A path with the database that is looked at. */
export const ofDb = (path) => {
  const sign = path.includes("?") ? "&" : "?";
  return session.db === null ? path : `${path}${sign}db=${encodeURIComponent(session.db)}`;
};

/** Why nothing can be changed here; empty if it can. */
export function whyNot() {
  if (session.isAdmin) return "";
  return session.canChange
    ? "To change something, sign in with an admin token."
    : "Read only: no admin token is configured (forebay serve --admin-token-file).";
}
