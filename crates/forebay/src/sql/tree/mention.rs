//! What a node says by its name and its fields alone: which nodes there is a rule for, and which
//! functions, operators and types of the catalogue a node mentions. It judges none of them.

use super::node::Record;

/// Nodes that are judged, by their fields or because there is nothing to judge.
pub(super) const KNOWN: &[&str] = &[
    "AGGREF",
    "ALIAS",
    "ARRAYCOERCEEXPR",
    "ARRAYEXPR",
    "BOOLEANTEST",
    "BOOLEXPR",
    "CASEEXPR",
    "CASETESTEXPR",
    "CASEWHEN",
    "COALESCEEXPR",
    "COERCEVIAIO",
    "COLLATEEXPR",
    "COMMONTABLEEXPR",
    "CONST",
    "CTECYCLECLAUSE",
    "CTESEARCHCLAUSE",
    "DISTINCTEXPR",
    "FROMEXPR",
    "FUNCEXPR",
    "GROUPINGFUNC",
    "GROUPINGSET",
    "JOINEXPR",
    "MINMAXEXPR",
    "NAMEDARGEXPR",
    "NULLIFEXPR",
    "NULLTEST",
    "OPEXPR",
    "PARAM",
    "QUERY",
    "RANGETBLENTRY",
    "RANGETBLFUNCTION",
    "RANGETBLREF",
    "RELABELTYPE",
    "ROWCOMPAREEXPR",
    "ROWEXPR",
    "RTEPERMISSIONINFO",
    "SCALARARRAYOPEXPR",
    "SETOPERATIONSTMT",
    "SORTGROUPCLAUSE",
    "SUBLINK",
    "SUBSCRIPTINGREF",
    "TARGETENTRY",
    "VAR",
    "WINDOWCLAUSE",
    "WINDOWFUNC",
];

/// Fields that name a function, an operator or a type, in whatever node they are.
const FUNCTIONS: &[&str] =
    &["aggfnoid", "endInRangeFunc", "funcid", "startInRangeFunc", "winfnoid"];
const OPERATORS: &[&str] = &["cycle_mark_neop", "eqop", "opno", "opnos", "sortop"];
const TYPES: &[&str] = &[
    "aggtype",
    "array_typeid",
    "casetype",
    "coalescetype",
    "coltypes",
    "colTypes",
    "consttype",
    "cycle_mark_type",
    "element_typeid",
    "funccoltypes",
    "funcresulttype",
    "minmaxtype",
    "opresulttype",
    "paramtype",
    "refcontainertype",
    "refelemtype",
    "refrestype",
    "resulttype",
    "row_typeid",
    "typeId",
    "vartype",
    "wintype",
];

/// An object of the catalogue that a node mentions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mention {
    Function(u32),
    Operator(u32),
    Type(u32),
}

/// What a node mentions itself, not in those within it.
pub(super) fn mentions(record: &Record) -> impl Iterator<Item = Mention> + '_ {
    record.fields.iter().flat_map(|(name, value)| {
        let name = name.as_str();
        let make = if FUNCTIONS.contains(&name) {
            Some(Mention::Function as fn(u32) -> Mention)
        } else if OPERATORS.contains(&name) {
            Some(Mention::Operator as fn(u32) -> Mention)
        } else if TYPES.contains(&name) {
            Some(Mention::Type as fn(u32) -> Mention)
        } else {
            None
        };
        let single = make.and_then(|_| value.number());
        let several = if make.is_some() { value.numbers() } else { &[] };
        let oids = single.into_iter().chain(several.iter().copied());
        let oids = oids.filter_map(|n| u32::try_from(n).ok()).filter(|oid| *oid != 0);
        oids.filter_map(move |oid| make.map(|make| make(oid)))
    })
}
