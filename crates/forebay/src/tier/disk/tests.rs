//! The tier on real files: against a naive model, killed, damaged, refused.

mod bounds;
mod child;
mod crash;
mod damage;
mod faults;
mod layout;
mod model;
mod order;
mod scene;
mod stall;
