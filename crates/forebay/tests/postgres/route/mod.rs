//! One logical table over several databases.

mod archive;
mod face;
mod generate;
mod merged;
mod moving;
mod world;
