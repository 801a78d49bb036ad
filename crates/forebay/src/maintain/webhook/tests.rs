//! Webhooks against real listeners: answers of all kinds, none at all, and TLS.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Instant, SystemTime};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::maintain::alert::AlertKind;

fn alert(task: &str) -> MaintenanceAlert {
    MaintenanceAlert {
        database: "app".into(),
        kind: AlertKind::Failed,
        task: task.into(),
        check: None,
        severity: "warning".into(),
        before: "ok".into(),
        message: "why".into(),
        at: SystemTime::UNIX_EPOCH,
    }
}

/// Answers one request after another with these; what has been asked comes back at the end.
async fn listen(answers: &'static [&'static str]) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook?key=secret", listener.local_addr().unwrap());
    let task = tokio::spawn(async move {
        let mut asked = Vec::new();
        for answer in answers {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"}") {
                assert_ne!(socket.read_buf(&mut request).await.unwrap(), 0);
            }
            asked.push(String::from_utf8(request).unwrap());
            if !answer.is_empty() {
                let text = format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\n\r\n");
                socket.write_all(text.as_bytes()).await.unwrap();
            }
        }
        asked
    });
    (url, task)
}

fn quick(url: &str, retries: u32) -> Webhook {
    let ms = Duration::from_millis;
    Webhook::new(url).unwrap().retry(Retry::new(retries).backoff(ms(1), ms(2)))
}

#[tokio::test]
async fn an_alert_is_posted() {
    let (url, listener) = listen(&["204 No Content"]).await;
    let webhook = quick(&url, 0).header("Authorization", "Bearer hidden").unwrap();
    let shown = format!("{webhook:?}");
    assert!(!shown.contains("secret") && !shown.contains("hidden"), "{shown}");
    webhook.send(&Bytes::from(alert("vacuum").to_json())).await.unwrap();
    let asked = listener.await.unwrap();
    let (head, body) = asked[0].split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /hook?key=secret HTTP/1.1\r\n"), "{head}");
    for line in ["content-type: application/json", "authorization: Bearer hidden", "host: 127.0."] {
        assert!(head.contains(line), "{head}");
    }
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!((&body["kind"], &body["task"]), (&"failed".into(), &"vacuum".into()));
}

#[tokio::test]
async fn what_may_pass_is_tried_again_and_nothing_else() {
    let check = async |answers: &'static [&'static str], is_sent: bool| {
        let (url, listener) = listen(answers).await;
        let sent = quick(&url, 5).timeout(Duration::from_millis(200)).send(&"{}".into()).await;
        assert_eq!(sent.is_ok(), is_sent, "{answers:?}: {sent:?}");
        let tries = listener.await.unwrap().len();
        assert_eq!(tries, answers.len(), "{answers:?}");
        if let Err(error) = sent {
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    };
    check(&["503 x", "429 x", "408 x", "500 x", "200 OK"], true).await;
    // It hangs up without an answer.
    check(&["", "202 x"], true).await;
    check(&["404 x"], false).await;
    check(&["302 x"], false).await;
    let gone = quick("http://127.0.0.1:1/", 2);
    assert!(gone.send(&"{}".into()).await.unwrap_err().to_string().contains("no connection"));
}

#[tokio::test]
async fn nobody_waits_for_one_that_hangs() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let held = Arc::new(AtomicUsize::new(0));
    let count = held.clone();
    let silent = tokio::spawn(async move {
        let mut sockets = Vec::new();
        loop {
            sockets.push(listener.accept().await.unwrap());
            count.fetch_add(1, Ordering::Relaxed);
        }
    });
    let courier = Courier::start(&quick(&url, 0).timeout(Duration::from_secs(60)));
    let began = Instant::now();
    // Far more than the queue has room for.
    for _ in 0..QUEUE_MAX * 3 {
        courier.take(&alert("vacuum"));
    }
    assert!(began.elapsed() < Duration::from_secs(5), "it did not wait");
    while held.load(Ordering::Relaxed) == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    drop(courier);
    silent.abort();
}

#[test]
fn addresses() {
    let check = |url: &str, expect: Option<(&str, u16)>| {
        let webhook = Webhook::new(url);
        assert_eq!(webhook.as_ref().ok().map(Webhook::host), expect, "{url}");
    };
    check("https://hooks.example.com/a", Some(("hooks.example.com", 443)));
    check("http://[::1]:8080/", Some(("::1", 8080)));
    check("http://localhost", Some(("localhost", 80)));
    for none in ["", "/path", "ftp://host/", "http://", "http://user:secret@host/", "host:80"] {
        check(none, None);
    }
    assert!(Webhook::new("http://h/").unwrap().header("X", "a\r\nY: b").is_err());
}

/// A server whose certificate was made by `openssl`; skipped where that is missing.
#[tokio::test]
async fn certificates_are_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let (key, certificate) = (folder.path().join("key.pem"), folder.path().join("cert.pem"));
    let made = std::process::Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"])
        .args(["-nodes", "-days", "2", "-subj", "/CN=localhost"])
        .args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output();
    if !made.is_ok_and(|it| it.status.success()) {
        println!("skipped: openssl made no certificate");
        return;
    }
    let chain = vec![CertificateDer::from_pem_file(&certificate).unwrap()];
    let key = rustls::pki_types::PrivateKeyDer::from_pem_file(&key).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let server = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(server));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let served = tokio::spawn(async move {
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            let Ok(mut socket) = acceptor.accept(socket).await else { continue };
            let mut request = Vec::new();
            while !request.ends_with(b"}") && socket.read_buf(&mut request).await.unwrap() > 0 {}
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
            socket.write_all(answer).await.unwrap();
        }
    });
    let hook = |host: &str| quick(&format!("https://{host}:{port}/"), 0);
    let stranger = hook("localhost").send(&"{}".into()).await.unwrap_err();
    assert!(stranger.to_string().contains("no TLS"), "{stranger}");
    let trusted = hook("127.0.0.1").root_certificates(&certificate);
    trusted.send(&"{}".into()).await.unwrap();
    served.abort();
}
