//! The workload, from the files that were named.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, bail};
use forebay::{SavedStatistics, Workload};

use super::run::is_postgres;
use crate::args::AdviseArgs;
use crate::exit::Usage;

/// The largest file that is read.
const FILE_BYTES_MAX: u64 = 256 << 20;

/// Reads all files. A log of which no line can be read is an error.
pub(super) fn workload(args: &AdviseArgs) -> Result<Workload> {
    let mut workload = Workload::new();
    for path in &args.queries {
        let read = Workload::from_sql(&text(path)?);
        let read = read.with_context(|| format!("cannot read {}", path.display()))?;
        workload.queries.extend(read.queries);
    }
    for path in args.log.iter().filter(|_| is_postgres(&args.url)) {
        let read = Workload::from_postgres_log(&text(path)?);
        let read = read.with_context(|| format!("cannot read {}", path.display()))?;
        workload.queries.extend(read.queries);
    }
    for path in args.log.iter().filter(|_| !is_postgres(&args.url)) {
        let (read, unread) = Workload::from_log(&text(path)?);
        if read.queries.is_empty() && unread > 0 {
            bail!(Usage(format!(
                "{} holds no line that is a JSON object with `statement`: is it a slow log?",
                path.display()
            )));
        }
        if unread > 0 {
            tracing::error!("{unread} lines of {} could not be read", path.display());
        }
        workload.queries.extend(read.queries);
    }
    for path in &args.statistics {
        let (read, left_out) = saved(path, !is_postgres(&args.url))?;
        if left_out > 0 {
            tracing::error!(
                "of {left_out} statements in {} only the shape was kept, since there were values \
                 in them: see `keep_samples`",
                path.display()
            );
        }
        // Of several applications the longest time is the nearest.
        workload.period = workload.period.max(read.period);
        workload.queries.extend(read.queries);
    }
    workload.is_complete = args.complete;
    workload.period = args.period.map(|period| period.0).or(workload.period);
    Ok(workload)
}

fn saved(path: &Path, with_shapes: bool) -> Result<(Workload, usize)> {
    let saved = SavedStatistics::read(path);
    let saved = saved.with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Workload::from_statistics(&saved, with_shapes))
}

fn text(path: &Path) -> Result<String> {
    let mut bytes = Vec::new();
    let name = path.display();
    let read = match path.as_os_str() == "-" {
        true => std::io::stdin().lock().take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes),
        false => {
            File::open(path).and_then(|it| it.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes))
        }
    };
    read.with_context(|| format!("cannot read {name}"))?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        bail!(Usage(format!("{name} has more than {FILE_BYTES_MAX} bytes")));
    }
    let text = String::from_utf8(bytes).map_err(|_| Usage(format!("{name} is not UTF-8")))?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}
