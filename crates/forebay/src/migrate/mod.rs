//! Migrations: files of SQL that bring the schema of a database up to date, each once and in order.
//! What has to be run is decided in files that run nothing; the database keeps what it has had.

mod check;
mod guide;
mod history;
mod leftover;
mod lock;
mod order;
mod plan;
mod promise;
mod report;
mod run;
mod source;
mod version;

pub use order::Migrate;
pub use report::{
    MigrationReport, MigrationRun, MigrationState, MigrationStatement, MigrationStatus,
};
pub use source::Migrations;
