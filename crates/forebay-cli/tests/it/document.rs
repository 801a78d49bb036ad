//! The document at `/openapi.json` against the service that shows it, by schemathesis. How many
//! requests are tried for each route is set by `FOREBAY_TEST_EXAMPLES`.

use crate::clients::{python_script, show};
use crate::process::{Service, stderr, stdout};

const TOKEN: &str = "a-token-for-everything";

#[test]
fn every_answer_is_one_that_the_document_describes() {
    let Some(mut command) = python_script("document.py") else { return };
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("token"), TOKEN).unwrap();
    let task = "[[maintenance.task]]\nrun = 'optimize'\nschedule = '0 3 * * *'\n";
    std::fs::write(folder.path().join("f.toml"), task).unwrap();
    let tokens = ["--token-file", "token", "--admin-token-file", "token"];
    let service =
        Service::start(folder.path(), &[&["app.db", "--config", "f.toml"], &tokens[..]].concat());
    let url = format!("http://{}", service.address);
    let file = folder.path().join("app.db");
    let output = command.arg(url).arg(file).env("FOREBAY_TEST_TOKEN", TOKEN).output().unwrap();
    let said = stdout(&output);
    assert!(
        output.status.success() && said.contains("passed: "),
        "{}\n{said}\n{}",
        output.status,
        stderr(&output)
    );
    show(&format!("schemathesis {}", said.trim_end()));
    let (code, _, said) = service.stop("TERM");
    assert_eq!(code, Some(0), "{said}");
    assert!(!said.contains("panicked"), "{said}");
}
