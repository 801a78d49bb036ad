//! The tier in Redis, on real servers.
