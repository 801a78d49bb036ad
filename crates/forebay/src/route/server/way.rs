//! Which members a query is asked of once its parameters are known, and how their answers become
//! one. It decides and does nothing.

use super::super::member::Layout;
use super::super::reach::Reach;
use super::super::way::{Page, Touched};
use super::plan::{Gathering, Groups, Plan, Single, Split};
use crate::invalidate::Bindings;
use crate::sql::Operand;
use crate::sql::clauses::Piece;
use crate::value::Value;

/// What is done with a query.
pub(super) enum Way<'p> {
    /// One member is asked what its caller has asked.
    Pass { part: usize },
    /// One member is asked for the rows of its range.
    Fenced { part: usize, single: &'p Single },
    /// Members are asked for their rows, which are put one after another, in this order.
    Concat { single: &'p Single, parts: Vec<usize>, page: Page },
    /// Members are asked for parts of groups, which are put together.
    Merge { single: &'p Single, groups: &'p Groups, parts: Vec<usize> },
    /// The rows that can matter are brought to the live member, which answers the query over them.
    Gather(Gather<'p>),
    /// It cannot be answered.
    Refuse(String),
}

pub(super) struct Gather<'p> {
    pub(super) parts: Vec<usize>,
    pub(super) gathering: &'p Gathering,
    /// The query of one table that it is, whose whole condition each member can apply.
    pub(super) single: Option<&'p Single>,
    /// As many rows in order are enough from each.
    pub(super) top: Option<u64>,
    /// Why nothing better can be done.
    pub(super) why: String,
}

impl<'p> Way<'p> {
    /// `is_not_null` says that the column which rows are split by cannot be NULL.
    pub(super) fn of(
        plan: &'p Plan,
        split: &'p Split,
        layout: &Layout,
        values: &[Value],
        is_not_null: bool,
    ) -> Way<'p> {
        let points = split.parameters.points(values);
        let points: Vec<&Value> = points.iter().collect();
        let reach = |(occurrence, table): &(crate::sql::Occurrence, usize)| {
            let shape = &plan.shapes[*table];
            Reach::of(occurrence, shape.columns[shape.split].number, Bindings(&points))
        };
        let reaches: Vec<Reach> = split.occurrences.iter().map(reach).collect();
        let touched = Touched::by(&reaches, layout);
        let live = layout.parts.len() - 1;
        if let ([only], true) = (touched.parts.as_slice(), touched.is_within)
            && (*only == live || !split.has_others)
        {
            return Way::Pass { part: *only };
        }
        let why = match &split.single {
            Err(why) => why.clone(),
            Ok(single) => {
                let has_null = touched.has_null && !is_not_null;
                match Way::of_single(plan, single, &touched.parts, has_null, values) {
                    Ok(way) => return way,
                    Err(why) => why,
                }
            }
        };
        let single = split.single.as_ref().ok();
        match &split.gathering {
            Err(unknown) if *unknown == why => Way::Refuse(why),
            Err(unknown) => Way::Refuse(format!("{why}; {unknown}")),
            Ok(gathering) => {
                let page = single.filter(|it| it.only.is_rows).and_then(|it| page(it, values));
                let top = page.and_then(Page::enough);
                Way::Gather(Gather { parts: touched.parts, gathering, single, top, why })
            }
        }
    }

    /// A better way than bringing rows together, or why there is none.
    fn of_single(
        plan: &Plan,
        single: &'p Single,
        parts: &[usize],
        has_null: bool,
        values: &[Value],
    ) -> Result<Way<'p>, String> {
        if let [part] = parts {
            return Ok(Way::Fenced { part: *part, single });
        }
        let parts = parts.to_vec();
        if !single.only.is_rows {
            let groups = single.groups.as_ref().map_err(Clone::clone)?;
            return Ok(Way::Merge { single, groups, parts });
        }
        let shape = &plan.shapes[single.table];
        let split = shape.columns[shape.split].number;
        let leading = single.only.leading.filter(|leading| leading.column == split);
        let page = page(single, values).ok_or("its LIMIT is neither a number nor a parameter")?;
        match (single.only.is_ordered, leading) {
            // The newest first, where any will do.
            (false, _) => Ok(Way::Concat { single, parts: reversed(parts), page }),
            // The live member, which has NULL, comes last where NULL does, and else first.
            (true, Some(leading))
                if !has_null || leading.is_null_first == leading.is_descending =>
            {
                let parts = if leading.is_descending { reversed(parts) } else { parts };
                Ok(Way::Concat { single, parts, page })
            }
            _ => Err("it is ordered by something else than the column that the rows are split by"
                .to_owned()),
        }
    }

    /// The parts that are asked.
    pub(super) fn parts(&self) -> &[usize] {
        match self {
            Way::Pass { part } | Way::Fenced { part, .. } => std::slice::from_ref(part),
            Way::Concat { parts, .. } | Way::Merge { parts, .. } => parts,
            Way::Gather(gather) => &gather.parts,
            Way::Refuse(_) => &[],
        }
    }
}

/// Which of the rows in order are wanted; `None` when the numbers are not known here.
fn page(single: &Single, values: &[Value]) -> Option<Page> {
    let number = |piece: Piece| match single.clauses.operand(piece)? {
        Operand::Literal(Value::Integer(n)) => u64::try_from(n).ok(),
        Operand::Literal(_) => None,
        Operand::Parameter(number) => match values.get(number.checked_sub(1)?)? {
            Value::Integer(n) => u64::try_from(*n).ok(),
            _ => None,
        },
    };
    let take = match single.clauses.limit {
        None => None,
        Some(limit) => Some(number(limit)?),
    };
    let skip = single.clauses.offset.map_or(Some(0), number)?;
    Some(Page { skip, take })
}

fn reversed(mut parts: Vec<usize>) -> Vec<usize> {
    parts.reverse();
    parts
}
