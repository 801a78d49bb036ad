//! The body of a request, read within bounds of size and time, and decoded from JSON.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use axum::body::HttpBody;
use axum::extract::Request;
use axum::http::header;
use http_body_util::BodyExt;

use super::service::Service;
use crate::failure::Failure;
use crate::memory::Held;
use crate::options::Options;
use crate::request::{self, weight};

/// Larger bodies are decoded on a thread of their own, so that they hold up no other request.
const DECODED_INLINE_BYTES_MAX: usize = 256 << 10;

/// Reads and decodes the body of `request`. The memory is held for as long as the request needs
/// what was decoded.
pub(crate) async fn read<T: request::Request>(
    service: &Service,
    request: Request,
) -> Result<(T, Held), Failure> {
    let limit = service.options.body_read_timeout;
    let (bytes, held) = match within(limit, collect(service, request)).await {
        Some(result) => result?,
        None => {
            return Err(Failure::new(
                408,
                "BODY_TIMEOUT",
                format!("the body of the request did not arrive within {limit:?}"),
            ));
        }
    };
    if bytes.len() <= DECODED_INLINE_BYTES_MAX {
        return decode(&bytes, held, &service.options);
    }
    let options = service.options.clone();
    let decoded = tokio::task::spawn_blocking(move || decode(&bytes, held, &options)).await;
    decoded.map_err(|_| Failure::new(500, "INTERNAL", "decoding the body failed"))?
}

async fn collect(service: &Service, request: Request) -> Result<(Vec<u8>, Held), Failure> {
    let bytes_max = service.options.body_bytes_max;
    let too_large = || {
        Failure::new(
            413,
            "BODY_TOO_LARGE",
            format!("the body of the request is larger than {bytes_max} bytes (body_bytes_max)"),
        )
    };
    let declared = request.headers().get(header::CONTENT_LENGTH);
    let declared = declared.and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if declared.is_some_and(|bytes| bytes > bytes_max) {
        return Err(too_large());
    }
    let mut held = service.memory.hold();
    let mut bytes = Vec::new();
    let mut body = request.into_body();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Failure::bad("BODY_BROKEN", "the body broke off"))?;
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len() + data.len() > bytes_max {
            return Err(too_large());
        }
        held.grow_to(bytes.len() + data.len())?;
        bytes.extend_from_slice(&data);
        if body.is_end_stream() {
            // To ask once more would take another turn of the connection.
            break;
        }
    }
    Ok((bytes, held))
}

/// What comes within `limit`. A body that has come with its head is handed over by the connection
/// in its next turn: only one that has not is worth a timer.
async fn within<T>(limit: Duration, collected: impl Future<Output = T>) -> Option<T> {
    let mut collected = pin!(collected);
    let mut is_first = true;
    let at_once = poll_fn(|cx| match collected.as_mut().poll(cx) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending if is_first => {
            is_first = false;
            cx.waker().wake_by_ref();
            Poll::Pending
        }
        Poll::Pending => Poll::Ready(None),
    });
    match at_once.await {
        Some(done) => Some(done),
        None => tokio::time::timeout(limit, collected).await.ok(),
    }
}

/// The memory that decoding takes is held before it is done.
fn decode<T: request::Request>(
    bytes: &[u8],
    mut held: Held,
    options: &Options,
) -> Result<(T, Held), Failure> {
    let (weight, max) = (weight::<T>(bytes), options.memory_bytes_max);
    if weight > max {
        return Err(Failure::new(
            413,
            "BODY_TOO_LARGE",
            format!(
                "the values in the body of the request take {weight} bytes of memory, and all \
                 requests together may take {max} (memory_bytes_max); split it"
            ),
        ));
    }
    held.grow_to(weight)?;
    let value = T::decode(bytes, options).map_err(|error| {
        Failure::bad("REQUEST_INVALID", format!("the body is not a request: {error}"))
    })?;
    Ok((value, held))
}
