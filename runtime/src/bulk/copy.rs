//! Rows by COPY, where they are more than one statement takes.
//!
//! COPY reads values as its columns are, whatever was prepared before. So the transaction first takes hold of the table: from then on its
//! columns stay what they are, and the server is asked what types they have.

use std::sync::Arc;
use std::task::{Context, Poll};

use super::{Call, Column, Rows};
use crate::call;
use crate::codec::plain_length;
use crate::deadline::Deadline;
use crate::error::{Error, Result};
use crate::handle::Handle;
use crate::param::{EncodeError, Encoded, Param, Params, Slots};
use crate::statement::{About, Copied};
use crate::transaction::Core;
use crate::wire::{self, Prepared, Type};

/// So many rows go by one COPY: what the server refuses shows only at its end.
const ROWS: usize = 65_536;

/// So many bytes are written before they are handed over.
const BYTES: usize = 64 * 1024;

/// A signature, flags, and the length of an extension: PostgreSQL's documentation of COPY, "Binary Format".
const HEADER: &[u8] = b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0";
const TRAILER: [u8; 2] = (-1_i16).to_be_bytes();

/// Not through a transaction pooler: what stands there between the driver and the socket knows no COPY.
pub(super) fn works(transaction: &Core) -> bool {
    let lease = transaction.lease();
    lease.is_ok_and(|lease| !lease.pool().target().is_pooled())
}

impl<P: Params> Call<'_, P> {
    /// The number of rows that were stored. `None` where the columns have other types than the parameters: the statement converts values, and
    /// COPY would not.
    pub(super) async fn copies(&self, transaction: &Core, copied: Copied) -> Result<Option<u64>> {
        let of_query = |error: Error| error.of(self.about.origin);
        self.hold_table(transaction).await?;
        let row = self.about.one_row(copied);
        let row = Box::pin(call::prepare_anew(transaction, &row)).await;
        let Some(row) = row.map_err(of_query)? else {
            return Ok(None);
        };
        let copy = self.about.copy(copied);
        let mut stored = 0;
        for (number, rows) in self.rows.chunks(ROWS).enumerate() {
            let first = number * ROWS;
            let copying = self.copy(transaction, &copy, &row, rows, first);
            let copied = match self.about.timeout {
                None => copying.await,
                Some(limit) => {
                    let lease = Arc::downgrade(&transaction.lease().map_err(of_query)?);
                    let deadline = Deadline::new(limit);
                    let expire = |cx: &mut Context<'_>| deadline.poll_within(&lease, cx);
                    call::in_time(&deadline, expire, copying, |_| Poll::Ready(())).await
                }
            };
            stored += copied.map_err(of_query)?;
        }
        Ok(Some(stored))
    }

    /// The statement with no rows: it locks the table against changes of its columns, and what the server refuses of it, it refuses in a
    /// way that leaves the connection as it is.
    async fn hold_table(&self, transaction: &Core) -> Result<()> {
        let one = self.rows.get(..1).unwrap_or_default();
        let mut none = Rows::of(one, 0, self.about, &Arc::default());
        none.columns.iter_mut().for_each(Column::clear);
        let slots = Slots::of(&none);
        let handle = Handle::Transaction(transaction);
        let about = self.about.of_columns();
        let (rows, reply) = call::open(handle, &about, slots.as_slice()).await?;
        call::count(rows, &reply).await?;
        Ok(())
    }

    async fn copy(
        &self,
        transaction: &Core,
        copy: &About,
        row: &Prepared,
        rows: &[P],
        first: usize,
    ) -> Result<u64> {
        let types: Vec<Type<'_>> = row.params().collect();
        let mut copying = call::begin_copy(transaction, copy).await?;
        let mut bytes = HEADER.to_vec();
        for (number, row) in (first..).zip(rows) {
            let slots = Slots::of(row);
            self.write(slots.as_slice(), &types, &mut bytes)
                .map_err(|(place, error)| Error::encoding(error.in_row(place, number)))?;
            if bytes.len() >= BYTES {
                let room = Vec::with_capacity(bytes.len());
                copying.send(std::mem::replace(&mut bytes, room)).await?;
            }
        }
        bytes.extend_from_slice(&TRAILER);
        copying.send(bytes).await?;
        copying.end().await
    }

    /// Writes a row: how many values it has, and each. An error says of which one it is.
    fn write(
        &self,
        values: &[&dyn Param],
        types: &[Type<'_>],
        out: &mut Vec<u8>,
    ) -> Result<(), (usize, EncodeError)> {
        let count = i16::try_from(values.len());
        let count = count.map_err(|_| (0, EncodeError::new("is one of too many")))?;
        out.extend_from_slice(&count.to_be_bytes());
        for (place, (value, ty)) in values.iter().zip(types).enumerate() {
            let mark = out.len() + 4;
            let faulty = |error| (place, error);
            let written = wire::write_part(*value, *ty, out).map_err(faulty)?;
            let array = self
                .about
                .arrays
                .iter()
                .any(|&array| usize::from(array) == place);
            // What fewer rows cannot have, more cannot either.
            if array && written == Encoded::Value {
                plain_length(out.get(mark..).unwrap_or_default()).map_err(faulty)?;
            }
        }
        Ok(())
    }
}
