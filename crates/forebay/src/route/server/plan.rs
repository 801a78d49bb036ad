//! What is known of a statement before its parameters are, by the word of the live server: which of
//! its tables are split, what its conditions say of each, and the ways in which it can be taken
//! apart. Every statement that is made of it has been judged by the server, too: it has to have the
//! same columns and types as the original.

use super::super::member::Member;
use super::handle::Shapes;
use super::statement::{arms, parts_of};
use super::table::Shape;
use crate::backend::postgres::{Collated, Meaning, Study, Typed};
use crate::error::{Error, Result};
use crate::params::Params;
use crate::sql::clauses::{Binder, Clauses, InsertText, Regrouped, TargetText, Text, with_table};
use crate::sql::tree::{Aim, Aiming, Only, Parameters, Queried, Spread, Used};
use crate::sql::{Conjunct, Occurrence};
use crate::value::Value;

/// What is known of a query.
pub(super) struct Plan {
    /// The number of the live member's schema, if it has a stream that tells of changes.
    pub(super) schema: Option<u64>,
    pub(super) shapes: Shapes,
    pub(super) columns: std::sync::Arc<[crate::row::Column]>,
    /// The types of the parameters, as SQL.
    pub(super) types: Vec<Box<str>>,
    pub(super) reading: Reading,
}

/// What it reads.
pub(super) enum Reading {
    /// Nothing that is split: it is the live member's.
    Elsewhere,
    /// It is not known what its answer rests on, and why.
    Unknown(String),
    Split(Box<Split>),
}

/// A query of what is split.
pub(super) struct Split {
    /// Every occurrence of what is split, with the place of its table among the shapes.
    pub(super) occurrences: Vec<(Occurrence, usize)>,
    pub(super) parameters: Parameters,
    /// It reads other tables or views, too.
    pub(super) has_others: bool,
    /// How it is cut if it is a query of one table; else why it is not.
    pub(super) single: Result<Single, String>,
    /// How its rows are brought together; else why they cannot be.
    pub(super) gathering: Result<Gathering, String>,
}

/// A query of one table.
pub(super) struct Single {
    /// The place of its table among the shapes.
    pub(super) table: usize,
    pub(super) clauses: Clauses,
    pub(super) only: Only,
    /// How its groups are made of parts; else why they are not.
    pub(super) groups: Result<Groups, String>,
}

/// Parts of groups, with what the live server says of their columns.
pub(super) struct Groups {
    pub(super) regrouped: Regrouped,
    pub(super) columns: Vec<Held>,
}

/// A column whose values go from one server to another as texts.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) type_oid: u32,
    pub(super) type_name: Box<str>,
    pub(super) collation: Option<Box<str>>,
}

/// The rows that have to be brought to the live server.
pub(super) struct Gathering {
    pub(super) tables: Vec<Wanted>,
}

/// Rows of one table.
pub(super) struct Wanted {
    pub(super) table: usize,
    /// The columns that are used, by their place in the shape; one at least.
    pub(super) used: Vec<usize>,
    /// Only rows can matter that meet all conditions of one of these.
    pub(super) conjuncts: Vec<Vec<Conjunct>>,
}

impl Plan {
    pub(super) async fn make(
        live: &Member,
        sql: &str,
        schema: Option<u64>,
        shapes: Shapes,
    ) -> Result<Plan> {
        let study = live.db.engine().study(sql, None).await;
        let study = study.map_err(|error| live.fault(&error))?;
        let schema = schema.filter(|_| study.schema == schema);
        let types = names(&study.parameters);
        let (columns, meaning) = (study.columns.clone(), &study.meaning);
        let reading = match meaning {
            Meaning::Write(_) => Reading::Unknown("it writes".to_owned()),
            Meaning::Query(Err(why)) => Reading::Unknown(why.clone()),
            Meaning::Query(Ok(queried)) => {
                let made = Making { live, sql, shapes: &shapes, types: &types, study: &study };
                made.reading(queried).await
            }
        };
        Ok(Plan { schema, shapes, columns, types, reading })
    }

    /// The values by the number of their parameter.
    pub(super) fn values(&self, params: &Params) -> Result<Vec<Value>> {
        values(params, self.types.len())
    }
}

fn values(params: &Params, count: usize) -> Result<Vec<Value>> {
    if params.named().next().is_some() {
        return Err(Error::usage("PostgreSQL has no parameters with names; bind them in order"));
    }
    let values: Vec<Value> = params.positional().cloned().collect();
    match values.len() == count {
        true => Ok(values),
        false => Err(Error::usage(format!(
            "the statement takes {count} parameters, but {} were bound",
            values.len()
        ))),
    }
}

fn names(types: &[Typed]) -> Vec<Box<str>> {
    types.iter().map(|it| it.name.clone()).collect()
}

struct Making<'m> {
    live: &'m Member,
    sql: &'m str,
    shapes: &'m [Shape],
    types: &'m [Box<str>],
    study: &'m Study,
}

impl Making<'_> {
    async fn reading(&self, queried: &Queried) -> Reading {
        let place = |table: &str| self.shapes.iter().position(|it| it.oid.to_string() == table);
        let mut occurrences = Vec::new();
        let mut has_others = queried.has_views;
        for reading in &queried.readings {
            match place(&reading.occurrence.table) {
                Some(table) => occurrences.push((reading.occurrence.clone(), table)),
                None => has_others = true,
            }
        }
        if occurrences.is_empty() {
            return Reading::Elsewhere;
        }
        let single = self.single(queried).await;
        let gathering = self.gathering(queried).await;
        let parameters = queried.parameters.clone();
        Reading::Split(Box::new(Split { occurrences, parameters, has_others, single, gathering }))
    }

    async fn single(&self, queried: &Queried) -> Result<Single, String> {
        let Some(only) = queried.only else {
            return Err("it is not one SELECT over one table".to_owned());
        };
        let table = self.shapes.iter().position(|shape| shape.oid == only.table);
        let table = table.ok_or("it is a query of another table")?;
        let columns: Vec<&str> = self.study.columns.iter().map(|it| &*it.name).collect();
        let width = self.shapes[table].columns.len();
        let clauses = Clauses::of(self.sql, &columns, width).map_err(|why| format!("it {why}"))?;
        let groups = match only.is_groups {
            true => self.groups(table, &clauses, queried).await,
            false => Err("it has a window function, or one that returns sets".to_owned()),
        };
        Ok(Single { table, clauses, only, groups })
    }

    async fn groups(
        &self,
        table: usize,
        clauses: &Clauses,
        queried: &Queried,
    ) -> Result<Groups, String> {
        let columns: Vec<&str> = self.shapes[table].columns.iter().map(|it| &*it.name).collect();
        let regrouped = Regrouped::of(clauses, &columns, &queried.aggregates);
        let regrouped = regrouped.map_err(|why| format!("it {why}"))?;
        let mut binder = Binder::new(self.types);
        let parts = regrouped.parts(clauses, &Text::sql("true")).written(&mut binder);
        let study = self.studied(&parts).await?;
        let mut columns = Vec::new();
        for (index, (typed, collated)) in study.types.iter().zip(&study.collations).enumerate() {
            const FLOAT4: u32 = 700;
            if regrouped.is_rough(index, typed.oid == FLOAT4) {
                return Err("a sum of floats of 32 bits has lost digits".to_owned());
            }
            columns.push(held(typed, collated)?);
        }
        if columns.len() != regrouped.width() {
            return Err("its parts have another number of columns".to_owned());
        }
        let groups = Groups { regrouped, columns };
        let part_types = groups.types();
        let mut binder = Binder::of_parts(self.types, &part_types);
        let from = parts_of(&groups.columns, None, &mut binder);
        let merged = groups.regrouped.merged(&from).written(&mut binder);
        self.check_alike(&self.studied(&merged).await?)?;
        Ok(groups)
    }

    async fn gathering(&self, queried: &Queried) -> Result<Gathering, String> {
        let mut tables: Vec<Wanted> = Vec::new();
        for (table, shape) in self.shapes.iter().enumerate() {
            let oid = shape.oid.to_string();
            let of_it = || queried.readings.iter().filter(|it| *it.occurrence.table == *oid);
            if of_it().next().is_none() {
                continue;
            }
            let is_used = |number: u16| {
                of_it().any(|reading| match &reading.used {
                    Used::All => true,
                    Used::These(columns) => columns.contains(&number),
                })
            };
            let places = shape.columns.iter().enumerate();
            let mut used: Vec<usize> =
                places.filter(|(_, it)| is_used(it.number)).map(|(place, _)| place).collect();
            if used.is_empty() {
                // Somebody has to say how many rows there are.
                used.push(shape.split);
            }
            let conjuncts = of_it().map(|it| it.occurrence.conjuncts.clone()).collect();
            tables.push(Wanted { table, used, conjuncts });
        }
        let gathering = Gathering { tables };
        let mut binder = Binder::new(self.types);
        let tables: Vec<Text> = gathering
            .tables
            .iter()
            .map(|wanted| arms(&self.shapes[wanted.table], wanted, None, None, &mut binder))
            .collect();
        let text = with_table(self.sql, &Text::list(&tables)).map_err(|why| format!("it {why}"))?;
        let study = self.studied(&text.written(&mut binder)).await?;
        self.check_alike(&study)?;
        let Meaning::Query(Ok(found)) = &study.meaning else {
            return Err("its rows cannot be brought together".to_owned());
        };
        let is_split = |table: &str| self.shapes.iter().any(|it| it.oid.to_string() == table);
        if found.readings.iter().any(|reading| is_split(&reading.occurrence.table)) {
            return Err("it names a table that is split with its schema, or by a view".to_owned());
        }
        Ok(gathering)
    }

    async fn studied(&self, sql: &str) -> Result<Study, String> {
        let study = self.live.db.engine().study(sql, None).await;
        let study = study.map_err(|error| {
            format!("the server refuses what would be made of it: {}", error.message())
        })?;
        match &study.meaning {
            Meaning::Query(Ok(_)) => Ok(study),
            Meaning::Query(Err(why)) => Err(why.clone()),
            Meaning::Write(_) => Err("it writes".to_owned()),
        }
    }

    /// An error unless a statement has the columns and types of the original.
    fn check_alike(&self, other: &Study) -> Result<(), String> {
        let column_names = |study: &Study| -> Vec<Box<str>> {
            study.columns.iter().map(|column| (*column.name).into()).collect()
        };
        let is_alike =
            self.study.types == other.types && column_names(self.study) == column_names(other);
        match is_alike {
            true => Ok(()),
            false => Err("what would be made of it has columns of other types".to_owned()),
        }
    }
}

/// A column of parts, if its values can go by way of texts.
fn held(typed: &Typed, collated: &Collated) -> Result<Held, String> {
    /// Rows, and arrays of them, whose texts say too little.
    const RECORDS: [u32; 2] = [2_249, 2_287];
    let collation = match collated {
        Collated::Nothing => None,
        Collated::By(name) => Some(name.clone()),
        Collated::Unknown => {
            return Err("it groups or compares by something whose collation is not told".to_owned());
        }
    };
    match RECORDS.contains(&typed.oid) {
        true => Err("it groups or compares whole rows".to_owned()),
        false => {
            let type_name = typed.name.clone();
            Ok(Held { type_oid: typed.oid, type_name, collation })
        }
    }
}

impl Groups {
    pub(super) fn types(&self) -> Vec<Box<str>> {
        self.columns.iter().map(|column| column.type_name.clone()).collect()
    }
}

/// What is known of a statement that writes.
pub(super) struct Writing {
    pub(super) schema: Option<u64>,
    pub(super) shapes: Shapes,
    /// The types of the parameters, as SQL.
    pub(super) types: Vec<Box<str>>,
    /// The same by oid, by their number.
    pub(super) parameters: Parameters,
    pub(super) aiming: Aiming,
    /// How it is cut; else why it is not.
    pub(super) cut: Result<WriteText, String>,
}

/// The text of a statement that writes, cut.
pub(super) enum WriteText {
    Insert(InsertText),
    Target(TargetText),
}

impl Writing {
    pub(super) async fn make(
        live: &Member,
        sql: &str,
        schema: Option<u64>,
        shapes: Shapes,
    ) -> Result<Writing> {
        let spread: Vec<Spread> = shapes
            .iter()
            .map(|it| Spread { table: it.oid, column: it.columns[it.split].number })
            .collect();
        let study = live.db.engine().study(sql, Some(&spread)).await;
        let study = study.map_err(|error| live.fault(&error))?;
        let schema = schema.filter(|_| study.schema == schema);
        let aiming = match study.meaning {
            Meaning::Write(aiming) => aiming,
            Meaning::Query(_) => Aiming::Refused("its analysis is not understood"),
        };
        let cut = match &aiming {
            Aiming::Known(Aim::Insert { values, .. }) => {
                InsertText::of(sql, values.len()).map(WriteText::Insert)
            }
            Aiming::Known(Aim::Target { .. }) => TargetText::of(sql).map(WriteText::Target),
            _ => Err("does not write what is split"),
        };
        let cut = cut.map_err(|why| format!("it {why}"));
        let parameters = match &aiming {
            Aiming::Known(Aim::Target { occurrence, .. }) => {
                let oids: Vec<u32> = study.parameters.iter().map(|it| it.oid).collect();
                Parameters::of_operands(occurrence, &oids)
            }
            _ => Parameters::default(),
        };
        let types = names(&study.parameters);
        Ok(Writing { schema, shapes, types, parameters, aiming, cut })
    }

    /// The values by the number of their parameter.
    pub(super) fn values(&self, params: &Params) -> Result<Vec<Value>> {
        values(params, self.types.len())
    }
}
