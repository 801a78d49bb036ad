//! The least that axum can do: a handler that answers the same bytes each time, and looks neither
//! at the request nor at anything else.

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::post;
use axum::serve::ListenerExt;

use crate::Fault;

/// By this word as the first argument, the program is that server.
pub(crate) const WORD: &str = "bare";

/// Answers the contents of the files, at the paths of the doors.
pub(crate) fn serve(files: &[String]) -> Result<(), Fault> {
    let [plain, hrana] = files else { return Err("bare needs two files".into()) };
    let (plain, hrana) = (constant(plain)?, constant(hrana)?);
    let json = || [(CONTENT_TYPE, "application/json")];
    let app = Router::new()
        .route("/v1/query", post(async move || (json(), plain)))
        .route("/v2/pipeline", post(async move || (json(), hrana)));
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        println!("listening on http://{}", listener.local_addr()?);
        let listener = listener.tap_io(|stream| {
            // As the service does.
            let _ = stream.set_nodelay(true);
        });
        Ok(axum::serve(listener, app).await?)
    })
}

fn constant(path: &str) -> Result<&'static [u8], Fault> {
    Ok(std::fs::read(path)?.leak())
}
