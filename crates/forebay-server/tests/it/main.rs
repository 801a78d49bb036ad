//! The service over real connections to a port of its own, on real SQLite files.
#![allow(clippy::unwrap_used, reason = "a panic with its line is all a failed test needs")]

// The Hrana protocol: requests and what they are answered.
mod hrana;
// Hrana's cursors: results that are read bit by bit.
mod cursor;
// Plain JSON: `POST /v1/query`.
mod query;
// Bounds, and what happens at them.
mod limits;
// What a small request may make large: answers, and what decoding takes.
mod amplify;
// What is refused, and to whom.
mod security;
// Requests that are made to break things, byte by byte.
mod hostile;
// The admin API, and the document of all routes.
mod admin;
// The dashboard, and what the admin API has for it.
mod dashboard;
// Maintenance through the admin API.
mod maintenance;
// `GET /health` and `GET /metrics`.
mod observe;
// TLS, sockets of the file system, several listeners.
mod listen;
// Stopping.
mod shutdown;

// A service under test, a client, and JSON patterns, for the modules above.
mod client;
mod pattern;
mod service;
