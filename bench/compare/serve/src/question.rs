//! What is asked, as the bytes that go over the connection.

use std::rc::Rc;

/// Rows that are asked for in turn. All numbers have as many digits, so that all answers have the
/// same length.
pub(crate) const FIRST_ID: usize = 1_000;
pub(crate) const IDS: usize = 1_000;

pub(crate) const SQL: &str = "SELECT id, name, email, bio, visits FROM users WHERE id = ?";

/// The doors of `forebay serve`, and those of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// `POST /v1/query`
    Plain,
    /// `POST /v2/pipeline`, as libSQL's clients ask for one statement.
    Hrana,
    /// datasette's `GET /bench.json?sql=..`
    Datasette,
    /// soul's `GET /api/tables/users/rows/ID`
    Soul,
}

impl Door {
    pub(crate) fn request(self, id: usize) -> Vec<u8> {
        match self {
            Door::Plain => post("/v1/query", &format!(r#"{{"sql":"{SQL}","params":[{id}]}}"#)),
            Door::Hrana => {
                let args = format!(r#"[{{"type":"integer","value":"{id}"}}]"#);
                let stmt = format!(r#"{{"sql":"{SQL}","args":{args},"want_rows":true}}"#);
                let execute = format!(r#"{{"type":"execute","stmt":{stmt}}}"#);
                let body = format!(r#"{{"baton":null,"requests":[{execute},{{"type":"close"}}]}}"#);
                post("/v2/pipeline", &body)
            }
            Door::Datasette => {
                let sql = SQL.replace('?', ":id").replace(' ', "+").replace(',', "%2C");
                get(&format!("/bench.json?sql={sql}&id={id}&_shape=array"))
            }
            Door::Soul => get(&format!("/api/tables/users/rows/{id}")),
        }
    }

    /// One for each row.
    pub(crate) fn requests(self) -> Rc<[Vec<u8>]> {
        (FIRST_ID..FIRST_ID + IDS).map(|id| self.request(id)).collect()
    }
}

/// What a row must show, in every form of answer.
pub(crate) fn email(id: usize) -> String {
    format!("user{id}@mail.example.com")
}

pub(crate) fn post(path: &str, body: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

pub(crate) fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n").into_bytes()
}
