//! What is answered where something is refused: `application/problem+json` (RFC 9457), always with
//! a remedy. Never holds what was sent.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// One refusal.
#[derive(Clone, Debug)]
pub struct Problem {
    status: StatusCode,
    detail: String,
    remedy: String,
    errors: Value,
}

impl Problem {
    /// What is wrong, and what to do.
    pub fn new(status: StatusCode, detail: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            status,
            detail: detail.into(),
            remedy: remedy.into(),
            errors: Value::Null,
        }
    }

    /// With each of the things that are wrong.
    #[must_use]
    pub fn with_errors(self, errors: Value) -> Self {
        Self { errors, ..self }
    }

    /// 400: the request says too little, or something else than it may.
    pub fn request(detail: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail, remedy)
    }

    /// 409: it would be good at another time.
    pub fn conflict(detail: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, detail, remedy)
    }

    /// 404: there is no such thing.
    pub fn absent(detail: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail, remedy)
    }

    /// In one line.
    pub fn line(&self) -> String {
        format!("{}; {}", self.detail, self.remedy)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut body = json!({
            "type": "about:blank",
            "title": self.status.canonical_reason(),
            "status": self.status.as_u16(),
            "detail": self.detail,
            "remedy": self.remedy,
        });
        if !self.errors.is_null()
            && let Some(members) = body.as_object_mut()
        {
            members.insert("errors".to_owned(), self.errors);
        }
        let mut response = (self.status, body.to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
        if self.status == StatusCode::UNAUTHORIZED {
            let bearer = HeaderValue::from_static("Bearer");
            headers.insert(header::WWW_AUTHENTICATE, bearer);
        }
        response
    }
}

const CONTENT_TYPE: &str = "application/problem+json";
