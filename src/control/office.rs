//! The operations thread: health, readiness, metrics and the admin API over HTTP, and the signals
//! of the system.
//!
//! It starts before the shards, so that a switch that recovers for a minute is seen to be alive and
//! not ready. It holds no payment and blocks no shard.

#![expect(
    clippy::disallowed_types,
    reason = "the office may lock: no shard ever waits for it"
)]

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::unix::net::UnixListener as Socket;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use tokio::net::{TcpListener, UnixListener};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc as letters, oneshot};

use crate::control::api::{self, Api, Lobby, serve as connections};
use crate::control::dashboard::{self, Dashboard, Subject};
use crate::control::life::{self, Herald, Look, Pulse, Stuck};
use crate::control::metrics::{CONTENT_TYPE, EachSample, Metrics};
use crate::shard::stats::Counters;
use crate::sys::clock::Clock;
use crate::sys::error::MachineError;
use crate::sys::threads;

/// What the shards are told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    /// Accept nothing new, answer what is in flight, then end. The first SIGTERM or SIGINT.
    Drain,
    /// End now. The second.
    Stop,
}

/// What the office needs of running shards.
pub struct Feed {
    /// Reads every number.
    pub samples: EachSample,
    /// Why the shards cannot take payments, if they cannot (a fenced journal, a full one).
    pub unready: Box<dyn Fn() -> Option<String> + Send + Sync>,
    /// Passes an order on.
    pub order: Box<dyn Fn(Order) + Send + Sync>,
    /// What the dashboard shows.
    pub subject: Option<Subject>,
    /// The shards, to see that they live.
    pub shards: Vec<Arc<Counters>>,
}

impl fmt::Debug for Feed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Feed")
    }
}

/// The thread, its address, and the switch behind it.
#[derive(Debug)]
pub struct Office {
    address: SocketAddr,
    board: Arc<Board>,
    lobby: Arc<Lobby>,
    sockets: letters::Sender<Socket>,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Office {
    /// Listens on `address` and takes over the signals.
    pub fn start(address: SocketAddr) -> Result<Self, OfficeError> {
        let board = Arc::new(Board::default());
        let (stop, stopped) = oneshot::channel();
        let (started, start) = mpsc::channel();
        let (sockets, socket) = letters::channel(1);
        let (asked, told) = (Arc::clone(&board), Arc::clone(&board));
        let lobby = Arc::new(Lobby::new(move || asked.unready(), move || told.drain()));
        let post = Post {
            board: Arc::clone(&board),
            lobby: Arc::clone(&lobby),
            socket,
            stopped,
        };
        let thread = threads::spawn("office", move || run(address, post, &started))
            .map_err(OfficeError::Thread)?;
        let address = start.recv().map_err(|_| OfficeError::Gone)??;
        Ok(Self {
            address,
            board,
            lobby,
            sockets,
            stop,
            thread,
        })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The shards are recovered and listen. An order that came before is passed on now.
    pub fn open(&self, feed: Feed) {
        if let Some(subject) = feed.subject {
            self.board.dashboard.open(subject);
        }
        let mut desk = self.board.desk();
        if let Some(order) = desk.order {
            (feed.order)(order);
        }
        desk.metrics = Some(Metrics::new(Arc::new(feed.samples)));
        desk.unready = Some(feed.unready);
        desk.shards = feed.shards;
        desk.pass = Some(feed.order);
    }

    /// Lets operators in, over the admin address and over `socket`, which does not block. Once.
    pub fn admit(&self, api: Api, socket: Socket) {
        self.lobby.open(api);
        if self.sockets.try_send(socket).is_err() {
            tracing::error!("the operations thread has ended: nobody serves the admin socket");
        }
    }

    /// The order that has come so far.
    pub fn ordered(&self) -> Option<Order> {
        self.board.desk().order
    }

    /// Ends the thread.
    pub fn close(self) {
        if self.stop.send(()).is_err() {
            tracing::warn!("the operations thread had ended before");
        }
        if self.thread.join().is_err() {
            tracing::error!("the operations thread panicked");
        }
    }
}

/// Why the office could not start.
#[derive(thiserror::Error, Debug)]
pub enum OfficeError {
    /// No thread.
    #[error("{0}")]
    Thread(MachineError),
    /// No io_uring.
    #[error("cannot start the operations thread's io_uring: {0}")]
    Ring(io::Error),
    /// No signals.
    #[error("cannot take over SIGTERM and SIGINT: {0}")]
    Signals(io::Error),
    /// No address.
    #[error("cannot serve the admin address {address}: {source}")]
    Address {
        /// Which.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// It ended before it began.
    #[error("the operations thread ended at its start")]
    Gone,
}

impl OfficeError {
    /// What the operator can do.
    pub fn remedy(&self) -> &str {
        match self {
            Self::Thread(error) => error.remedy(),
            Self::Ring(_) => {
                "allow io_uring: sysctl kernel.io_uring_disabled=0, a seccomp profile that has it, \
                 and enough locked memory (ulimit -l)"
            }
            Self::Signals(_) => "see the system's message",
            Self::Address { source, .. } => match source.kind() {
                io::ErrorKind::AddrInUse => {
                    "another process has this port: change `admin.address`, or use port 0"
                }
                io::ErrorKind::AddrNotAvailable => {
                    "no interface of this machine has the address: change `admin.address`"
                }
                io::ErrorKind::PermissionDenied => {
                    "ports below 1024 need a privilege: change `admin.address`"
                }
                _ => "change `admin.address`",
            },
            Self::Gone => "see the log for the reason",
        }
    }
}

/// What the thread and its owner share.
#[derive(Debug, Default)]
struct Board {
    desk: Mutex<Desk>,
    dashboard: Arc<Dashboard>,
}

#[derive(Default)]
struct Desk {
    metrics: Option<Metrics>,
    unready: Option<Box<dyn Fn() -> Option<String> + Send + Sync>>,
    pass: Option<Box<dyn Fn(Order) + Send + Sync>>,
    order: Option<Order>,
    shards: Vec<Arc<Counters>>,
    pulse: Pulse,
    stuck: Option<Stuck>,
}

impl fmt::Debug for Desk {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Desk")
            .field("order", &self.order)
            .finish_non_exhaustive()
    }
}

impl Board {
    fn desk(&self) -> std::sync::MutexGuard<'_, Desk> {
        // Whatever panicked left the desk whole: each change is one assignment.
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next signal: first drain, then stop.
    fn signalled(&self) {
        let mut desk = self.desk();
        let order = match desk.order {
            None => {
                life::tell_ending();
                Order::Drain
            }
            Some(Order::Drain | Order::Stop) => Order::Stop,
        };
        desk.order = Some(order);
        if let Some(pass) = &desk.pass {
            pass(order);
        }
    }

    /// As the first signal does; later ones change nothing.
    fn drain(&self) {
        if self.desk().order.is_none() {
            self.signalled();
        }
    }

    /// Why payments cannot be taken.
    fn unready(&self) -> Option<String> {
        let desk = self.desk();
        match (desk.order, &desk.unready) {
            (Some(Order::Drain), _) => Some("draining: in-flight payments are answered".to_owned()),
            (Some(Order::Stop), _) => Some("stopping".to_owned()),
            (None, None) => Some("starting: the journal is being recovered".to_owned()),
            (None, Some(unready)) => unready(),
        }
    }
}

impl Board {
    /// Whether the shards turn, and what systemd is to hear of it.
    fn look(&self, herald: &mut Herald) -> Vec<String> {
        let unready = self.unready();
        let now = Clock.now().monotonic;
        let mut desk = self.desk();
        let Desk { shards, pulse, .. } = &mut *desk;
        let stuck = pulse.feel(life::turns(shards), now);
        if let (Some(stuck), None) = (stuck, desk.stuck) {
            tracing::error!(%stuck, "the switch does not live any more: start it again");
        }
        desk.stuck = stuck;
        let look = Look {
            open: desk.pass.is_some(),
            stuck,
            unready: unready.as_deref(),
        };
        herald.words(&look, now)
    }
}

type Started = mpsc::Sender<Result<SocketAddr, OfficeError>>;

/// What the thread is given.
struct Post {
    board: Arc<Board>,
    lobby: Arc<Lobby>,
    socket: letters::Receiver<Socket>,
    stopped: oneshot::Receiver<()>,
}

/// The body of the thread.
fn run(address: SocketAddr, post: Post, started: &Started) {
    let outcome = tokio_uring::Runtime::new(&tokio_uring::builder())
        .map_err(OfficeError::Ring)
        .and_then(|runtime| runtime.block_on(serve(address, post, started)));
    if let Err(error) = outcome
        && let Err(unheard) = started.send(Err(error))
    {
        tracing::error!(reason = ?unheard.0, "the operations thread has failed");
    }
}

async fn serve(address: SocketAddr, post: Post, started: &Started) -> Result<(), OfficeError> {
    let at = |source| OfficeError::Address { address, source };
    let listener = TcpListener::bind(address).await.map_err(at)?;
    let local = listener.local_addr().map_err(at)?;
    let terminate = signal(SignalKind::terminate()).map_err(OfficeError::Signals)?;
    let interrupt = signal(SignalKind::interrupt()).map_err(OfficeError::Signals)?;
    let watched = Arc::clone(&post.board);
    let unready = move || watched.unready();
    let router = Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(Arc::clone(&post.board))
        .merge(api::router(&post.lobby))
        .merge(dashboard::page())
        .fallback(api::asked::nothing)
        .method_not_allowed_fallback(api::asked::not_so)
        .layer(Extension(Arc::clone(&post.board.dashboard)));
    started.send(Ok(local)).map_err(|_| OfficeError::Gone)?;
    // Dropping the server cuts its connections: nobody may hold up the end of a switch.
    tokio::select! {
        served = connections::network(listener, router.clone()) => served.map_err(at),
        served = admitted(post.socket, router, &post.lobby) => served.map_err(at),
        () = watch(terminate, interrupt, &post.board) => Ok(()),
        () = post.board.dashboard.run(&unready) => Ok(()),
        () = post.board.dashboard.watch() => Ok(()),
        () = live(&post.board) => Ok(()),
        _ = post.stopped => Ok(()),
    }
}

/// Serves the Unix socket once there is one.
async fn admitted(
    mut socket: letters::Receiver<Socket>,
    router: Router,
    lobby: &Lobby,
) -> io::Result<()> {
    let Some(socket) = socket.recv().await else {
        return core::future::pending().await;
    };
    let listener = UnixListener::from_std(socket)?;
    tokio::select! {
        served = connections::socket(listener, router) => served,
        () = tend(lobby) => Ok(()),
    }
}

/// Shards that were slow get what they missed, and what nobody has any more is let go.
#[expect(clippy::infinite_loop, reason = "the office's end drops it")]
async fn tend(lobby: &Lobby) {
    loop {
        tokio::time::sleep(TEND_EVERY).await;
        lobby.tend();
    }
}

const TEND_EVERY: core::time::Duration = core::time::Duration::from_secs(1);

async fn watch(mut terminate: Signal, mut interrupt: Signal, board: &Board) {
    loop {
        tokio::select! {
            _ = terminate.recv() => tracing::info!(signal = "SIGTERM", "told to end"),
            _ = interrupt.recv() => tracing::info!(signal = "SIGINT", "told to end"),
        }
        board.signalled();
    }
}

/// Looks after the shards, and tells systemd.
#[expect(clippy::infinite_loop, reason = "the office's end drops it")]
async fn live(board: &Board) {
    let mut herald = Herald::new(sd_notify::watchdog_enabled(), Clock.now().monotonic);
    loop {
        life::tell(&board.look(&mut herald));
        tokio::time::sleep(life::LOOK_EVERY).await;
    }
}

async fn healthz(State(board): State<Arc<Board>>) -> Response {
    match board.desk().stuck {
        None => "alive\n".into_response(),
        Some(stuck) => {
            let text = format!("not alive: {stuck}\n");
            (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
        }
    }
}

async fn readyz(State(board): State<Arc<Board>>) -> Response {
    match board.unready() {
        None => "ready\n".into_response(),
        Some(reason) => (
            StatusCode::SERVICE_UNAVAILABLE,
            format!("not ready: {reason}\n"),
        )
            .into_response(),
    }
}

async fn metrics(State(board): State<Arc<Board>>) -> Response {
    let text = board.desk().metrics.as_ref().map(Metrics::text);
    let text = text.unwrap_or_else(|| "# EOF\n".to_owned());
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response()
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpStream;

    use super::*;
    use crate::model::metric::{Sample, Value};

    fn ask(address: SocketAddr, path: &str) -> String {
        let mut link = TcpStream::connect(address).unwrap();
        write!(
            link,
            "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        link.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn it_is_alive_at_once_and_ready_once_opened() {
        let office = Office::start("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = office.address();
        assert!(ask(address, "/healthz").ends_with("alive\n"));
        let early = ask(address, "/readyz");
        assert!(
            early.starts_with("HTTP/1.1 503") && early.contains("recovered"),
            "{early}"
        );

        let (told, orders) = mpsc::channel();
        office.open(Feed {
            samples: Box::new(|visit| {
                visit(&Sample {
                    name: "links_now",
                    help: "Links",
                    labels: &[],
                    value: Value::Gauge(2),
                });
            }),
            unready: Box::new(|| None),
            order: Box::new(move |order| told.send(order).unwrap()),
            subject: None,
            shards: Vec::new(),
        });
        assert!(ask(address, "/readyz").starts_with("HTTP/1.1 200"));
        assert!(ask(address, "/metrics").contains("cpg_switch_links_now 2"));
        assert!(ask(address, "/nothing").starts_with("HTTP/1.1 404"));

        office.board.signalled();
        assert!(ask(address, "/readyz").contains("draining"));
        office.board.signalled();
        assert_eq!(
            orders.try_iter().collect::<Vec<_>>(),
            [Order::Drain, Order::Stop]
        );
        assert_eq!(office.ordered(), Some(Order::Stop));
        office.close();
        TcpStream::connect(address).expect_err("nobody listens any more");
    }

    #[test]
    fn an_order_that_comes_during_recovery_is_not_lost() {
        let office = Office::start("127.0.0.1:0".parse().unwrap()).unwrap();
        office.board.signalled();
        let (told, orders) = mpsc::channel();
        office.open(Feed {
            samples: Box::new(|_| {}),
            unready: Box::new(|| None),
            order: Box::new(move |order| told.send(order).unwrap()),
            subject: None,
            shards: Vec::new(),
        });
        assert_eq!(orders.try_recv(), Ok(Order::Drain));
        office.close();
    }

    #[test]
    fn a_busy_port_is_named_with_its_remedy() {
        let first = Office::start("127.0.0.1:0".parse().unwrap()).unwrap();
        let error = Office::start(first.address()).unwrap_err();
        let words = error.to_string();
        assert!(words.contains(&first.address().to_string()), "{words}");
        assert!(error.remedy().contains("port 0"), "{}", error.remedy());
        first.close();
    }
}
