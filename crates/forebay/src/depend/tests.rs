//! Values that are made of several answers, on real databases: what makes their evidence untrue,
//! and what leaves a doubt.

mod doubt;
mod precision;
mod random;
mod world;
