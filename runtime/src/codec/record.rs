//! Rows without a type of their own, `row(1, 'a')`, as tuples.

use super::composite::FieldValues;
use super::oid;
use crate::row::{Column, DecodeError, Value};
use crate::sql_type::SqlType;
use crate::wire::Type;

/// The server says what the fields are in every value, so there they are looked at.
macro_rules! records {
    () => {};
    ($first:ident $($rest:ident)*) => {
        impl<$first: SqlType, $($rest: SqlType),*> SqlType for ($first, $($rest,)*) {
            fn accepts(ty: Type<'_>) -> bool {
                ty.oid() == oid::RECORD
            }
        }

        impl<'r, $first: Column<'r>, $($rest: Column<'r>),*> Column<'r> for ($first, $($rest,)*) {
            fn decode(raw: &'r [u8]) -> Result<Self, DecodeError> {
                let mut fields = FieldValues::open(raw)?;
                let value = (fields.field::<$first>()?, $(fields.field::<$rest>()?,)*);
                fields.close(Some(value))
            }
        }

        impl<$first: Value, $($rest: Value),*> Value for ($first, $($rest,)*) {
            type Ref<'r> = ($first::Ref<'r>, $($rest::Ref<'r>,)*);
        }

        records! { $($rest)* }
    };
}

records! { A B C D E F G H I J K L }
