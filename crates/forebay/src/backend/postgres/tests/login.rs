//! Logging in to a real server: passwords of every kind, TLS in every mode.

use std::path::Path;
use std::process::Command;

use super::super::{Config, Connection};
use super::server::{Server, own, run, scalar};
use crate::error::Result;
use crate::value::Value;

const ACCESS: &str = "\
local all postgres trust
local all clear password
hostssl all tls 127.0.0.1/32 scram-sha-256
host all scram 127.0.0.1/32 scram-sha-256
host all md5 127.0.0.1/32 md5
host all clear 127.0.0.1/32 password
host all nobody 127.0.0.1/32 reject
";

#[tokio::test]
async fn every_way_in() {
    let lines = "ssl = on\nssl_cert_file = 'server.crt'\nssl_key_file = 'server.key'";
    if Command::new("openssl").arg("version").output().is_err() {
        println!("skipped: there is no openssl");
        return;
    }
    let Some(server) = Server::start_with(ACCESS, lines, certificates) else { return };
    let admin = Connection::open(&Config::parse(&server.socket_url()).unwrap()).await.unwrap();
    for sql in [
        "SET password_encryption = 'scram-sha-256'",
        "CREATE ROLE tls LOGIN PASSWORD 'geheim'",
        "CREATE ROLE scram LOGIN PASSWORD 'geheim'",
        "CREATE ROLE clear LOGIN PASSWORD 'geheim'",
        "CREATE ROLE nobody LOGIN",
        "SET password_encryption = 'md5'",
        "CREATE ROLE md5 LOGIN PASSWORD 'geheim'",
    ] {
        run(&admin, sql, &[]).await.unwrap();
    }
    passwords(&server).await;
    modes(&server).await;
    stopping_over_tls(&server).await;
}

async fn open(server: &Server, user: &str, password: &str, query: &str) -> Result<Connection> {
    let host = if query.contains("host=") { String::new() } else { "127.0.0.1".to_owned() };
    let port = server.port();
    let url = format!("postgres://{user}:{password}@{host}:{port}/postgres?{query}");
    Connection::open(&Config::parse(&url).unwrap()).await
}

async fn check(
    server: &Server,
    user: &str,
    password: &str,
    query: &str,
    expect: Result<&str, &str>,
) {
    let opened = open(server, user, password, query).await;
    match (opened, expect) {
        (Ok(connection), Ok(expect)) => {
            let sql = "SELECT ssl::text FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
            assert_eq!(scalar(&connection, sql).await, Value::from(expect), "{user} {query}");
        }
        (Err(error), Err(expect)) => {
            let text = format!("{error} {error:?}");
            assert!(error.is_open() && text.contains(expect), "{user} {query}: {text}");
            assert!(!text.contains("geheim") && !text.contains("falsch"), "{text}");
        }
        (Ok(_), Err(expect)) => panic!("{user} {query} was let in, not refused with {expect}"),
        (Err(error), Ok(_)) => panic!("{user} {query}: {error:?}"),
    }
}

async fn passwords(server: &Server) {
    let socket = format!("host={}", server.folder().display());
    check(server, "scram", "geheim", "", Ok("false")).await;
    check(server, "scram", "falsch", "", Err("28P01")).await;
    check(server, "md5", "geheim", "", Ok("false")).await;
    check(server, "md5", "falsch", "", Err("28P01")).await;
    check(server, "clear", "geheim", "", Err("clear text")).await;
    check(server, "clear", "geheim", "sslmode=require", Ok("true")).await;
    check(server, "clear", "geheim", &socket, Ok("false")).await;
    check(server, "clear", "falsch", &socket, Err("28P01")).await;
    check(server, "nobody", "", "", Err("28000")).await;
    check(server, "tls", "geheim", "", Err("28000")).await;
    let url = format!("postgres://scram@127.0.0.1:{}/postgres", server.port());
    let error = Connection::open(&Config::parse(&url).unwrap()).await.err().unwrap();
    assert!(error.to_string().contains("has none"), "{error}");
    let url = format!("postgres://scram:geheim@127.0.0.1:{}/missing", server.port());
    let error = Connection::open(&Config::parse(&url).unwrap()).await.err().unwrap();
    assert_eq!(error.code(), Some("3D000"));
}

async fn modes(server: &Server) {
    let data = server.folder().join("data");
    let root = format!("sslrootcert={}", data.join("ca.crt").display());
    let other = format!("sslrootcert={}", data.join("other.crt").display());
    for (query, expect) in [
        ("sslmode=require".to_owned(), Ok("true")),
        ("sslmode=require&channel_binding=require".to_owned(), Ok("true")),
        ("sslmode=require&channel_binding=disable".to_owned(), Ok("true")),
        (format!("sslmode=verify-ca&{root}"), Ok("true")),
        (format!("sslmode=verify-ca&{other}"), Err("UnknownIssuer")),
        // The certificate is for localhost only.
        (format!("sslmode=verify-full&{root}"), Err("127.0.0.1")),
        (format!("sslmode=verify-full&{root}&host=localhost"), Ok("true")),
        (format!("sslmode=verify-full&{root}&host=localhost&channel_binding=require"), Ok("true")),
        (format!("sslmode=verify-full&{other}&host=localhost"), Err("UnknownIssuer")),
        ("sslmode=verify-full&host=localhost".to_owned(), Err("sslrootcert")),
        ("sslmode=verify-full&sslrootcert=/nowhere.pem".to_owned(), Err("/nowhere.pem")),
        ("channel_binding=require".to_owned(), Err("channel_binding")),
    ] {
        check(server, "tls", "geheim", &query, expect).await;
    }
    // A password in md5 cannot be bound to the channel.
    let bound = "sslmode=require&channel_binding=require";
    check(server, "md5", "geheim", bound, Err("did not bind")).await;
}

/// A request to cancel goes the same protected way.
async fn stopping_over_tls(server: &Server) {
    let connection = open(server, "tls", "geheim", "sslmode=require").await.unwrap();
    let mut slow = super::server::request("SELECT pg_sleep(600)", &[], false);
    slow.deadline = Some(std::time::Instant::now() + std::time::Duration::from_millis(100));
    let limits = crate::backend::Limits { rows_max: 1, bytes_max: 1000 };
    assert!(connection.run(slow, limits).await.err().unwrap().is_timeout());
    let big = "SELECT repeat('x', 20000000)";
    let rows = run(&connection, big, &[]).await.unwrap().rows;
    assert!(matches!(&rows.values(0)[0], Value::Text(text) if text.len() == 20_000_000));
}

/// An authority, a certificate of it for localhost, and another authority.
fn certificates(data: &Path) {
    let key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    let authority = |name: &str| {
        let (key_file, file) = (format!("{name}.key"), format!("{name}.crt"));
        let subject = format!("/CN=the authority {name}");
        let own = ["req", "-x509", "-days", "2", "-subj", subject.as_str()];
        let usage = ["-addext", "keyUsage=critical,keyCertSign"];
        let files = ["-keyout", key_file.as_str(), "-out", file.as_str()];
        openssl(data, &[&own[..], &key, &usage, &files].concat());
    };
    authority("ca");
    authority("other");
    let server = [
        "req",
        "-x509",
        "-days",
        "2",
        "-subj",
        "/CN=localhost",
        "-CA",
        "ca.crt",
        "-CAkey",
        "ca.key",
    ];
    let names = ["-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=CA:FALSE"];
    let files = ["-keyout", "server.key", "-out", "server.crt"];
    openssl(data, &[&server[..], &key, &names, &files].concat());
    own(data);
}

fn openssl(folder: &Path, args: &[&str]) {
    let made = Command::new("openssl").args(args).current_dir(folder).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}
