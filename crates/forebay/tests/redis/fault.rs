//! Servers that are killed, frozen, full, or no Redis at all.
