//! The clients: so many at a time, each with one request in flight, over connections that are kept until somebody hangs up.
//!
//! They run on a thread of their own, so that the tasks of the service's runtime are the service's alone.

use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::Outcome;
use crate::http::Connection;
use crate::ledger::Fact;
use crate::plan::{HangUp, Plan, Route};
use crate::service::{Service, greeting};
use crate::witness::Check;

/// Nothing takes so long that is not stuck.
const PATIENCE: Duration = Duration::from_secs(120);

/// Sends the requests of these numbers, `in_flight` at a time, and waits until all have ended in one way or another.
pub(crate) async fn run(
    service: &Arc<Service>,
    address: SocketAddr,
    requests: Range<usize>,
    in_flight: usize,
) -> Outcome<()> {
    let next = Arc::new(AtomicUsize::new(requests.start));
    let service = Arc::clone(service);
    let (done, finished) = oneshot::channel();
    let thread = thread::spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build();
        let outcome = runtime.map(|runtime| {
            runtime.block_on(async {
                let mut clients = JoinSet::new();
                for _ in 0..in_flight {
                    let client = Client { service: Arc::clone(&service), address, connection: None };
                    clients.spawn(client.work(Arc::clone(&next), requests.end));
                }
                while let Some(client) = clients.join_next().await {
                    client.expect("a client does not panic");
                }
            });
        });
        // Who waits for it has gone only if all has failed already.
        let _ = done.send(outcome);
    });
    let outcome = finished.await;
    thread.join().map_err(|_| "a client panicked")?;
    Ok(outcome??)
}

/// One that sends a request after the other.
struct Client {
    service: Arc<Service>,
    address: SocketAddr,
    connection: Option<Connection>,
}

impl Client {
    async fn work(mut self, next: Arc<AtomicUsize>, end: usize) {
        loop {
            let request = next.fetch_add(1, Ordering::Relaxed);
            if request >= end {
                return;
            }
            let plan = Plan::of(self.service.seed, request);
            let problem = match timeout(PATIENCE, self.request(&plan)).await {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some(error.to_string()),
                Err(_) => Some("it is stuck".to_owned()),
            };
            if problem.is_some() {
                self.connection = None;
            }
            self.service.witness.check(Check::NoFailure, problem.is_none(), || {
                format!("request {request} to {}: {}", plan.route.path(), problem.unwrap_or_default())
            });
        }
    }

    /// Sends one request, and does with its response what is planned.
    async fn request(&mut self, plan: &Plan) -> std::io::Result<()> {
        let text = text(plan);
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => Connection::open(self.address).await?,
        };
        let is_abrupt = plan.request.is_multiple_of(2);
        match plan.hang_up {
            Some(HangUp::Sending) => {
                connection.send(&text.as_bytes()[..text.len() - 2]).await?;
                sleep(Duration::from_micros(500)).await;
            }
            Some(HangUp::Waiting(patience)) => {
                connection.send(text.as_bytes()).await?;
                sleep(patience).await;
            }
            Some(HangUp::Saving) => {
                let moment = self.service.moment_of_saving(plan.request);
                connection.send(text.as_bytes()).await?;
                // A handler that panics before does not come to it.
                let _ = moment.await;
            }
            Some(HangUp::Reading) => {
                connection.send(text.as_bytes()).await?;
                connection.begin_receiving().await?;
            }
            None => {
                connection.send(text.as_bytes()).await?;
                if let Some(response) = connection.receive().await? {
                    self.judge(plan, response.status, &response.body);
                    self.connection = Some(connection);
                } else {
                    self.ended(plan);
                }
                return Ok(());
            }
        }
        connection.hang_up(is_abrupt);
        self.service.ledger.note(plan.request, Fact::HungUp);
        Ok(())
    }

    /// A whole response has come.
    fn judge(&self, plan: &Plan, status: u16, body: &str) {
        let is_expected = plan.panics_at.is_none() && status == 200;
        self.service.witness.check(Check::NoFailure, is_expected, || {
            format!("request {} to {}: {status} {body}", plan.request, plan.route.path())
        });
        if is_expected {
            self.service.witness.check(Check::OwnResponse, body.starts_with(&greeting(plan)), || {
                format!("request {} got: {body}", plan.request)
            });
            self.service.ledger.note(plan.request, Fact::Acknowledged);
        }
    }

    /// The connection has ended before the response has.
    fn ended(&self, plan: &Plan) {
        self.service.witness.check(Check::NoFailure, plan.panics_at.is_some(), || {
            format!("request {} to {}: the connection ended", plan.request, plan.route.path())
        });
    }
}

fn text(plan: &Plan) -> String {
    let body = match plan.route {
        Route::Browse | Route::Tasks | Route::Race | Route::Stream => String::new(),
        Route::Transfer | Route::DetachedTransfer => format!("{:4}", copies(plan)),
        Route::Note => format!("read by request {}", plan.request),
    };
    let Plan { request, tenant, route, .. } = plan;
    let (method, path, length) = (route.method(), route.path(), body.len());
    format!(
        "{method} {path} HTTP/1.1\r\nhost: library\r\nrequest: {request}\r\ntenant: {tenant}\r\n\
         content-length: {length}\r\n\r\n{body}"
    )
}

/// How many copies a transfer moves.
pub(crate) fn copies(plan: &Plan) -> usize {
    1 + plan.request % 9
}
