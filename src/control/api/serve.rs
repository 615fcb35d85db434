//! Connections of the office: over TCP and over the Unix socket, each a bounded number at once.
//!
//! Who sends the head of a request too slowly is cut; who comes when there are too many already is
//! told so, and closed. Counts nothing of payments.

use core::convert::Infallible;
use core::time::Duration;
use std::io;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::Semaphore;
use tower_service::Service;

use super::authority::Way;

/// At once, of each listener: watchers of a dashboard stay.
pub const CONNECTIONS_MAX: usize = 64;

/// From connecting, or from the last answer, to the end of a request's head.
const HEAD_WITHIN: Duration = Duration::from_secs(10);

const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\
    Content-Length: 20\r\n\r\ntoo many connections";

/// Serves whoever dials, for ever.
///
/// # Errors
/// What accepting says that does not go by.
pub async fn network(listener: TcpListener, router: Router) -> io::Result<()> {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        match listener.accept().await {
            Ok((stream, _)) => connection(stream, Way::Network, &router, &places),
            Err(error) => pause(error).await?,
        }
    }
}

/// Serves whoever opens the socket, for ever.
///
/// # Errors
/// What accepting says that does not go by.
pub async fn socket(listener: UnixListener, router: Router) -> io::Result<()> {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        match listener.accept().await {
            // Whose process it is, the kernel says; where it cannot, nobody is let in.
            Ok((stream, _)) => {
                if let Ok(credentials) = stream.peer_cred() {
                    let user = credentials.uid();
                    connection(stream, Way::Socket { user }, &router, &places);
                }
            }
            Err(error) => pause(error).await?,
        }
    }
}

/// Connections that are gone and descriptors that are short go by.
async fn pause(error: io::Error) -> io::Result<()> {
    match error.kind() {
        io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported => Err(error),
        _ => {
            tokio::time::sleep(Duration::from_millis(50)).await;
            Ok(())
        }
    }
}

fn connection<S>(mut stream: S, way: Way, router: &Router, places: &Arc<Semaphore>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Ok(place) = Arc::clone(places).try_acquire_owned() else {
        tracing::warn!(?way, "too many connections to the office: one was refused");
        // A fresh socket takes so little at once; whoever does not read it is closed all the same.
        tokio::spawn(async move {
            let told = tokio::time::timeout(Duration::from_secs(1), stream.write_all(FULL)).await;
            drop(told);
        });
        return;
    };
    let router = router.clone();
    tokio::spawn(async move {
        let answer =
            hyper::service::service_fn(move |request| answer(router.clone(), way, request));
        let served = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_WITHIN)
            .max_buf_size(16 * 1024)
            .serve_connection(TokioIo::new(stream), answer)
            .await;
        if let Err(error) = served {
            tracing::debug!(%error, "a connection to the office has ended badly");
        }
        drop(place);
    });
}

async fn answer(
    mut router: Router,
    way: Way,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let mut request = request.map(Body::new);
    request.extensions_mut().insert(way);
    router.call(request).await
}
