//! The guide's page on pages, whose examples are compiled and run with those of the documentation.
//! There is nothing else here.
#![cfg(doctest)]
#![doc = include_str!("../../../../../docs/guide/pages.md")]
