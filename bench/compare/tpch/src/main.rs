//! The tables of TPC-H as CSV files, with the schema as SQL that SQLite and PostgreSQL both take.
//! It opens no database: `load.sh` beside it has the commands.
//!
//! Usage: compare-tpch FOLDER [SCALE]; SCALE is 0.1 by default, which is 600,572 rows of lineitem.

use std::error::Error;
use std::fmt::Display;
use std::fs::{File, create_dir_all};
use std::io::{BufWriter, Write};
use std::path::Path;

use tpchgen::csv::{
    CustomerCsv, LineItemCsv, NationCsv, OrderCsv, PartCsv, PartSuppCsv, RegionCsv, SupplierCsv,
};
use tpchgen::generators::{
    CustomerGenerator, LineItemGenerator, NationGenerator, OrderGenerator, PartGenerator,
    PartSuppGenerator, RegionGenerator, SupplierGenerator,
};

const SCHEMA: &str = include_str!("schema.sql");

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1);
    let folder = args.next().ok_or("usage: compare-tpch FOLDER [SCALE]")?;
    let scale: f64 = args.next().as_deref().unwrap_or("0.1").parse()?;
    let folder = Path::new(&folder);
    create_dir_all(folder)?;
    std::fs::write(folder.join("schema.sql"), SCHEMA)?;
    let write = |name, header, rows| table(folder, name, header, rows);
    let all = 1;
    write(
        "region",
        RegionCsv::header(),
        each(RegionGenerator::new(scale, all, all).iter().map(RegionCsv::new)),
    )?;
    write(
        "nation",
        NationCsv::header(),
        each(NationGenerator::new(scale, all, all).iter().map(NationCsv::new)),
    )?;
    write(
        "supplier",
        SupplierCsv::header(),
        each(SupplierGenerator::new(scale, all, all).iter().map(SupplierCsv::new)),
    )?;
    write(
        "customer",
        CustomerCsv::header(),
        each(CustomerGenerator::new(scale, all, all).iter().map(CustomerCsv::new)),
    )?;
    write(
        "part",
        PartCsv::header(),
        each(PartGenerator::new(scale, all, all).iter().map(PartCsv::new)),
    )?;
    write(
        "partsupp",
        PartSuppCsv::header(),
        each(PartSuppGenerator::new(scale, all, all).iter().map(PartSuppCsv::new)),
    )?;
    write(
        "orders",
        OrderCsv::header(),
        each(OrderGenerator::new(scale, all, all).iter().map(OrderCsv::new)),
    )?;
    write(
        "lineitem",
        LineItemCsv::header(),
        each(LineItemGenerator::new(scale, all, all).iter().map(LineItemCsv::new)),
    )
}

type Rows<'a> = Box<dyn Iterator<Item = String> + 'a>;

fn each<'a, R: Display + 'a>(rows: impl Iterator<Item = R> + 'a) -> Rows<'a> {
    Box::new(rows.map(|row| row.to_string()))
}

fn table(folder: &Path, name: &str, header: &str, rows: Rows<'_>) -> Result<(), Box<dyn Error>> {
    let mut file = BufWriter::new(File::create(folder.join(format!("{name}.csv")))?);
    writeln!(file, "{header}")?;
    for row in rows {
        writeln!(file, "{row}")?;
    }
    Ok(file.flush()?)
}
