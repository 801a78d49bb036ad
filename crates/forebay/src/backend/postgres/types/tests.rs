//! Every type beside the server: what comes out in binary and in text, and what goes in.

mod server;

mod examples;
mod generated;
mod hostile;
mod param;
mod target;
