//! What ties generated structs and enums to the runtime. Each expands to plain impls that call the crate by path.

/// Makes a struct the parameters of a query: its fields, in the order of `$1`, `$2`, ….
///
/// ```
/// # use sqlmill_runtime::types::Uuid;
/// pub struct GetUser<'a> {
///     pub user_id: Uuid,
///     pub email: &'a str,
/// }
///
/// sqlmill_runtime::params! { GetUser<'_> { user_id, email } }
/// ```
#[macro_export]
macro_rules! params {
    ($name:ident $(<$lifetime:lifetime>)? { $($field:ident),* $(,)? }) => {
        impl $crate::Params for $name $(<$lifetime>)? {
            fn bind<'p>(&'p self, slots: &mut $crate::Slots<'p>) {
                $(slots.push(&self.$field);)*
            }

            fn check(check: &mut $crate::Check<'_>) -> ::core::option::Option<Self> {
                let ($(::core::option::Option::Some($field),)*) = ($({
                    let $field = check.param(::core::stringify!($field));
                    $field
                },)*) else {
                    return ::core::option::Option::None;
                };
                ::core::option::Option::Some(Self { $($field),* })
            }
        }
    };
}

/// Makes a struct a row: its fields, in the order of the query's columns. A second name is the struct that borrows
/// from the reply; a row without text, bytes or the like has none.
///
/// ```
/// # use sqlmill_runtime::types::Uuid;
/// pub struct User {
///     pub id: Uuid,
///     pub name: Option<String>,
/// }
///
/// pub struct UserRef<'a> {
///     pub id: Uuid,
///     pub name: Option<&'a str>,
/// }
///
/// sqlmill_runtime::row! { User, UserRef { id, name } }
///
/// pub struct Count {
///     pub organization_id: Uuid,
///     pub members: i64,
/// }
///
/// sqlmill_runtime::row! { Count { organization_id, members } }
/// ```
#[macro_export]
macro_rules! row {
    ($name:ident, $borrowed:ident { $($field:ident),* $(,)? }) => {
        impl $crate::Row for $name {
            type Ref<'r> = $borrowed<'r>;
            $crate::__read! { read, Self, $name { $($field),* } }
            $crate::__read! { borrow, Self::Ref<'r>, $borrowed { $($field),* } }
        }
    };
    ($name:ident { $($field:ident),* $(,)? }) => {
        impl $crate::Row for $name {
            type Ref<'r> = $name;
            $crate::__read! { read, Self, $name { $($field),* } }

            fn borrow<'r, S: $crate::Source<'r>>(source: &mut S) -> ::core::option::Option<Self> {
                Self::read(source)
            }
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __read {
    ($function:ident, $returns:ty, $name:ident { $($field:ident),* }) => {
        fn $function<'r, S: $crate::Source<'r>>(
            source: &mut S,
        ) -> ::core::option::Option<$returns> {
            // One pattern for all columns: it costs the compiler less than a `?` for each.
            let ($(::core::option::Option::Some($field),)*) = ($({
                let $field = source.column(::core::stringify!($field));
                $field
            },)*) else {
                return ::core::option::Option::None;
            };
            ::core::option::Option::Some($name { $($field),* })
        }
    };
}

/// Makes a Rust enum stand for an enum of the database: each variant with its label.
///
/// ```
/// #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
/// pub enum AssetType {
///     Chat,
///     MetricFile,
/// }
///
/// sqlmill_runtime::enumeration! {
///     AssetType: "public"."asset_type_enum" { Chat = "chat", MetricFile = "metric_file" }
/// }
/// ```
#[macro_export]
macro_rules! enumeration {
    ($name:ident: $schema:literal . $type:literal { $($variant:ident = $label:literal),* $(,)? }) => {
        impl $crate::Enumeration for $name {
            const TYPE: $crate::TypeName = $crate::TypeName::new($schema, $type);
            const LABELS: &'static [(&'static str, Self)] = &[$(($label, Self::$variant)),*];

            fn label(self) -> &'static str {
                match self {
                    $(Self::$variant => $label),*
                }
            }
        }

        impl $crate::SqlType for $name {
            fn accepts(ty: $crate::Type<'_>) -> bool {
                $crate::accepts_enumeration::<Self>(ty)
            }

            fn expected() -> ::std::borrow::Cow<'static, str> {
                $crate::expected_enumeration::<Self>()
            }
        }

        impl $crate::Column<'_> for $name {
            fn decode(raw: &[u8]) -> ::core::result::Result<Self, $crate::DecodeError> {
                $crate::decode_enumeration(raw)
            }
        }

        impl $crate::Value for $name {
            type Ref<'r> = Self;
        }

        impl $crate::Param for $name {
            fn encode(
                &self,
                _: $crate::Type<'_>,
                out: &mut $crate::Buffer<'_>,
            ) -> ::core::result::Result<$crate::Encoded, $crate::EncodeError> {
                $crate::encode_enumeration(*self, out)
            }
        }
    };
}

/// Makes a struct stand for a composite type of the database: its fields, in order. As with [`row!`], a second name is
/// the struct that borrows from the reply.
///
/// ```
/// #[derive(Debug, Clone, PartialEq)]
/// pub struct Address {
///     pub street: Option<String>,
///     pub zip: Option<String>,
/// }
///
/// #[derive(Debug, Clone, PartialEq)]
/// pub struct AddressRef<'a> {
///     pub street: Option<&'a str>,
///     pub zip: Option<&'a str>,
/// }
///
/// sqlmill_runtime::composite! { Address, AddressRef: "public"."address" { street, zip } }
/// ```
#[macro_export]
macro_rules! composite {
    ($name:ident, $borrowed:ident: $schema:literal . $type:literal { $($field:ident),* $(,)? }) => {
        $crate::__composite! { $name, $borrowed<'r>, $borrowed: $schema . $type { $($field),* } }

        impl $crate::SqlType for $borrowed<'_> {
            fn accepts(ty: $crate::Type<'_>) -> bool {
                $crate::accepts_composite::<$name>(ty)
            }

            fn expected() -> ::std::borrow::Cow<'static, str> {
                $crate::expected_composite::<$name>()
            }
        }

        impl<'r> $crate::Column<'r> for $borrowed<'r> {
            fn decode(raw: &'r [u8]) -> ::core::result::Result<Self, $crate::DecodeError> {
                $crate::decode_composite_ref::<$name>(raw)
            }
        }
    };
    ($name:ident: $schema:literal . $type:literal { $($field:ident),* $(,)? }) => {
        $crate::__composite! { $name, $name, $name: $schema . $type { $($field),* } }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __composite {
    ($name:ident, $ref:ty, $build:ident: $schema:literal . $type:literal { $($field:ident),* }) => {
        impl $crate::Composite for $name {
            const TYPE: $crate::TypeName = $crate::TypeName::new($schema, $type);
            type Ref<'r> = $ref;
            $crate::__read! { read, Self, $name { $($field),* } }
            $crate::__read! { borrow, Self::Ref<'r>, $build { $($field),* } }

            fn write(&self, fields: &mut $crate::Fields<'_, '_, '_>) {
                $(fields.push(&self.$field);)*
            }
        }

        impl $crate::SqlType for $name {
            fn accepts(ty: $crate::Type<'_>) -> bool {
                $crate::accepts_composite::<Self>(ty)
            }

            fn expected() -> ::std::borrow::Cow<'static, str> {
                $crate::expected_composite::<Self>()
            }
        }

        impl $crate::Column<'_> for $name {
            fn decode(raw: &[u8]) -> ::core::result::Result<Self, $crate::DecodeError> {
                $crate::decode_composite(raw)
            }
        }

        impl $crate::Value for $name {
            type Ref<'r> = $ref;
        }

        impl $crate::Param for $name {
            fn encode(
                &self,
                ty: $crate::Type<'_>,
                out: &mut $crate::Buffer<'_>,
            ) -> ::core::result::Result<$crate::Encoded, $crate::EncodeError> {
                $crate::encode_composite(self, ty, out)
            }
        }
    };
}

/// Ties the variants of an enum to the constraints that a query can violate: by table and name, or, for NOT NULL, by
/// table and column.
///
/// ```
/// #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
/// pub enum CreateUserConstraint {
///     UsersEmailKey,
///     UsersEmailNotNull,
/// }
///
/// sqlmill_runtime::constraints! {
///     CreateUserConstraint {
///         UsersEmailKey = "public"."users" "users_email_key",
///         UsersEmailNotNull = "public"."users" column "email",
///     }
/// }
/// ```
///
/// The constraint of a domain has the domain's name in place of a table: `"public"."email" "email_check"`; its
/// NOT NULL is `"public"."email" domain`.
#[macro_export]
macro_rules! constraints {
    ($name:ident { $($variant:ident = $schema:literal . $relation:literal $($what:ident)? $($text:literal)?),+ $(,)? }) => {
        impl $crate::Constraint for $name {
            const ALL: &'static [(Self, $crate::Rule)] = &[
                $((Self::$variant, $crate::__rule!($schema, $relation, $($what)? $($text)?))),+
            ];
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __rule {
    ($schema:literal, $relation:literal, column $column:literal) => {
        $crate::Rule::not_null($schema, $relation, $column)
    };
    ($schema:literal, $relation:literal, domain) => {
        $crate::Rule::domain_not_null($schema, $relation)
    };
    ($schema:literal, $relation:literal, $constraint:literal) => {
        $crate::Rule::named($schema, $relation, $constraint)
    };
}

/// Lists a module's statements, for [`verify!`](crate::verify).
///
/// ```
/// # use sqlmill_runtime::Statement;
/// # static COUNT_USERS: Statement<(), i64> = Statement::new("users::count_users", "queries/users.sql:1", "SELECT count(*) FROM users");
/// sqlmill_runtime::statements! { USERS_STATEMENTS: COUNT_USERS }
/// ```
#[macro_export]
macro_rules! statements {
    ($list:ident: $($statement:ident),* $(,)?) => {
        // Public, as a module may be a package of its own; named after it, as all may be re-exported side by side.
        #[doc(hidden)]
        pub const $list: &[&dyn $crate::AnyStatement] = &[$(&$statement),*];
    };
}

/// Makes the function that holds a crate's queries against the database.
#[macro_export]
macro_rules! verify {
    ($($module:ident::$list:ident),* $(,)?) => {
        /// Prepares every query of this crate on the live database and compares parameters and columns with what the crate
        /// was compiled for, all in one go. To be called when a service starts: the error names each query that does not fit.
        pub async fn verify(
            db: &impl $crate::Reader,
        ) -> ::core::result::Result<(), $crate::VerifyError> {
            $crate::verify(db, &[$($module::$list),*]).await
        }
    };
}
