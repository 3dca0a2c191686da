//! A client that closes its own side after its request still gets the answer.
//!
//! hyper takes the end of what it reads for a client that has gone, and drops an answer that is not yet
//! written; told to allow such clients, it would not see anybody go who looks at a stream. So the end
//! is kept from it while an answer that ends by itself is made and sent, and only then.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::atomic::{AtomicBool, Ordering},
    task::{Context, Poll, ready},
};

use futures_util::task::AtomicWaker;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::admission::Badge;

/// Whether an answer that ends by itself is on its way.
#[derive(Debug, Default)]
pub(super) struct Owed {
    owed: AtomicBool,
    reader: AtomicWaker,
}

impl Owed {
    pub(super) fn begin(&self) {
        self.owed.store(true, Ordering::Release);
    }

    /// It was given, or goes on for ever.
    pub(super) fn end(&self) {
        self.owed.store(false, Ordering::Release);
        self.reader.wake();
    }

    fn poll_end(&self, context: &Context<'_>) -> Poll<()> {
        self.reader.register(context.waker());
        if self.owed.load(Ordering::Acquire) {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    }
}

/// Passes everything on but the end of what the client says, which comes when nothing is owed to it.
pub(super) struct LastWord<S> {
    inner: S,
    badge: Badge,
}

impl<S> LastWord<S> {
    pub(super) fn new(inner: S, badge: Badge) -> Self {
        Self { inner, badge }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for LastWord<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(context, buffer))?;
        if buffer.filled().len() == before {
            ready!(self.badge.owed().poll_end(context));
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for LastWord<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}
