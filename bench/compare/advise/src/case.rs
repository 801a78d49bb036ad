//! What a workload is made of: queries with real parameters, writes, candidate indexes. It also
//! reads what advisors say, so that theirs and ours are compared on the same terms.

/// A value of a row or a parameter.
#[derive(Clone, Debug, PartialEq, PartialOrd)]
pub enum Cell {
    Null,
    Int(i64),
    Text(String),
}

impl Cell {
    /// As it stands in SQL, the same for both databases.
    pub fn literal(&self) -> String {
        match self {
            Cell::Null => "NULL".into(),
            Cell::Int(n) => n.to_string(),
            Cell::Text(text) => format!("'{}'", text.replace('\'', "''")),
        }
    }
}

/// A statement of the workload; `?` stands for each parameter.
#[derive(Clone, Debug)]
pub struct Query {
    pub text: String,
    pub params: Vec<Vec<Cell>>,
    pub calls: u64,
}

impl Query {
    /// The text for each set of parameters, with literals.
    pub fn literal(&self) -> Vec<String> {
        if self.params.is_empty() {
            return vec![self.text.clone()];
        }
        let fill = |set: &Vec<Cell>| {
            let mut cells = set.iter();
            let cell = |c: char| match c {
                '?' => cells.next().expect("as many values as marks").literal(),
                c => c.to_string(),
            };
            self.text.chars().map(cell).collect()
        };
        self.params.iter().map(fill).collect()
    }

    /// The text with `$1`, `$2` and so on.
    pub fn numbered(&self) -> String {
        let mut n = 0;
        let mark = |c: char| match c {
            '?' => {
                n += 1;
                format!("${n}")
            }
            c => c.to_string(),
        };
        self.text.chars().map(mark).collect()
    }
}

/// An index, as far as it matters whether another one does the same.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Index {
    pub table: String,
    /// Key expressions, with collation, operator class and direction.
    pub keys: Vec<String>,
    /// So many keys at the front are compared with `=`: their order does not matter.
    pub equal: usize,
    pub filter: Option<String>,
    pub method: Option<String>,
    pub include: Vec<String>,
    pub is_unique: bool,
}

impl Index {
    pub fn new(table: &str, keys: &[&str], equal: usize) -> Index {
        let keys = keys.iter().map(|key| (*key).to_owned()).collect();
        Index { table: table.into(), keys, equal, ..Index::default() }
    }

    pub fn filtered(mut self, filter: &str) -> Index {
        self.filter = Some(filter.into());
        self
    }

    pub fn by(mut self, method: &str) -> Index {
        self.method = Some(method.into());
        self
    }

    pub fn ddl(&self, name: &str) -> String {
        let using = self.method.as_ref().map_or(String::new(), |it| format!(" USING {it}"));
        let filter = self.filter.as_ref().map_or(String::new(), |it| format!(" WHERE {it}"));
        let keys = self.keys.join(", ");
        format!("CREATE INDEX {name} ON {}{using} ({keys}){filter}", self.table)
    }

    /// Reads a CREATE INDEX statement of whoever has written it.
    pub fn read(ddl: &str) -> Option<Index> {
        let text = ddl.replace(['"', '`'], "");
        let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
        let lower = flat.to_ascii_lowercase();
        let on = lower.find(" on ")? + 4;
        let is_unique = lower.starts_with("create unique");
        let open = on + lower[on..].find('(')?;
        let head: Vec<&str> = flat[on..open].split_whitespace().collect();
        let table = head.first().filter(|it| !it.eq_ignore_ascii_case("only")).or(head.get(1))?;
        let table = table.rsplit('.').next()?.to_ascii_lowercase();
        let using = head.iter().position(|it| it.eq_ignore_ascii_case("using"));
        let method = using.and_then(|at| head.get(at + 1)).map(|it| it.to_ascii_lowercase());
        let close = open + closing(&flat[open..])?;
        let keys = parts(&flat[open + 1..close]).iter().map(|it| key(it)).collect();
        let tail = lower[close + 1..].trim().trim_end_matches(';').trim();
        let include = tail.strip_prefix("include").map(str::trim);
        let include = include.and_then(|it| Some(parts(&it[1..closing(it)?]))).unwrap_or_default();
        let rest = flat[close + 1..].trim().trim_end_matches(';').trim();
        let filter = tail.find("where ").map(|at| key(&rest[at + 6..]));
        let method = method.filter(|it| it != "btree");
        Some(Index { table, keys, equal: 0, filter, method, include, is_unique })
    }

    /// Whether this one, an advised index, does what `wanted` does.
    pub fn serves(&self, wanted: &Index) -> bool {
        let (mine, theirs) = (self.normal(), wanted.normal());
        let size = theirs.keys.len();
        if mine.table != theirs.table || mine.method != theirs.method || mine.keys.len() < size {
            return false;
        }
        if mine.filter.is_some() && mine.filter != theirs.filter {
            return false;
        }
        let bare = |key: &String| key.trim_end_matches(" desc").to_owned();
        // What compares texts by their bytes finds equal ones as well.
        let equal_by = |key: &String| {
            let key = bare(key);
            let bytewise = [" text_pattern_ops", " varchar_pattern_ops"];
            let plain = bytewise.iter().find_map(|it| key.strip_suffix(it));
            plain.map_or(key.clone(), str::to_owned)
        };
        let set = |keys: &[String]| {
            let mut keys: Vec<String> = keys.iter().map(equal_by).collect();
            keys.sort();
            keys
        };
        let (equal, _) = mine.keys.split_at(wanted.equal);
        let same = set(equal) == set(&theirs.keys[..wanted.equal]);
        let (mine, theirs) = (&mine.keys[wanted.equal..size], &theirs.keys[wanted.equal..]);
        let flip = |key: &String| match key.strip_suffix(" desc") {
            Some(key) => key.to_owned(),
            None => format!("{key} desc"),
        };
        let ranged = theirs.len() == 1 && bare(&mine[0]) == bare(&theirs[0]);
        let flipped: Vec<String> = theirs.iter().map(flip).collect();
        same && (ranged || mine == theirs || mine == flipped.as_slice())
    }

    /// Whether an index that is there makes this one needless.
    pub fn is_prefix_of(&self, other: &Index) -> bool {
        let (mine, theirs) = (self.normal(), other.normal());
        mine.table == theirs.table
            && mine.method == theirs.method
            && mine.filter == theirs.filter
            && theirs.keys.starts_with(&mine.keys)
            && (mine.keys.len() < theirs.keys.len() || mine.include == theirs.include)
    }

    fn normal(&self) -> Index {
        let mut index = self.clone();
        index.table = index.table.to_ascii_lowercase();
        index.keys = index.keys.iter().map(|it| key(it)).collect();
        index.filter = index.filter.as_ref().map(|it| key(it).replace(['(', ')', ' '], ""));
        index.filter = index.filter.map(|it| it.replace("::text", ""));
        index
    }
}

/// A key without what says nothing.
fn key(text: &str) -> String {
    let mut text = text.trim().to_ascii_lowercase().replace(['"', '`'], "");
    text = text.replace("::text", "").replace("pg_catalog.", "");
    for nothing in [" asc", " nulls last", " nulls first", " collate binary"] {
        text = text.replace(nothing, "");
    }
    while text.starts_with('(') && closing(&text) == Some(text.len() - 1) {
        text = text[1..text.len() - 1].trim().to_owned();
    }
    text
}

/// Where the parenthesis that opens first is closed.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0;
    text.char_indices().find_map(|(at, c)| {
        depth += match c {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        (c == ')' && depth == 0).then_some(at)
    })
}

/// What stands between commas that are not in parentheses.
fn parts(text: &str) -> Vec<String> {
    let (mut depth, mut parts) = (0, vec![String::new()]);
    for c in text.chars() {
        depth += match c {
            '(' => 1,
            ')' => -1,
            _ => 0,
        };
        match (c, depth, parts.last_mut()) {
            (',', 0, _) => parts.push(String::new()),
            (c, _, Some(part)) => part.push(c),
            _ => {}
        }
    }
    parts.iter().map(|part| part.trim().to_owned()).collect()
}

/// A query and what it may want.
#[derive(Clone, Debug)]
pub struct Case {
    pub kind: &'static str,
    pub query: Query,
    /// Sets of indexes that do the same; the first is what the label is derived from.
    pub wanted: Vec<Vec<Index>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_serves_what_it_is_for() {
        let check = |advised: &str, wanted: &Index, expect: bool| {
            let index = Index::read(advised).unwrap();
            assert_eq!(index.serves(wanted), expect, "{advised} for {wanted:?}");
        };
        let rare = Index::new("t", &["a"], 0).filtered("b = 'x'");
        let equal = Index::new("t", &["a"], 1);
        let range = Index::new("t", &["a"], 0);
        check("CREATE INDEX \"i\" ON \"t\" (\"a\") WHERE \"b\" = 'x';", &rare, true);
        check("CREATE INDEX i ON t (a) WHERE (b = 'y'::text)", &rare, false);
        check("CREATE INDEX i ON public.t (a text_pattern_ops, c)", &equal, true);
        check("CREATE INDEX i ON public.t (a text_pattern_ops)", &range, false);
        check("CREATE INDEX i ON t (c, a);", &equal, false);
        check("CREATE INDEX i ON t (a DESC, c) INCLUDE (d)", &range, true);
    }
}
