//! With the features `schemars` and `utoipa`: schemas of the JSON that the feature `serde` makes of the types of columns. What has a text
//! form is a string; the rest has the shape of its fields.

use super::bits::Bits;
use super::geometry::{Circle, Line, Path, Point, Polygon, Rectangle, Segment};
use super::network::{MacAddr, MacAddr8, Network};
use super::numeric::Numeric;
use super::search::{TsQuery, TsVector};
use super::system::{Lsn, Snapshot, Tid, TimeTz};

macro_rules! texts {
    ($each:ident) => {
        $each! {
            Bits Circle Line Path Point Polygon Rectangle Segment MacAddr MacAddr8 Network Numeric TsQuery TsVector Lsn Snapshot Tid
            TimeTz
        }
    };
}

#[cfg(feature = "schemars")]
mod json_schema {
    use super::*;

    macro_rules! string {
        ($($name:ident)*) => { $(
            impl schemars::JsonSchema for $name {
                fn inline_schema() -> bool {
                    true
                }

                fn schema_name() -> std::borrow::Cow<'static, str> {
                    stringify!($name).into()
                }

                fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                    schemars::json_schema!({ "type": "string" })
                }
            }
        )* };
    }

    texts! { string }
}

#[cfg(feature = "utoipa")]
mod to_schema {
    use std::borrow::Cow;

    use utoipa::__dev::ComposeSchema;
    use utoipa::openapi::RefOr;
    use utoipa::openapi::schema::{
        ArrayBuilder, ObjectBuilder, OneOfBuilder, Schema, SchemaType, Type,
    };
    use utoipa::{PartialSchema, ToSchema};

    use super::*;
    use crate::codec::array::Array;
    use crate::codec::interval::Interval;
    use crate::codec::json::Json;
    use crate::codec::range::{Multirange, Range};
    use crate::codec::system::Money;
    use crate::codec::versioned::{JsonPath, Lquery, Ltree, Ltxtquery};
    use crate::codec::wire::Binary;

    fn of(ty: Type) -> ObjectBuilder {
        ObjectBuilder::new().schema_type(ty)
    }

    /// What a generic type is of: given where the type is the field of a struct.
    fn inner(schemas: Vec<RefOr<Schema>>) -> RefOr<Schema> {
        let any = || {
            ObjectBuilder::new()
                .schema_type(SchemaType::AnyValue)
                .into()
        };
        schemas.into_iter().next().unwrap_or_else(any)
    }

    fn word(word: &str) -> ObjectBuilder {
        of(Type::String).enum_values(Some([word]))
    }

    fn field(name: &str, value: impl Into<RefOr<Schema>>) -> ObjectBuilder {
        of(Type::Object).property(name, value).required(name)
    }

    fn list(items: impl Into<RefOr<Schema>>) -> ArrayBuilder {
        ArrayBuilder::new().items(items.into())
    }

    fn range(of_what: &RefOr<Schema>) -> OneOfBuilder {
        let bound = || {
            OneOfBuilder::new()
                .item(word("Unbounded"))
                .item(field("Included", of_what.clone()))
                .item(field("Excluded", of_what.clone()))
        };
        let bounds = field("lower", bound())
            .property("upper", bound())
            .required("upper");
        OneOfBuilder::new()
            .item(word("Empty"))
            .item(field("Bounds", bounds))
    }

    macro_rules! schema {
        ($name:ident, $schema:expr) => {
            impl PartialSchema for $name {
                fn schema() -> RefOr<Schema> {
                    RefOr::from($schema)
                }
            }

            impl ToSchema for $name {
                fn name() -> Cow<'static, str> {
                    stringify!($name).into()
                }
            }
        };
        // What `derive(ToSchema)` writes for a struct with a parameter.
        ($name:ident<T>, |$of:ident| $schema:expr) => {
            impl<T> ComposeSchema for $name<T> {
                fn compose(schemas: Vec<RefOr<Schema>>) -> RefOr<Schema> {
                    let $of = inner(schemas);
                    RefOr::from($schema)
                }
            }

            impl<T> ToSchema for $name<T> {
                fn name() -> Cow<'static, str> {
                    stringify!($name).into()
                }
            }
        };
    }

    macro_rules! string {
        ($($name:ident)*) => { $(schema! { $name, of(Type::String) })* };
    }

    texts! { string }
    string! { JsonPath Lquery Ltree Ltxtquery }
    schema! { Money, of(Type::Integer) }
    schema! { Binary, list(of(Type::Integer)) }
    schema! {
        Interval,
        ["months", "days", "microseconds"]
            .into_iter()
            .fold(of(Type::Object), |fields, name| fields.property(name, of(Type::Integer)).required(name))
    }
    schema! { Json<T>, |of| of }
    schema! { Range<T>, |of| range(&of) }
    schema! { Multirange<T>, |of| list(range(&of)) }
    schema! {
        Array<T>,
        |of| field("elements", list(of)).required("dimensions").property(
            "dimensions",
            list(
                field("length", self::of(Type::Integer))
                    .property("first", self::of(Type::Integer))
                    .required("first"),
            ),
        )
    }
}
