//! The guide's page on metrics, whose example is compiled and run with those of the documentation.
//! There is nothing else here.
#![cfg(doctest)]
#![doc = include_str!("../../../../docs/guide/metrics.md")]
