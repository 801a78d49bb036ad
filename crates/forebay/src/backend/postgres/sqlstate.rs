//! PostgreSQL's codes of errors: which there are, and what each means for a caller. Texts are in
//! `fault`.

use crate::error::{Constraint, Kind};

/// The code as a text that lives for ever; `None` for one that PostgreSQL itself does not have,
/// such as an application may raise.
pub(super) fn known(code: &str) -> Option<&'static str> {
    CODES.binary_search(&code).ok().map(|index| CODES[index])
}

/// What a code means for whoever sent the statement. 57014 is not here: it depends on who asked.
pub(super) fn kind(code: &str) -> Kind {
    match code {
        "23505" => Kind::Constraint(Constraint::Unique),
        "23503" | "23001" => Kind::Constraint(Constraint::ForeignKey),
        "23502" => Kind::Constraint(Constraint::NotNull),
        "23514" => Kind::Constraint(Constraint::Check),
        "40001" | "40P01" | "55P03" => Kind::Busy,
        "25006" => Kind::ReadOnly,
        "42501" => Kind::Denied,
        "53100" | "53200" => Kind::Full,
        "53300" | "3D000" => Kind::Open,
        "XX001" | "XX002" => Kind::Corrupt,
        "57P01" | "57P02" | "57P03" | "57P04" | "57P05" => Kind::Disconnected,
        _ => class(code.get(..2).unwrap_or_default()),
    }
}

fn class(class: &str) -> Kind {
    match class {
        "08" => Kind::Disconnected,
        "23" => Kind::Constraint(Constraint::Other),
        "28" => Kind::Open,
        "54" => Kind::TooLarge,
        // The text, a name in it, a value, or a statement that does not fit the transaction.
        "0A" | "21" | "22" | "25" | "26" | "2B" | "34" | "3B" | "3F" | "42" => Kind::Usage,
        _ => Kind::Database,
    }
}

/// All codes of the versions 14 to 18, sorted.
#[rustfmt::skip]
const CODES: [&str; 263] = [
    "00000", "01000", "01003", "01004", "01006", "01007", "01008", "0100C", "01P01", "02000",
    "02001", "03000", "08000", "08001", "08003", "08004", "08006", "08007", "08P01", "09000",
    "0A000", "0B000", "0F000", "0F001", "0L000", "0LP01", "0P000", "0Z000", "0Z002", "10608",
    "20000", "21000", "22000", "22001", "22002", "22003", "22004", "22005", "22007", "22008",
    "22009", "2200B", "2200C", "2200D", "2200F", "2200G", "2200H", "2200L", "2200M", "2200N",
    "2200S", "2200T", "22010", "22011", "22012", "22013", "22014", "22015", "22016", "22018",
    "22019", "2201B", "2201E", "2201F", "2201G", "2201W", "2201X", "22021", "22022", "22023",
    "22024", "22025", "22026", "22027", "2202E", "2202G", "2202H", "22030", "22031", "22032",
    "22033", "22034", "22035", "22036", "22037", "22038", "22039", "2203A", "2203B", "2203C",
    "2203D", "2203E", "2203F", "2203G", "22P01", "22P02", "22P03", "22P04", "22P05", "22P06",
    "23000", "23001", "23502", "23503", "23505", "23514", "23P01", "24000", "25000", "25001",
    "25002", "25003", "25004", "25005", "25006", "25007", "25008", "25P01", "25P02", "25P03",
    "25P04", "26000", "27000", "28000", "28P01", "2B000", "2BP01", "2D000", "2F000", "2F002",
    "2F003", "2F004", "2F005", "34000", "38000", "38001", "38002", "38003", "38004", "39000",
    "39001", "39004", "39P01", "39P02", "39P03", "3B000", "3B001", "3D000", "3F000", "40000",
    "40001", "40002", "40003", "40P01", "42000", "42501", "42601", "42602", "42611", "42622",
    "42701", "42702", "42703", "42704", "42710", "42712", "42723", "42725", "42803", "42804",
    "42809", "42830", "42846", "42883", "428C9", "42939", "42P01", "42P02", "42P03", "42P04",
    "42P05", "42P06", "42P07", "42P08", "42P09", "42P10", "42P11", "42P12", "42P13", "42P14",
    "42P15", "42P16", "42P17", "42P18", "42P19", "42P20", "42P21", "42P22", "44000", "53000",
    "53100", "53200", "53300", "53400", "54000", "54001", "54011", "54023", "55000", "55006",
    "55P02", "55P03", "55P04", "57000", "57014", "57P01", "57P02", "57P03", "57P04", "57P05",
    "58000", "58030", "58P01", "58P02", "58P03", "72000", "F0000", "F0001", "HV000", "HV001",
    "HV002", "HV004", "HV005", "HV006", "HV007", "HV008", "HV009", "HV00A", "HV00B", "HV00C",
    "HV00D", "HV00J", "HV00K", "HV00L", "HV00M", "HV00N", "HV00P", "HV00Q", "HV00R", "HV010",
    "HV014", "HV021", "HV024", "HV090", "HV091", "P0000", "P0001", "P0002", "P0003", "P0004",
    "XX000", "XX001", "XX002",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_finds_what_is_in_it() {
        assert!(CODES.is_sorted_by(|a, b| a < b));
        for (code, expect) in [
            ("00000", Some("00000")),
            ("23505", Some("23505")),
            ("XX002", Some("XX002")),
            ("ZZ999", None),
            ("", None),
            ("2350", None),
        ] {
            assert_eq!(known(code), expect);
        }
    }

    #[test]
    fn kinds() {
        for (code, expect) in [
            ("23505", Kind::Constraint(Constraint::Unique)),
            ("23503", Kind::Constraint(Constraint::ForeignKey)),
            ("23502", Kind::Constraint(Constraint::NotNull)),
            ("23514", Kind::Constraint(Constraint::Check)),
            ("23P01", Kind::Constraint(Constraint::Other)),
            ("40001", Kind::Busy),
            ("40P01", Kind::Busy),
            ("55P03", Kind::Busy),
            ("25006", Kind::ReadOnly),
            ("25P02", Kind::Usage),
            ("42501", Kind::Denied),
            ("42601", Kind::Usage),
            ("22012", Kind::Usage),
            ("26000", Kind::Usage),
            ("53100", Kind::Full),
            ("53200", Kind::Full),
            ("53300", Kind::Open),
            ("28P01", Kind::Open),
            ("3D000", Kind::Open),
            ("54001", Kind::TooLarge),
            ("57P01", Kind::Disconnected),
            ("08006", Kind::Disconnected),
            ("XX001", Kind::Corrupt),
            ("XX000", Kind::Database),
            ("P0001", Kind::Database),
            ("é1", Kind::Database),
            ("", Kind::Database),
        ] {
            assert_eq!(kind(code), expect, "{code}");
        }
    }
}
