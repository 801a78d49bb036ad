//! What is to be done about a deep offset: the words that are the same for both databases. How deep
//! one is, and what it costs, is found out by those who can run the statement.

/// Rows that may be left out.
pub(super) const DEEP: i64 = 1_000;

/// How the rows behind a page are found by its last row, for an order of these keys, each with
/// whether it descends. `is_unique` says that no two rows are equal in them.
pub(super) fn cure(keys: &[(String, bool)], is_unique: bool) -> Vec<String> {
    let is_down = keys.first().is_some_and(|it| it.1);
    let is_alike = keys.iter().all(|it| it.1 == is_down);
    let names: Vec<&str> = keys.iter().map(|it| it.0.as_str()).collect();
    let places = vec!["?"; keys.len()].join(", ");
    let sign = if is_down { '<' } else { '>' };
    let condition = match keys.is_empty() || !is_alike {
        true => "a condition on the keys of ORDER BY".to_owned(),
        false => format!("WHERE ({}) {sign} ({places})", names.join(", ")),
    };
    let mut advice = vec![format!(
        "ask for the rows behind the last one that was shown: {condition}, without OFFSET"
    )];
    if !is_unique {
        advice.push(
            "let ORDER BY and the condition end with a unique key: of rows that are equal in \
             these, some would be lost"
                .to_owned(),
        );
    }
    advice.push(
        "PageRequest::after does so: db.query(..).page(PageRequest::after(cursor))".to_owned(),
    );
    advice
}
