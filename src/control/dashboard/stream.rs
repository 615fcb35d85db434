//! Watchers: each has a short queue of pictures. Whose queue is full does not read, and is cut.

#![expect(
    clippy::disallowed_types,
    reason = "the office may lock: no shard ever waits for it"
)]

use core::pin::Pin;
use core::task::{Context, Poll};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::{Body, Bytes};
use futures_core::Stream;
use tokio::sync::mpsc;

/// Watchers at once.
pub(super) const WATCHERS_MAX: usize = 32;
/// Pictures that wait for one watcher: two seconds of them.
const QUEUE: usize = 4;

/// All who watch, and what they saw last.
#[derive(Debug, Default)]
pub(super) struct Watchers {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    queues: Vec<mpsc::Sender<Bytes>>,
    last: Option<Arc<str>>,
}

impl Watchers {
    fn inner(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One more watcher; none where there are too many. It sees the last picture at once.
    pub(super) fn join(&self) -> Option<Body> {
        let mut inner = self.inner();
        inner.queues.retain(|queue| !queue.is_closed());
        if inner.queues.len() >= WATCHERS_MAX {
            return None;
        }
        let (queue, pictures) = mpsc::channel(QUEUE);
        if let Some(last) = &inner.last {
            let sent = queue.try_send(event(last));
            debug_assert!(sent.is_ok(), "a new queue has room");
        }
        inner.queues.push(queue);
        Some(Body::from_stream(Pictures(pictures)))
    }

    /// Shows everybody a picture. Who is gone, or does not read, is forgotten.
    pub(super) fn show(&self, picture: &str) {
        let mut inner = self.inner();
        inner.last = Some(picture.into());
        let event = event(picture);
        inner
            .queues
            .retain(|queue| queue.try_send(event.clone()).is_ok());
    }

    pub(super) fn last(&self) -> Option<Arc<str>> {
        self.inner().last.clone()
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.inner().queues.len()
    }
}

fn event(picture: &str) -> Bytes {
    Bytes::from(format!("data: {picture}\n\n"))
}

struct Pictures(mpsc::Receiver<Bytes>);

impl Stream for Pictures {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_recv(cx).map(|picture| picture.map(Ok))
    }
}
