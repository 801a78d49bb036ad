//! The database as an extractor of handlers. Pages have theirs beside their parameters.

use std::convert::Infallible;

use axum_core::extract::{FromRef, FromRequestParts};
use http::request::Parts;

use crate::db::Db;

/// The database of the application's state: the state itself, or whatever part of it `FromRef`
/// gives. Never refused.
impl<S> FromRequestParts<S> for Db
where
    Db: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = Infallible;

    async fn from_request_parts(_: &mut Parts, state: &S) -> Result<Db, Infallible> {
        Ok(Db::from_ref(state))
    }
}
