//! COPY from here.
//!
//! The driver sends a Sync behind the request for it and another behind the rows. A server that takes the rows does not answer to the first;
//! one that refuses answers to both, and the driver, which expects one answer, would give the second to whatever is asked next. So a
//! connection where a COPY was refused is closed, before anything else is read there.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};

use bytes::Bytes;
use futures_sink::Sink;
use tokio_postgres::CopyInSink;

use super::driver::Driver;
use super::{Failure, Prepared, Reading, Session};

/// So many bytes go in one message.
const MESSAGE: usize = 64 * 1024;

/// A COPY that takes rows. Dropped before its end, it stores none.
pub(crate) struct CopyIn(Pin<Box<CopyInSink<Bytes>>>);

impl CopyIn {
    /// Hands bytes over once there is room.
    pub(crate) async fn send(&mut self, bytes: Vec<u8>) -> Result<(), Failure> {
        let mut rest = Bytes::from(bytes);
        while !rest.is_empty() {
            let message = rest.split_to(rest.len().min(MESSAGE));
            poll_fn(|cx| self.0.as_mut().poll_ready(cx)).await?;
            self.0.as_mut().start_send(message)?;
        }
        Ok(())
    }

    /// The number of rows that were stored.
    pub(crate) async fn end(mut self) -> Result<u64, Failure> {
        Ok(self.0.as_mut().finish().await?)
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
        Ok(CopyIn(Box::pin(sink)))
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
