//! One question to a switch, over its Unix socket or over TCP with a token, and its answer.

use std::path::{Path, PathBuf};

use axum::body::{Body, Bytes, to_bytes};
use hyper::client::conn::http1;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use zeroize::Zeroizing;

use crate::cli::exit::{Exit, Failure};

/// Largest answer: a table.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// A switch is asked to wait for this at most: publishing a large table.
const PATIENCE: core::time::Duration = core::time::Duration::from_secs(70);

/// What is sent.
#[derive(Clone, Debug)]
pub(super) struct Question {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) body: Vec<u8>,
}

impl Question {
    /// Something is read.
    pub(super) fn get(path: impl Into<String>) -> Self {
        Self {
            method: Method::GET,
            path: path.into(),
            body: Vec::new(),
        }
    }
}

/// Which switch, and who asks.
pub(super) struct Way {
    to: To,
    token: Option<Zeroizing<String>>,
}

enum To {
    Socket(PathBuf),
    /// `host:port`.
    Network(String),
}

impl Way {
    /// Over its socket.
    pub(super) fn socket(path: &Path) -> Self {
        Self {
            to: To::Socket(path.to_owned()),
            token: None,
        }
    }

    /// Over TCP. There is no TLS yet: what is not this machine goes through a tunnel.
    pub(super) fn network(url: &str) -> Result<Self, Failure> {
        let host = url
            .strip_prefix("http://")
            .map(|rest| rest.trim_end_matches('/'));
        match host.filter(|host| !host.contains('/') && host.contains(':')) {
            Some(host) => Ok(Self {
                to: To::Network(host.to_owned()),
                token: None,
            }),
            None => Err(
                Failure::new(Exit::Usage, format!("\"{url}\" is not http://HOST:PORT"))
                    .hint("the ready file names the address as `admin`"),
            ),
        }
    }

    /// As whoever has the token in this file.
    pub(super) fn with_token(mut self, path: &Path) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(path).map_err(|error| {
            let problem = format!("cannot read the token file {}: {error}", path.display());
            Failure::new(Exit::Usage, problem).hint("name a file that this user may read")
        })?;
        let text = Zeroizing::new(text);
        self.token = Some(Zeroizing::new(text.trim().to_owned()));
        Ok(self)
    }

    /// In words.
    fn name(&self) -> String {
        match &self.to {
            To::Socket(path) => path.display().to_string(),
            To::Network(host) => format!("http://{host}"),
        }
    }

    /// Asks, and waits for the answer.
    pub(super) fn ask(&self, question: Question) -> Result<(StatusCode, Bytes), Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build();
        let answer = runtime
            .map_err(|error| error.to_string())
            .and_then(|runtime| {
                runtime.block_on(async {
                    tokio::time::timeout(PATIENCE, self.carry(question))
                        .await
                        .unwrap_or_else(|_| Err("it took too long".to_owned()))
                })
            });
        answer.map_err(|problem| {
            let problem = format!("no answer from {}: {problem}", self.name());
            Failure::new(Exit::Environment, problem).hint(
                "is the switch running, and yours? Its ready file names the socket (--socket) and \
                 the address (--url)",
            )
        })
    }

    async fn carry(&self, question: Question) -> Result<(StatusCode, Bytes), String> {
        match &self.to {
            To::Socket(path) => {
                let link = tokio::net::UnixStream::connect(path).await;
                let link = link.map_err(|error| error.to_string())?;
                self.over(link, "switch", question).await
            }
            To::Network(host) => {
                let link = tokio::net::TcpStream::connect(host).await;
                let link = link.map_err(|error| error.to_string())?;
                self.over(link, host, question).await
            }
        }
    }

    async fn over(
        &self,
        link: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        host: &str,
        question: Question,
    ) -> Result<(StatusCode, Bytes), String> {
        let (mut sender, connection) = http1::handshake(TokioIo::new(link))
            .await
            .map_err(|error| error.to_string())?;
        let carried = tokio::spawn(connection);
        let mut request = Request::builder()
            .method(question.method)
            .uri(question.path)
            .header("host", host);
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {}", token.as_str()));
        }
        let request = request
            .body(Body::from(question.body))
            .map_err(|error| error.to_string())?;
        let answer = sender.send_request(request).await;
        let answer = answer.map_err(|error| error.to_string())?;
        let status = answer.status();
        let body = to_bytes(Body::new(answer.into_body()), ANSWER_BYTES_MAX).await;
        carried.abort();
        Ok((status, body.map_err(|error| error.to_string())?))
    }
}
