//! Types by oid: whose values are shown, read and compared by code of the server that rests on
//! nothing but them and the fixed settings, and whose values may stand for the present moment.
//! Everything that is not listed is refused; a type of a user is an enum, a domain over a harmless
//! type, an array of one, or refused.

use super::catalogue::{Catalogue, FIRST_OF_USERS, Type};
use super::node::Node;

pub(super) const BOOL: u32 = 16;
pub(super) const INT8: u32 = 20;
pub(super) const INT2: u32 = 21;
pub(super) const INT4: u32 = 23;
pub(super) const TEXT: u32 = 25;
pub(super) const OID: u32 = 26;
pub(super) const VARCHAR: u32 = 1043;
pub(super) const UUID: u32 = 2950;
pub(super) const TIMETZ: u32 = 1266;
pub(super) const DATE: u32 = 1082;
pub(super) const TIMESTAMP: u32 = 1114;
pub(super) const TIMESTAMPTZ: u32 = 1184;

const NAME: u32 = 19;
const BPCHAR: u32 = 1042;

/// Domains over domains, arrays of arrays.
const DEPTH_MAX: usize = 16;

/// Types whose values show and compare without a look at the catalogue, at files or at the clock.
/// Left out are those that are shown by names from the catalogue (`regclass` and its like,
/// `aclitem`), money, xml, and those of system columns.
pub(super) const HARMLESS: &[u32] = &[
    BOOL, 17, 18, NAME, INT8, INT2, INT4, TEXT, OID, 114, 600, 601, 602, 603, 604, 628, 650, 700,
    701, 705, 718, 774, 829, 869, BPCHAR, VARCHAR, 1082, 1083, 1114, 1184, 1186, TIMETZ, 1560,
    1562, 1700, 2249, UUID, 3220, 3614, 3615, 3802, 3904, 3906, 3908, 3910, 3912, 3926, 4072, 4451,
    4532, 4533, 4534, 4535, 4536,
];

/// Arrays of them.
pub(super) const ARRAYS: &[u32] = &[
    199, 629, 651, 719, 775, 1000, 1001, 1002, 1003, 1005, 1007, 1009, 1014, 1015, 1016, 1017,
    1018, 1019, 1020, 1021, 1022, 1027, 1028, 1040, 1041, 1115, 1182, 1183, 1185, 1187, 1231, 1270,
    1561, 1563, 2951, 3221, 3643, 3645, 3807, 3905, 3907, 3909, 3911, 3913, 3927, 4073, 6150, 6151,
    6152, 6153, 6155, 6157,
];

/// Dates and times, their ranges, multiranges and arrays: a text such as `today` stands for a
/// value of them that is another one tomorrow.
pub(super) const OF_TIME: &[u32] = &[
    1082, 1083, 1114, 1115, 1182, 1183, 1184, 1185, TIMETZ, 1270, 3908, 3909, 3910, 3911, 3912,
    3913, 4533, 4534, 4535, 6152, 6153, 6155,
];

/// What is known of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Judgement {
    Harmless,
    /// Harmless as well, but it did not come with the server.
    OfUser,
    Refused,
    /// This type is to be asked for first.
    Needs(u32),
}

/// Judges a type.
pub(super) fn judge(oid: u32, catalogue: &Catalogue) -> Judgement {
    let mut oid = oid;
    let mut judgement = Judgement::Harmless;
    for _ in 0..DEPTH_MAX {
        if oid < FIRST_OF_USERS {
            let is_harmless = HARMLESS.contains(&oid) || ARRAYS.contains(&oid);
            return if is_harmless { judgement } else { Judgement::Refused };
        }
        judgement = Judgement::OfUser;
        oid = match catalogue.types.get(&oid) {
            None => return Judgement::Needs(oid),
            Some(Some(Type::Enum)) => return Judgement::OfUser,
            Some(Some(Type::Domain(of) | Type::Array(of))) => *of,
            Some(Some(Type::Other) | None) => return Judgement::Refused,
        };
    }
    Judgement::Refused
}

pub(super) fn is_of_time(oid: u32) -> bool {
    OF_TIME.contains(&oid)
}

/// Whether a cast by way of a text rests on nothing but the value: to text, or from text to what
/// does not read the clock.
pub(super) fn is_cast_fixed(from: u32, to: u32) -> bool {
    let is_text = |oid| matches!(oid, TEXT | VARCHAR | BPCHAR | NAME);
    let is_plain =
        |oid| oid < FIRST_OF_USERS && HARMLESS.contains(&oid) && !matches!(oid, 705 | 2249);
    is_plain(from) && is_plain(to) && (is_text(to) || (is_text(from) && !is_of_time(to)))
}

/// The type of an expression, as far as it says so itself.
pub(super) fn of(node: &Node) -> Option<u32> {
    let record = node.record()?;
    let field = match record.name.as_str() {
        "VAR" => "vartype",
        "CONST" => "consttype",
        "PARAM" => "paramtype",
        "AGGREF" => "aggtype",
        "WINDOWFUNC" => "wintype",
        "FUNCEXPR" => "funcresulttype",
        "OPEXPR" | "NULLIFEXPR" => "opresulttype",
        "RELABELTYPE" | "COERCEVIAIO" => "resulttype",
        "CASEEXPR" => "casetype",
        "CASETESTEXPR" => "typeId",
        "COALESCEEXPR" => "coalescetype",
        "MINMAXEXPR" => "minmaxtype",
        "SUBSCRIPTINGREF" => "refrestype",
        "BOOLEXPR" | "NULLTEST" | "BOOLEANTEST" => return Some(BOOL),
        _ => return None,
    };
    record.oid(field)
}
