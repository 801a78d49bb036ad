//! `forebay serve` under load, as a process of its own, beside a bare handler of axum and beside
//! other servers of SQLite over HTTP. The programs that are measured are built elsewhere and named
//! here; this one only asks, by one generator for all of them.

mod bare;
mod idle;
mod line;
mod load;
mod long;
mod options;
mod process;
mod question;
mod reads;
mod report;
mod stage;
mod users;
mod watching;

use options::{Options, Part};
use report::Report;
use stage::Stage;

/// Whatever goes wrong ends the measurement.
pub(crate) type Fault = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), Fault> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.first().is_some_and(|arg| arg == bare::WORD) {
        return bare::serve(&args[1..]);
    }
    let options = Options::parse(&args)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let local = tokio::task::LocalSet::new();
    let report = local.block_on(&runtime, measure(&options))?;
    report.print();
    if let Some(path) = &options.json {
        std::fs::write(path, report.json())?;
    }
    Ok(())
}

async fn measure(options: &Options) -> Result<Report, Fault> {
    let mut report = Report::default();
    let stage = Stage::set(options).await?;
    for part in &options.parts {
        match part {
            Part::Reads => reads::measure(options, &stage, &mut report).await?,
            Part::Watching => watching::measure(options, &stage, &mut report).await?,
            Part::Users => users::measure(options, &mut report).await?,
            Part::Long => long::measure(options, &stage, &mut report).await?,
            Part::Idle => idle::measure(&stage, &mut report).await?,
        }
    }
    Ok(report)
}
