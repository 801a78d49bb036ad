//! Forebay as a service.
