//! Trees and what they come to. What can be checked on recorded trees needs nothing; the rest asks
//! real servers, and is skipped with a message where there are none.

mod binding;
mod determined;
mod effect;
mod legality;
mod nodes;
mod random;
mod recorded;
mod refusals;
mod rows;
mod server;
mod sound;
mod target;
mod words;
