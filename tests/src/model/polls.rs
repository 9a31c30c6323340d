//! Polling a future a given number of times.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

/// Polls so many times at most; gives the output if it was there by then.
pub async fn poll_times<F: Future>(future: &mut Pin<&mut F>, polls: usize) -> Option<F::Output> {
    let mut left = polls;
    poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

/// Polls until `condition` holds; gives the output if it was there before.
pub async fn poll_until<F: Future>(
    future: &mut Pin<&mut F>,
    condition: impl Fn() -> bool,
) -> Option<F::Output> {
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending if condition() => Poll::Ready(None),
        Poll::Pending => Poll::Pending,
    })
    .await
}
