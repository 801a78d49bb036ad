//! A logical table over PostgreSQL servers: what the live server says of a statement decides which
//! members are asked, and the live server makes one answer of theirs, so that every comparison,
//! collation and rounding is the server's own. The steps that both kinds of database have in common
//! are beside this folder.

mod agree;
mod boundary;
mod bring;
mod explain;
mod handle;
mod moving;
mod plan;
mod read;
mod run;
mod seen;
mod statement;
mod table;
mod way;
mod write;

pub(super) use agree::check as check_agreement;
pub(super) use boundary::{BoundaryRow, Look, MARKS, PREPARING};
pub(super) use bring::Arrays;
pub(super) use handle::Server;
pub(super) use statement::{as_text, restored, unnested};
pub(super) use table::{Column, Scale, Shape, scale};
