//! A way to a server that tests can cut, at any byte of either direction.
//!
//! What was cut ends on both sides, as a broken network or a process in between would end it. A rule holds for whichever
//! connection meets it first, once; connections that come later pass.

use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// What a program asks.
    ToServer,
    /// What it is answered.
    ToClient,
}

impl Direction {
    /// Both.
    pub const ALL: [Self; 2] = [Self::ToServer, Self::ToClient];

    fn at(self) -> usize {
        match self {
            Self::ToServer => 0,
            Self::ToClient => 1,
        }
    }
}

/// What becomes of the connection that a rule meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It ends.
    Cut,
    /// It stays, and nothing comes through any more.
    Stall,
}

#[derive(Debug, Default)]
struct State {
    /// What happens in which direction after so many further bytes.
    rule: Option<(Direction, u64, Fate)>,
    passed: [u64; 2],
    /// How many connections are open.
    open: usize,
}

/// What the connections of one proxy share.
#[derive(Debug)]
struct Way {
    server: String,
    state: Mutex<State>,
    /// How many connections met a rule or were cut, and are not at their end on the side of the server.
    ending: watch::Sender<usize>,
    /// Counts what cuts all connections.
    cuts: watch::Sender<u64>,
}

/// A listener of its own that passes everything on to a server. It goes when dropped, with all its connections.
#[derive(Debug)]
pub struct Proxy {
    way: Arc<Way>,
    address: SocketAddr,
    door: Mutex<Option<JoinHandle<()>>>,
}

impl Proxy {
    /// Stands before `server`, as `host:port`.
    ///
    /// # Errors
    ///
    /// Where it can't listen.
    pub async fn before(server: String) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let (ending, cuts) = (watch::Sender::new(0), watch::Sender::new(0));
        let way = Arc::new(Way { server, state: Mutex::default(), ending, cuts });
        let door = Mutex::new(Some(tokio::spawn(Arc::clone(&way).listen(listener))));
        Ok(Self { way, address, door })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Cuts the connection that brings the byte after `bytes` further ones in `direction`.
    pub fn cut_after(&self, direction: Direction, bytes: u64) {
        self.way.state.lock().rule = Some((direction, bytes, Fate::Cut));
    }

    /// Lets the connection that brings the byte after `bytes` further ones in `direction` hang.
    pub fn stall_after(&self, direction: Direction, bytes: u64) {
        self.way.state.lock().rule = Some((direction, bytes, Fate::Stall));
    }

    /// Takes a rule back that nothing met. Whether there was one.
    pub fn let_pass(&self) -> bool {
        self.way.state.lock().rule.take().is_some()
    }

    /// Cuts every connection that is open now.
    pub fn cut_all(&self) {
        let state = self.way.state.lock();
        self.way.ending.send_modify(|ending| *ending += state.open);
        self.way.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// How many bytes have passed in `direction` so far.
    #[must_use]
    pub fn passed(&self, direction: Direction) -> u64 {
        self.way.state.lock().passed[direction.at()]
    }

    /// Refuses new connections, as a server that is gone.
    pub async fn shut(&self) {
        let door = self.door.lock().take();
        if let Some(door) = door {
            door.abort();
            let _ = door.await;
        }
    }

    /// Takes new connections again.
    ///
    /// # Errors
    ///
    /// Where it can't listen.
    pub async fn open(&self) -> io::Result<()> {
        let listener = TcpListener::bind(self.address).await?;
        *self.door.lock() = Some(tokio::spawn(Arc::clone(&self.way).listen(listener)));
        Ok(())
    }

    /// Waits until the server is done with every connection that was cut.
    ///
    /// # Panics
    ///
    /// When it is not within some seconds.
    pub async fn settled(&self) {
        let mut ending = self.way.ending.subscribe();
        let settled = tokio::time::timeout(Duration::from_secs(10), ending.wait_for(|ending| *ending == 0));
        assert!(settled.await.is_ok(), "the server holds on to a connection that was cut");
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(door) = self.door.lock().take() {
            door.abort();
        }
        self.cut_all();
    }
}

impl Way {
    async fn listen(self: Arc<Self>, listener: TcpListener) {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(Arc::clone(&self).serve(client));
        }
    }

    /// Passes on what one connection brings, until one side or a rule ends it.
    async fn serve(self: Arc<Self>, client: TcpStream) {
        let Ok(server) = TcpStream::connect(&self.server).await else { return };
        let _ = (client.set_nodelay(true), server.set_nodelay(true));
        let mut cuts = {
            let mut state = self.state.lock();
            state.open += 1;
            self.cuts.subscribe()
        };
        let (mut from_client, mut to_client) = client.into_split();
        let (mut from_server, mut to_server) = server.into_split();
        let is_met = AtomicBool::new(false);
        tokio::select! {
            () = self.pass(Direction::ToServer, &mut from_client, &mut to_server, &is_met) => {}
            () = self.pass(Direction::ToClient, &mut from_server, &mut to_client, &is_met) => {}
            _ = cuts.changed() => cuts.mark_changed(),
        }
        let is_cut = {
            let mut state = self.state.lock();
            state.open -= 1;
            cuts.has_changed().unwrap_or(false)
        };
        drop((from_client, to_client));
        // The server may be at work still; it is done when it hangs up.
        let _ = to_server.shutdown().await;
        let mut rest = [0; 4_096];
        while matches!(from_server.read(&mut rest).await, Ok(1..)) {}
        let ended = usize::from(is_met.into_inner()) + usize::from(is_cut);
        self.ending.send_modify(|ending| *ending -= ended);
    }

    async fn pass(
        &self,
        direction: Direction,
        from: &mut OwnedReadHalf,
        to: &mut OwnedWriteHalf,
        is_met: &AtomicBool,
    ) {
        let mut buffer = vec![0; 16_384];
        while let Ok(read @ 1..) = from.read(&mut buffer).await {
            let (passes, fate) = self.meet(direction, read);
            is_met.fetch_or(fate.is_some(), Ordering::Relaxed);
            let is_passed = to.write_all(&buffer[..passes]).await.is_ok();
            match (fate, direction) {
                (None, _) if is_passed => {}
                (None | Some(Fate::Cut), _) => return,
                // That the client hangs up is the one thing that still comes through.
                (Some(Fate::Stall), Direction::ToServer) => {
                    while matches!(from.read(&mut buffer).await, Ok(1..)) {}
                    return;
                }
                (Some(Fate::Stall), Direction::ToClient) => pending::<()>().await,
            }
        }
    }

    /// How many of `bytes` may pass, and what happens then.
    fn meet(&self, direction: Direction, bytes: usize) -> (usize, Option<Fate>) {
        let mut state = self.state.lock();
        let (passes, fate) = match state.rule {
            Some((meant, left, fate)) if meant == direction => {
                match usize::try_from(left).ok().filter(|left| *left < bytes) {
                    Some(left) => (left, Some(fate)),
                    None => (bytes, None),
                }
            }
            Some(_) | None => (bytes, None),
        };
        let passed = u64::try_from(passes).unwrap_or(u64::MAX);
        state.passed[direction.at()] += passed;
        match (&mut state.rule, fate) {
            (rule @ Some(_), Some(_)) => {
                *rule = None;
                self.ending.send_modify(|ending| *ending += 1);
            }
            (Some((meant, left, _)), None) if *meant == direction => *left -= passed,
            (Some(_) | None, _) => {}
        }
        (passes, fate)
    }
}
