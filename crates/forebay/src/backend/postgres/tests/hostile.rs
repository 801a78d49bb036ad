//! A server that misbehaves: no hang, no panic, no memory that it asks for, and errors that say
//! what is left open.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt as _;

use super::super::{Connection, Status};
use super::fake::{Fake, answered, described, error, message, ready, row};
use super::server::{read, request, run};
use crate::backend::Limits;
use crate::value::Value;

const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn messages_may_come_byte_by_byte() {
    let fake = Fake::new().await;
    let (connection, mut client) = fake.pair().await;
    client.stream.set_nodelay(true).unwrap();
    let asked = tokio::spawn(async move { run(&connection, "a", &[]).await });
    assert_eq!(client.request().await, "PDS");
    for byte in described() {
        client.send(&[byte]).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(client.request().await, "BES");
    for byte in answered(b"12345") {
        client.send(&[byte]).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(asked.await.unwrap().unwrap().rows.values(0), [Value::Integer(12345)]);
}

/// What a server answers to a prepared statement that must end the connection.
#[tokio::test]
async fn garbage_ends_the_connection() {
    let huge = |tag: u8| [&[tag][..], &[0x7f, 0xff, 0xff, 0xff]].concat();
    let bad: Vec<(&str, Vec<u8>)> = vec![
        ("no tag of this protocol", message(b'?', b"")),
        ("a length less than 4", vec![b'D', 0, 0, 0, 3]),
        ("a length of nearly 2 GiB", huge(b'C')),
        ("an error of nearly 2 GiB", huge(b'E')),
        (
            "a row of another width",
            message(b'D', &[0, 2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
        ),
        ("a row cut short", message(b'D', &[0, 1, 0, 0, 0, 9, b'1'])),
        ("a row with something behind it", message(b'D', &[0, 1, 0, 0, 0, 1, b'1', b'2'])),
        ("a negative length", message(b'D', &[0, 1, 0xff, 0xff, 0xff, 0xfe])),
        ("no state", message(b'Z', b"")),
        ("a state that there is not", message(b'Z', b"X")),
        ("a tag without an end", message(b'C', b"SELECT 1")),
        ("an error without fields", message(b'E', b"")),
        ("an error without an end", message(b'E', b"C22000\0M")),
        ("a setting without a value", message(b'S', b"a\0")),
        ("a description in the middle", message(b'T', &[0, 0])),
        ("replication", message(b'W', &[0, 0, 0])),
        ("a portal that is suspended", message(b's', b"")),
        ("an answer too many", [answered(b"1"), ready()].concat()),
    ];
    for (what, bytes) in bad {
        let fake = Fake::new().await;
        let (connection, mut client) = fake.pair().await;
        let asked = tokio::spawn({
            let connection = connection.clone();
            async move { run(&connection, "a", &[]).await }
        });
        client.prepared().await;
        assert_eq!(client.request().await, "BES", "{what}");
        client.send(&bytes).await;
        let answer = tokio::time::timeout(PATIENCE, asked).await.expect(what).unwrap();
        match answer {
            Err(error) => assert!(error.is_outcome_unknown(), "{what}: {error}"),
            Ok(_) => assert_eq!(what, "an answer too many"),
        }
        let begun = Instant::now();
        while connection.status() != Status::Closed {
            assert!(begun.elapsed() < PATIENCE, "{what}");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

#[tokio::test]
async fn a_row_that_is_too_long_is_passed_over() {
    let fake = Fake::new().await;
    let (connection, mut client) = fake.pair().await;
    let asked = tokio::spawn({
        let connection = connection.clone();
        async move {
            let limits = Limits { rows_max: 10, bytes_max: 10_000 };
            connection.run(request("a", &[], true), limits).await
        }
    });
    client.prepared().await;
    assert_eq!(client.request().await, "BES");
    let long = row(&vec![b'1'; 40 << 20]);
    let sent = async {
        // The client asks the server to stop, on another connection, and reads on here.
        let (_, mut stop) = tokio::join!(client.send(&long), fake.accept());
        assert_eq!(stop.greeting().await[..4], 80_877_102_u32.to_be_bytes());
        drop(stop);
        client.send(&[error("ERROR", "57014"), ready()].concat()).await;
    };
    sent.await;
    let error = asked.await.unwrap().err().unwrap();
    assert!(error.is_too_large(), "{error}");
    let again = tokio::spawn(async move { read(&connection, "a", &[]).await });
    assert_eq!(client.request().await, "BES");
    client.send(&answered(b"7")).await;
    assert_eq!(again.await.unwrap().unwrap().rows.values(0), [Value::Integer(7)]);
}

/// What is left open when the server goes away, by what it was at.
#[tokio::test]
async fn a_server_that_goes_away() {
    for (is_repeatable, has_begun, words, unknown) in [
        (false, false, None, false),
        (false, true, None, true),
        (true, true, None, false),
        (false, true, Some(("FATAL", "57P01")), true),
        (true, true, Some(("FATAL", "57P01")), false),
        (false, false, Some(("FATAL", "57P01")), false),
    ] {
        let fake = Fake::new().await;
        let (connection, mut client) = fake.pair().await;
        let limits = Limits { rows_max: 10, bytes_max: 10_000 };
        let asked = tokio::spawn({
            let connection = connection.clone();
            async move { connection.run(request("a", &[], is_repeatable), limits).await }
        });
        if has_begun {
            client.prepared().await;
            client.request().await;
            client.send(&message(b'2', b"")).await;
        } else {
            client.request().await;
        }
        if let Some((severity, code)) = words {
            client.send(&error(severity, code)).await;
        }
        drop(client);
        let error = asked.await.unwrap().err().unwrap();
        assert_eq!((error.is_outcome_unknown(), error.is_closed()), (unknown, !unknown), "{error}");
        assert_eq!(error.code(), words.map(|(_, code)| code));
        let after = run(&connection, "b", &[]).await.err().unwrap();
        assert!(after.is_closed(), "{after}");
    }
}

#[tokio::test]
async fn an_error_in_the_middle_of_a_pipeline_is_one_request_s() {
    let fake = Fake::new().await;
    let (connection, mut client) = fake.pair().await;
    let first = tokio::spawn({
        let connection = connection.clone();
        async move { read(&connection, "a", &[]).await }
    });
    client.prepared().await;
    client.request().await;
    client.send(&answered(b"0")).await;
    first.await.unwrap().unwrap();
    let all: Vec<_> = (0..3)
        .map(|_| {
            let connection = connection.clone();
            tokio::spawn(async move { read(&connection, "a", &[]).await })
        })
        .collect();
    for _ in 0..3 {
        // All three come before the first is answered.
        assert_eq!(client.request().await, "BES");
    }
    let bad = [message(b'2', b""), row(b"9"), error("ERROR", "22012"), ready()].concat();
    client.send(&[answered(b"1"), bad, answered(b"3")].concat()).await;
    let mut answers = Vec::new();
    for one in all {
        answers.push(one.await.unwrap().map(|answer| answer.rows.values(0).to_vec()));
    }
    let failed: Vec<_> = answers.iter().map(Result::is_err).collect();
    assert_eq!(failed.iter().filter(|failed| **failed).count(), 1);
    assert!(connection.is_at_rest());
}

#[tokio::test]
async fn rows_wait_for_their_reader_in_the_server() {
    let fake = Fake::new().await;
    let (connection, mut client) = fake.pair().await;
    let stream = connection.stream(request("a", &[], false)).await.unwrap();
    client.prepared().await;
    client.request().await;
    client.send(&message(b'2', b"")).await;
    let sent = Arc::new(AtomicUsize::new(0));
    let (_receive, mut send) = client.stream.into_split();
    let flood = tokio::spawn({
        let sent = sent.clone();
        async move {
            let rows = row(b"1").repeat(1000);
            while send.write_all(&rows).await.is_ok() {
                sent.fetch_add(rows.len(), Ordering::Relaxed);
            }
        }
    });
    let mut before = usize::MAX;
    let begun = Instant::now();
    // Until nothing more goes out.
    while sent.load(Ordering::Relaxed) != before {
        before = sent.load(Ordering::Relaxed);
        assert!(begun.elapsed() < PATIENCE && before < 64 << 20, "{before}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    drop(stream);
    // The reader is gone: rows flow again, into nothing, and the server is asked to stop.
    let mut stop = tokio::time::timeout(PATIENCE, fake.accept()).await.unwrap();
    stop.greeting().await;
    while sent.load(Ordering::Relaxed) < before + (8 << 20) {
        assert!(begun.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    flood.abort();
}

#[tokio::test]
async fn logins_that_are_not_what_they_should_be() {
    let welcome = [message(b'R', &[0; 4]), ready()].concat();
    let sasl = message(b'R', &[&[0, 0, 0, 10][..], b"SCRAM-SHA-256\0\0"].concat());
    for (bytes, expect) in [
        (ready(), "do not follow"),
        (message(b'R', &[0, 0, 0, 3]), "clear text"),
        (message(b'R', &[0, 0, 0, 7]), "Kerberos"),
        (message(b'R', &[0, 0, 0, 5, 1]), "do not follow"),
        (message(b'R', &[0]), "do not follow"),
        (message(b'R', &[0, 0, 0, 10, 0]), "no SCRAM"),
        // Lets us in without having shown that it knows the password.
        ([sasl.clone(), welcome.clone()].concat(), "did not prove"),
        ([sasl.clone(), message(b'R', b"\0\0\0\x0bgarbage")].concat(), "cannot log in"),
        (message(b'D', b""), "perhaps not PostgreSQL"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), "perhaps not PostgreSQL"),
        (vec![b'R', 0x7f, 0xff, 0xff, 0xff], "too long"),
        (error("FATAL", "53300"), "max_connections"),
    ] {
        let fake = Fake::new().await;
        let config = fake.config();
        let opening = tokio::spawn(async move { Connection::open(&config).await });
        let mut client = fake.accept().await;
        client.greeting().await;
        client.send(&bytes).await;
        let error = tokio::time::timeout(PATIENCE, opening).await.unwrap().unwrap().err().unwrap();
        assert!(error.is_open() && error.to_string().contains(expect), "{expect}: {error}");
        assert!(!format!("{error:?}").contains("geheim"));
    }
}

#[tokio::test]
async fn the_last_handle_says_goodbye() {
    let fake = Fake::new().await;
    let (connection, mut client) = fake.pair().await;
    let other = connection.clone();
    drop(connection);
    assert_eq!(other.status(), Status::Idle);
    drop(other);
    assert_eq!(client.request().await, "X");
    assert!(client.message().await.is_none());
}
