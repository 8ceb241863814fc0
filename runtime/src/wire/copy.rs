//! COPY from here.
//!
//! The driver sends a Sync behind the request for it and another behind the rows. A server that takes the rows does not answer to the first;
//! one that refuses answers to both, and the driver, which expects one answer, would give the second to whatever is asked next. So a
//! connection where a COPY was refused is closed, before anything else is read there.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, ready};

use bytes::Bytes;
use futures_sink::Sink;
use tokio_postgres::CopyInSink;

use super::driver::Driver;
use super::{Failure, Prepared, Reading, Session};

/// So many bytes go in one message.
const MESSAGE: usize = 64 * 1024;

/// A COPY that takes rows. Dropped before its end, it stores none.
pub(crate) struct CopyIn(Arc<CopySlot>);

/// The place of a COPY. While one is there, the connection does nothing else.
pub(crate) struct CopySlot(Mutex<Option<Pin<Box<CopyInSink<Bytes>>>>>);

impl CopySlot {
    /// Ends it without storing anything, whoever has it.
    pub(crate) fn leave(&self) {
        let sink = self.sink().take();
        drop(sink);
    }

    fn poll<T>(
        &self,
        poll: impl FnOnce(Pin<&mut CopyInSink<Bytes>>) -> Poll<Result<T, tokio_postgres::Error>>,
    ) -> Poll<Result<T, Failure>> {
        match &mut *self.sink() {
            Some(sink) => poll(sink.as_mut()).map_err(Failure::from),
            None => Poll::Ready(Err(Failure::Over)),
        }
    }

    fn sink(&self) -> MutexGuard<'_, Option<Pin<Box<CopyInSink<Bytes>>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CopyIn {
    pub(crate) fn slot(&self) -> &Arc<CopySlot> {
        &self.0
    }

    /// Hands bytes over once there is room.
    pub(crate) async fn send(&mut self, bytes: Vec<u8>) -> Result<(), Failure> {
        let mut rest = Bytes::from(bytes);
        while !rest.is_empty() {
            let mut message = Some(rest.split_to(rest.len().min(MESSAGE)));
            poll_fn(|cx| {
                self.0.poll(|mut sink| {
                    ready!(sink.as_mut().poll_ready(cx))?;
                    let message = message.take().unwrap_or_default();
                    Poll::Ready(sink.start_send(message))
                })
            })
            .await?;
        }
        Ok(())
    }

    /// The number of rows that were stored.
    pub(crate) async fn end(self) -> Result<u64, Failure> {
        poll_fn(|cx| self.0.poll(|sink| sink.poll_finish(cx))).await
    }
}

impl Session {
    /// Sends a COPY at the first poll, and waits until the server asks for the rows. Of a connection that a task attends to; it is closed when
    /// the server refuses, or nobody waits for that.
    pub(crate) async fn copy_in(&self, prepared: &Prepared) -> Result<CopyIn, Failure> {
        let Reading::Caller(driver) = &self.reading else {
            return Err(Failure::Gone);
        };
        let mut asked = pin!(self.client.copy_in(&prepared.0));
        let mut unanswered = Unanswered(Some(driver));
        let sink = poll_fn(|cx| driver.poll_or_close(|| asked.as_mut().poll(cx))).await?;
        unanswered.0 = None;
        Ok(CopyIn(Arc::new(CopySlot(Mutex::new(Some(Box::pin(sink)))))))
    }
}

/// Nobody knows yet whether the server takes the rows.
struct Unanswered<'d>(Option<&'d Driver>);

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        if let Some(driver) = self.0 {
            driver.close();
        }
    }
}
