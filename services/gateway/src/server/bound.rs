//! The body of an answer that ends when the log-in ends which asked for it: after a log-out, a
//! stream that somebody opened with a stolen cookie goes on for nobody.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use http_body::{Body, Frame, SizeHint};
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::admission::Turn;
use crate::login::sessions::Life;

/// A body, and what it depends on.
pub(crate) struct Bound<B> {
    inner: B,
    /// While this is held, the log-in counts as used.
    life: Option<(Life, Pin<Box<WaitForCancellationFutureOwned>>)>,
    /// The connection counts as used as long as this goes on.
    _turn: Turn,
}

impl<B: Body> Bound<B> {
    pub(crate) fn new(inner: B, life: Option<Life>, turn: Turn) -> Self {
        if inner.size_hint().exact().is_none() {
            turn.goes_on();
        }
        let life = life.map(|life| {
            let end = Box::pin(life.token().clone().cancelled_owned());
            (life, end)
        });
        Self {
            inner,
            life,
            _turn: turn,
        }
    }
}

impl<B: Body + Unpin> Body for Bound<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        if let Some((_, end)) = &mut self.life
            && Future::poll(end.as_mut(), context).is_ready()
        {
            return Poll::Ready(None);
        }
        Pin::new(&mut self.inner).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
