//! The dashboard: one page served by the switch itself, and the numbers that it shows.
//!
//! ```text
//! counters -> picture, twice a second -> /v1/board (the last), /v1/board/stream (each)
//! journal, archive -> /v1/payments?reference=...
//! ```
//!
//! The page needs nothing from elsewhere. No shard is asked for anything: counters are read, and so
//! are files. Watchers are few and bounded; who does not read is cut.

pub mod find;
pub mod picture;
mod stream;

#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};

use crate::control::api::authority::Role;
use crate::control::api::problem::Problem;
use crate::control::api::{Door, Holds, Parameter, Verb};
use crate::control::dashboard::picture::Painter;
use crate::control::dashboard::stream::Watchers;
use crate::control::monitor::{self, Monitor};
use crate::control::readings::Readings;
use crate::sys::clock::Clock;

/// Between two pictures.
const EVERY: Duration = Duration::from_millis(500);

/// What the page may do: load what this switch serves beside it, and talk to it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
                      connect-src 'self'; img-src 'self' data:; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";

/// The parts of the page.
const PARTS: [(&str, &str, &str); 6] = [
    (
        "/",
        "text/html; charset=utf-8",
        include_str!("page/board.html"),
    ),
    (
        "/board.css",
        "text/css; charset=utf-8",
        include_str!("page/board.css"),
    ),
    (
        "/board.js",
        "text/javascript; charset=utf-8",
        include_str!("page/board.js"),
    ),
    (
        "/board-draw.js",
        "text/javascript; charset=utf-8",
        include_str!("page/board-draw.js"),
    ),
    (
        "/board-desk.js",
        "text/javascript; charset=utf-8",
        include_str!("page/board-desk.js"),
    ),
    (
        "/board-words.js",
        "text/javascript; charset=utf-8",
        include_str!("page/board-words.js"),
    ),
];

/// What a dashboard shows: what can be read, and where the journal is.
#[derive(Debug)]
pub struct Subject {
    /// Counters, participants, bounds.
    pub readings: Arc<Readings>,
    /// The directory of the journal.
    pub data: PathBuf,
}

/// One dashboard. It has a subject once the shards are recovered.
#[derive(Debug, Default)]
pub struct Dashboard {
    subject: OnceLock<Subject>,
    watchers: Watchers,
    finder: find::Desk,
    monitor: Monitor,
}

impl Dashboard {
    /// From now on there is something to see. Once.
    pub fn open(&self, subject: Subject) {
        let opened = self.subject.set(subject);
        debug_assert!(opened.is_ok(), "a switch opens once");
    }

    /// Draws pictures for whoever watches, for ever.
    #[expect(
        clippy::infinite_loop,
        reason = "it ends with the office, which drops it"
    )]
    pub async fn run(&self, unready: &(dyn Fn() -> Option<String> + Sync)) {
        let mut painter = None;
        loop {
            tokio::time::sleep(EVERY).await;
            let Some(subject) = self.subject.get() else {
                continue;
            };
            let painter = painter.get_or_insert_with(|| Painter::new(&subject.readings));
            painter.look(Clock.monotonic());
            let picture = painter.paint(unready(), &self.monitor.open());
            self.watchers.show(&picture.to_string());
        }
    }

    /// Watches over what is read, for ever.
    #[expect(
        clippy::infinite_loop,
        reason = "it ends with the office, which drops it"
    )]
    pub async fn watch(&self) {
        loop {
            tokio::time::sleep(monitor::EVERY).await;
            if let Some(subject) = self.subject.get() {
                self.monitor.look(&subject.readings, Clock.now().wall);
            }
        }
    }

    /// What is not as usual.
    pub(in crate::control) const fn monitor(&self) -> &Monitor {
        &self.monitor
    }

    /// Where the last picture is kept for whoever asks for one.
    fn last(&self) -> Option<Arc<str>> {
        self.watchers.last()
    }
}

/// The page itself, which is nobody's secret.
pub fn page() -> Router {
    PARTS
        .iter()
        .fold(Router::new(), |router, (path, kind, text)| {
            router.route(path, get(async || part(kind, text)))
        })
}

fn part(kind: &'static str, text: &'static str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, text).into_response()
}

/// What the page shows, for whoever may view.
pub(in crate::control) const DOORS: &[Door] = &[
    Door {
        verb: Verb::Get,
        path: "/v1/board",
        role: Role::View,
        summary: "The last picture of the dashboard: counts, times, participants, shards.",
        query: &[],
        handler: || get(board),
    },
    Door {
        verb: Verb::Get,
        path: "/v1/board/stream",
        role: Role::View,
        summary: "Two pictures a second, as server-sent events. At most 32 watch.",
        query: &[],
        handler: || get(watch),
    },
    Door {
        verb: Verb::Get,
        path: "/v1/payments",
        role: Role::View,
        summary: "What became of a payment or refund, found in the journal and the archive.",
        query: &[Parameter::new(
            "reference",
            Holds::Text,
            "INSTITUTION/YYYYMMDD/REFERENCE, a reference, or a match key of either side",
        )
        .required()],
        handler: || get(find::payments),
    },
];

/// `GET /v1/board`: the last picture.
pub async fn board(Extension(dashboard): Extension<Arc<Dashboard>>) -> Response {
    match dashboard.last() {
        Some(picture) => json_text(picture.as_ref().to_owned()),
        None => starting(),
    }
}

/// `GET /v1/board/stream`: each picture as a server-sent event.
pub async fn watch(Extension(dashboard): Extension<Arc<Dashboard>>) -> Response {
    if dashboard.last().is_none() {
        return starting();
    }
    match dashboard.watchers.join() {
        Some(body) => {
            let kind = HeaderValue::from_static("text/event-stream");
            ([(header::CONTENT_TYPE, kind)], body).into_response()
        }
        None => problem(
            StatusCode::SERVICE_UNAVAILABLE,
            "as many watch as may watch",
            "close a page that nobody looks at",
        ),
    }
}

fn starting() -> Response {
    problem(
        StatusCode::SERVICE_UNAVAILABLE,
        "there is no picture yet: the switch is starting",
        "ask again in a second",
    )
}

fn json_text(text: String) -> Response {
    let kind = HeaderValue::from_static("application/json");
    let keep = HeaderValue::from_static("no-store");
    let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, keep)];
    (headers, text).into_response()
}

fn problem(status: StatusCode, detail: &str, remedy: &str) -> Response {
    Problem::new(status, detail, remedy).into_response()
}
