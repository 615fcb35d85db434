//! What a request says, taken apart: its query, the number in its path, its body. What cannot be
//! read is refused as everything else is, with a remedy. No value that was sent is repeated.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;

use super::problem::Problem;

const SEE: &str = "`GET /v1/openapi.json` says what it takes";

/// Characters of a parser's own words that are passed on.
const WORDS_MAX: usize = 160;

/// A query.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<T>(pub(super) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let read = Query::<T>::from_request_parts(parts, state).await;
        // The parser names parameters and kinds of values, never a value.
        read.map(|Query(asked)| Self(asked)).map_err(|wrong| {
            let words: String = wrong.body_text().chars().take(WORDS_MAX).collect();
            Problem::request(format!("the query cannot be read: {words}"), SEE).into_response()
        })
    }
}

/// What stands in a path.
#[derive(Clone, Copy, Debug)]
pub(super) struct Named<T>(pub(super) T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Named<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let read = Path::<T>::from_request_parts(parts, state).await;
        read.map(|Path(named)| Self(named)).map_err(|_| {
            let detail = "what the path names is not of the kind that there is";
            Problem::absent(detail, SEE).into_response()
        })
    }
}

/// A body, whole.
#[derive(Clone, Debug)]
pub(super) struct Sent(pub(super) Bytes);

impl<S: Send + Sync> FromRequest<S> for Sent {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let read = Bytes::from_request(request, state).await;
        read.map(Self).map_err(|wrong| {
            let (detail, remedy) = match wrong.status() {
                StatusCode::PAYLOAD_TOO_LARGE => ("the body is too large", "send less"),
                _ => (
                    "the body cannot be read to its end",
                    "send it whole, and again",
                ),
            };
            Problem::new(wrong.status(), detail, remedy).into_response()
        })
    }
}

/// Nothing is there.
pub(in crate::control) async fn nothing() -> Problem {
    Problem::absent("there is nothing under this path", SEE)
}

/// Something is there, and not this can be done with it.
pub(in crate::control) async fn not_so() -> Problem {
    let detail = "this cannot be done with what is under this path";
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, detail, SEE)
}
