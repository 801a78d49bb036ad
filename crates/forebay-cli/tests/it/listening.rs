//! `forebay serve` with TLS and on sockets: what goes together, and that a client that nobody here
//! wrote (openssl's) is answered.

use std::io::Write;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::clients::show;
use crate::process::{Service, ended, forebay, run, stdout};

/// A certificate for `localhost` and its key in `tls.crt` and `tls.key`; false, and said, where
/// openssl is missing.
fn certificate(folder: &Path) -> bool {
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout tls.key";
    let made = Command::new("openssl")
        .args(format!("req -x509 -days 30 -subj /CN=localhost -out tls.crt {key}").split(' '))
        .args(["-addext", "subjectAltName=DNS:localhost"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .current_dir(folder)
        .output();
    let Ok(made) = made else {
        show("skipped: openssl, which makes certificates, is missing");
        return false;
    };
    assert!(made.status.success(), "{made:?}");
    true
}

#[test]
fn openssl_is_answered_over_tls() {
    let folder = tempfile::tempdir().unwrap();
    if !certificate(folder.path()) {
        return;
    }
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let tls = ["--listen-tls", &free, "--tls-cert", "tls.crt", "--tls-key", "tls.key"];
    let service = Service::start(folder.path(), &[&["app.db"], &tls[..]].concat());
    let mut client = Command::new("openssl")
        .args(["s_client", "-quiet", "-verify_return_error", "-verify_hostname", "localhost"])
        .args(["-CAfile", "tls.crt", "-alpn", "http/1.1", "-connect", &free])
        .current_dir(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let request = "GET /health/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let mut input = client.stdin.take().unwrap();
    input.write_all(request.as_bytes()).unwrap();
    let output = client.wait_with_output().unwrap();
    assert!(stdout(&output).starts_with("HTTP/1.1 200 OK"), "{output:?}");
    drop(input);
    let (code, out, said) = service.stop("TERM");
    assert_eq!(
        (code, out.trim_end()),
        (Some(0), &*format!("listening on https://{free}")),
        "{said}"
    );
}

#[test]
fn what_does_not_go_together_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let has_certificate = certificate(folder.path());
    let (plain, tls) = (["--listen", "127.0.0.1:0"], ["--listen-tls", "127.0.0.1:0"]);
    let both = ["--tls-cert", "tls.crt", "--tls-key", "tls.key"];
    let public = [&["--listen-tls", "0.0.0.0:0"], &both[..]].concat();
    for (args, code, says) in [
        (&["--no-listen"][..], 2, "nowhere to listen"),
        (&tls, 2, "--tls-cert FILE and --tls-key FILE"),
        (&[&tls[..], &both[..2]].concat(), 2, "--tls-cert FILE and --tls-key FILE"),
        (&both, 2, "nothing listens with it"),
        (&[&["--listen-tls", "localhost"], &both[..]].concat(), 2, "localhost is not ADDR:PORT"),
        (&["--listen-unix", "s", "--unix-mode", "888"], 2, "octal"),
        (&["--listen-unix", "no/such/folder"], 1, "cannot listen on no/such/folder"),
        (&[&tls[..], &["--tls-cert", "no.crt", "--tls-key", "no.key"]].concat(), 1, "no.crt"),
    ] {
        let output = run(folder.path(), &[&["serve", "app.db"], &plain[..], args].concat());
        ended(&output, code, says);
        assert_eq!(stdout(&output), "", "{args:?}: it was never ready");
    }
    if has_certificate {
        // TLS keeps others from reading along, not from asking.
        let args = [&["serve", "app.db"], &plain[..], &public].concat();
        ended(&run(folder.path(), &args), 2, "--token-file");
    }
    assert!(!folder.path().join("app.db").exists(), "it leaves no trace");
}

#[cfg(unix)]
#[test]
fn it_listens_on_a_socket_alone() {
    let folder = tempfile::tempdir().unwrap();
    let args =
        ["serve", "app.db", "--no-listen", "--listen-unix", "a.sock", "--listen-unix", "b.sock"];
    let mut child = forebay(folder.path()).args(args).stdout(Stdio::piped()).spawn().unwrap();
    for place in ["unix:a.sock", "unix:b.sock"] {
        let started = std::time::Instant::now();
        while run(folder.path(), &["ready", place]).status.code() != Some(0) {
            assert!(started.elapsed().as_secs() < 30, "{place} is not ready");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }
    crate::process::signal(&child, "TERM");
    assert_eq!(crate::process::wait(&mut child), Some(0));
    let output = child.wait_with_output().unwrap();
    assert_eq!(stdout(&output), "listening on unix:a.sock\nlistening on unix:b.sock\n");
    assert!(!folder.path().join("a.sock").exists() && !folder.path().join("b.sock").exists());
}
