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
///
/// With filters and choices they say which of several texts is sent: a filter is there where its field is `Some`, or `true` of a flag; a
/// choice is an enum's variant by its place. What a filter takes beside its first parameter are parts of a tuple.
///
/// ```
/// # use sqlmill_runtime::types::Uuid;
/// #[derive(Clone, Copy)]
/// pub enum ListReportsOrder {
///     Newest,
///     Name,
/// }
///
/// pub struct ListReports<'a> {
///     pub organization_id: Uuid,
///     pub name: Option<&'a str>,
///     pub size: Option<(i32, i32)>,
///     pub order: ListReportsOrder,
/// }
///
/// sqlmill_runtime::params! {
///     ListReports<'_> { organization_id, name, size.0, size.1 }
///     filters { name, size }
///     choices { order }
/// }
/// ```
///
/// Where `kept` names patches, a call in which all of them keep sends the second text of the statement's choice.
#[macro_export]
macro_rules! params {
    ($name:ident $(<$lifetime:lifetime>)? { $($field:ident),* $(,)? }) => {
        impl $crate::Params for $name $(<$lifetime>)? {
            const NAMES: &'static [&'static str] = &[$(::core::stringify!($field)),*];

            fn bind<'p>(&'p self, slots: &mut $crate::Slots<'p>) {
                $($crate::Bind::bind(&self.$field, slots);)*
            }
        }
    };
    ($name:ident $(<$lifetime:lifetime>)? { $($field:ident),* $(,)? }
     kept { $($patch:ident),* $(,)? }) => {
        impl $crate::Params for $name $(<$lifetime>)? {
            const VARIES: bool = true;
            const NAMES: &'static [&'static str] = &[$(::core::stringify!($field)),*];

            fn variant(&self) -> $crate::Variant {
                let kept = $(self.$patch.is_keep())&&*;
                $crate::Variant::default().choice(0, u8::from(kept))
            }

            fn bind<'p>(&'p self, slots: &mut $crate::Slots<'p>) {
                $($crate::Bind::bind(&self.$field, slots);)*
            }
        }
    };
    ($name:ident $(<$lifetime:lifetime>)? { $($field:ident $(. $part:tt)?),* $(,)? }
     filters { $($filter:ident),* $(,)? }
     choices { $($choice:ident),* $(,)? }) => {
        impl $crate::Params for $name $(<$lifetime>)? {
            const VARIES: bool = true;
            const NAMES: &'static [&'static str] = &[$(::core::stringify!($field)),*];

            fn variant(&self) -> $crate::Variant {
                $crate::Variant::of(&[$($crate::Given::given(&self.$filter)),*], &[$(self.$choice as u8),*])
            }

            fn bind<'p>(&'p self, slots: &mut $crate::Slots<'p>) {
                $($crate::__bind!(slots, self.$field $(. $part)?);)*
            }
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __bind {
    ($slots:ident, $self:ident.$field:ident) => {
        $crate::Bind::bind(&$self.$field, $slots)
    };
    ($slots:ident, $self:ident.$field:ident.$part:tt) => {
        $slots.push_part($self.$field.as_ref().map(|parts| &parts.$part))
    };
}

/// Gives a parameter struct that has patches the functions that fill it: `new` with all else, and for each patch one that sets it.
/// Where NULL may be set, a second name is the function that does so.
///
/// ```
/// # use sqlmill_runtime::{Patch, types::Uuid};
/// #[derive(Debug, Clone, Copy)]
/// pub struct UpdateUser<'a> {
///     pub user_id: Uuid,
///     pub name: Patch<Option<&'a str>>,
///     pub is_active: Patch<bool>,
/// }
///
/// sqlmill_runtime::params! { UpdateUser<'_> { user_id, name, is_active } }
///
/// sqlmill_runtime::patches! {
///     UpdateUser<'a>: new(user_id: Uuid) {
///         name or clear_name: &'a str,
///         is_active: bool,
///     }
/// }
///
/// let update = UpdateUser::new(Uuid::nil()).name("Ada").is_active(true);
/// assert_eq!(update.name, Patch::Set(Some("Ada")));
/// assert!(update.clear_name().name.is_clear());
/// ```
#[macro_export]
macro_rules! patches {
    ($name:ident $(<$lifetime:lifetime>)? $(: new($($given:ident: $type:ty),* $(,)?))? {
        $($patch:ident $(or $clear:ident)?: $value:ty),* $(,)?
    }) => {
        impl $(<$lifetime>)? $name $(<$lifetime>)? {
            $crate::__patches! { $(new($($given: $type),*))? $($patch)* }
            $($crate::__patch! { $patch $(or $clear)?: $value })*
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __patches {
    (new($($given:ident: $type:ty),*) $($patch:ident)*) => {
        /// Keeps all columns, until some are set.
        pub const fn new($($given: $type),*) -> Self {
            Self { $($given,)* $($patch: $crate::Patch::Keep),* }
        }
    };
    ($($patch:ident)*) => {};
}

#[doc(hidden)]
#[macro_export]
macro_rules! __patch {
    ($patch:ident: $value:ty) => {
        #[doc = ::core::concat!("Sets `", ::core::stringify!($patch), "`.")]
        pub fn $patch(mut self, value: $value) -> Self {
            self.$patch = $crate::Patch::Set(value);
            self
        }
    };
    ($patch:ident or $clear:ident: $value:ty) => {
        #[doc = ::core::concat!("Sets `", ::core::stringify!($patch), "`.")]
        pub fn $patch(mut self, value: $value) -> Self {
            self.$patch = $crate::Patch::Set(::core::option::Option::Some(value));
            self
        }

        #[doc = ::core::concat!("Sets `", ::core::stringify!($patch), "` to NULL.")]
        pub fn $clear(mut self) -> Self {
            self.$patch = $crate::Patch::clear();
            self
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

/// Lets a [`row!`](crate::row) stand within other rows as well: as a whole row in one column, or in an array of them.
///
/// ```
/// #[derive(Debug, Clone, PartialEq)]
/// pub struct Post {
///     pub title: String,
/// }
///
/// #[derive(Debug)]
/// pub struct PostRef<'a> {
///     pub title: &'a str,
/// }
///
/// sqlmill_runtime::row! { Post, PostRef { title } }
/// sqlmill_runtime::nested! { Post, PostRef }
///
/// pub struct User {
///     pub posts: Vec<Post>,
/// }
/// # pub struct UserRef<'a> {
/// #     pub posts: Vec<PostRef<'a>>,
/// # }
///
/// sqlmill_runtime::row! { User, UserRef { posts } }
/// ```
#[macro_export]
macro_rules! nested {
    ($name:ident, $borrowed:ident) => {
        $crate::nested! { $name }

        impl $crate::SqlType for $borrowed<'_> {
            fn accepts(ty: $crate::Type<'_>) -> bool {
                $crate::accepts_nested(ty)
            }
        }

        impl<'r> $crate::Column<'r> for $borrowed<'r> {
            fn decode(raw: &'r [u8]) -> ::core::result::Result<Self, $crate::DecodeError> {
                $crate::decode_nested_ref::<$name>(raw)
            }
        }
    };
    ($name:ident) => {
        impl $crate::SqlType for $name {
            fn accepts(ty: $crate::Type<'_>) -> bool {
                $crate::accepts_nested(ty)
            }
        }

        impl $crate::Column<'_> for $name {
            fn decode(raw: &[u8]) -> ::core::result::Result<Self, $crate::DecodeError> {
                $crate::decode_nested(raw)
            }
        }
    };
}

/// Makes a struct stand for an object in JSON, by its keys: what `json_build_object` and `to_json` make.
///
/// ```
/// #[derive(Debug, Clone, PartialEq)]
/// pub struct Post {
///     pub id: i32,
///     pub title: Option<String>,
/// }
///
/// sqlmill_runtime::json! { Post { id = "id", title = "Title" } }
/// ```
#[macro_export]
macro_rules! json {
    ($name:ident { $($field:ident = $key:literal),* $(,)? }) => {
        impl $crate::FromJson for $name {
            fn from_json(
                json: $crate::JsonText<'_>,
            ) -> ::core::result::Result<Self, $crate::DecodeError> {
                let members = json.members()?;
                ::core::result::Result::Ok(Self {
                    $($field: members.get(
                        $key,
                        ::core::concat!("is JSON whose `", $key, "` does not fit its Rust type"),
                    )?),*
                })
            }
        }

        impl $crate::SqlType for $name {
            fn accepts(ty: $crate::Type<'_>) -> bool {
                $crate::accepts_json(ty)
            }

            fn accepts_list(ty: $crate::Type<'_>) -> bool {
                $crate::accepts_json(ty)
            }
        }

        impl $crate::Column<'_> for $name {
            fn decode(raw: &[u8]) -> ::core::result::Result<Self, $crate::DecodeError> {
                $crate::decode_json(raw)
            }

            fn decode_list(
                raw: &[u8],
            ) -> ::core::result::Result<::std::vec::Vec<Self>, $crate::DecodeError> {
                $crate::decode_json(raw)
            }

            fn decode_options(
                raw: &[u8],
            ) -> ::core::result::Result<
                ::std::vec::Vec<::core::option::Option<Self>>,
                $crate::DecodeError,
            > {
                $crate::decode_json(raw)
            }
        }

        impl $crate::Value for $name {
            type Ref<'r> = Self;
        }
    };
}

/// Makes a Rust enum stand for an enum of the database: each variant with its label. `Mood | Unknown: …` has a variant for labels
/// that it does not know.
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
        }

        impl $crate::Column<'_> for $name {
            fn decode(raw: &[u8]) -> ::core::result::Result<Self, $crate::DecodeError> {
                $crate::decode_enumeration(raw)
            }
        }

        impl $crate::FromJson for $name {
            fn from_json(
                json: $crate::JsonText<'_>,
            ) -> ::core::result::Result<Self, $crate::DecodeError> {
                $crate::enumeration_from_json(json)
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
    ($name:ident | $unknown:ident: $schema:literal . $type:literal { $($variant:ident = $label:literal),* $(,)? }) => {
        impl $name {
            /// The label in the database.
            pub fn label(&self) -> &str {
                match self {
                    $(Self::$variant => $label,)*
                    Self::$unknown(label) => label,
                }
            }
        }

        impl $crate::SqlType for $name {
            fn accepts(ty: $crate::Type<'_>) -> bool {
                $crate::TypeName::new($schema, $type).is_enum(ty)
            }
        }

        impl $crate::FromJson for $name {
            fn from_json(
                json: $crate::JsonText<'_>,
            ) -> ::core::result::Result<Self, $crate::DecodeError> {
                <Self as $crate::Column<'_>>::decode(json.label()?.as_bytes())
            }
        }

        impl $crate::Column<'_> for $name {
            fn decode(raw: &[u8]) -> ::core::result::Result<Self, $crate::DecodeError> {
                ::core::result::Result::Ok(match <&str as $crate::Column<'_>>::decode(raw)? {
                    $($label => Self::$variant,)*
                    label => Self::$unknown(::std::borrow::ToOwned::to_owned(label)),
                })
            }
        }

        impl $crate::Value for $name {
            type Ref<'r> = Self;
        }

        impl $crate::Param for $name {
            fn encode(
                &self,
                ty: $crate::Type<'_>,
                out: &mut $crate::Buffer<'_>,
            ) -> ::core::result::Result<$crate::Encoded, $crate::EncodeError> {
                $crate::Param::encode(self.label(), ty, out)
            }
        }
    };
}

/// Makes a struct of one field stand for what the field stands for: a table's key with a type of its own.
///
/// ```
/// # use sqlmill_runtime::types::Uuid;
/// #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
/// pub struct UserId(pub Uuid);
///
/// sqlmill_runtime::newtype! { UserId(Uuid) }
/// ```
#[macro_export]
macro_rules! newtype {
    ($name:ident($inner:ty)) => {
        impl ::core::convert::From<$inner> for $name {
            fn from(value: $inner) -> Self {
                Self(value)
            }
        }

        impl ::core::fmt::Display for $name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                ::core::fmt::Display::fmt(&self.0, f)
            }
        }

        impl $crate::SqlType for $name {
            fn accepts(ty: $crate::Type<'_>) -> bool {
                <$inner as $crate::SqlType>::accepts(ty)
            }
        }

        impl $crate::FromJson for $name {
            fn from_json(
                json: $crate::JsonText<'_>,
            ) -> ::core::result::Result<Self, $crate::DecodeError> {
                <$inner as $crate::FromJson>::from_json(json).map(Self)
            }
        }

        impl $crate::Column<'_> for $name {
            fn decode(raw: &[u8]) -> ::core::result::Result<Self, $crate::DecodeError> {
                <$inner as $crate::Column<'_>>::decode(raw).map(Self)
            }
        }

        impl $crate::Value for $name {
            type Ref<'r> = Self;
        }

        impl $crate::Param for $name {
            fn encode(
                &self,
                ty: $crate::Type<'_>,
                out: &mut $crate::Buffer<'_>,
            ) -> ::core::result::Result<$crate::Encoded, $crate::EncodeError> {
                $crate::Param::encode(&self.0, ty, out)
            }
        }
    };
}

/// Makes a type of your own stand for a type of the database, by its name: one that an extension brings, or a domain.
///
/// ```
/// use sqlmill_runtime::{Buffer, DecodeError, EncodeError, Wire};
///
/// /// A `vector` of the extension pgvector: the number of its parts, two bytes that say nothing, the parts.
/// #[derive(Debug, Clone, PartialEq)]
/// pub struct Embedding(pub Vec<f32>);
///
/// impl Wire for Embedding {
///     const TYPE: &'static str = "vector";
///
///     fn read(raw: &[u8]) -> Result<Self, DecodeError> {
///         let parts = raw.get(4..).unwrap_or_default();
///         let (parts, rest) = parts.as_chunks::<4>();
///         if !rest.is_empty() || raw.len() < 4 {
///             return Err(DecodeError::new("is no vector"));
///         }
///         Ok(Self(parts.iter().map(|part| f32::from_be_bytes(*part)).collect()))
///     }
///
///     fn write(&self, out: &mut Buffer<'_>) -> Result<(), EncodeError> {
///         let length = i16::try_from(self.0.len())
///             .map_err(|_| EncodeError::new("has more parts than a vector can have"))?;
///         out.put(&length.to_be_bytes());
///         out.put(&[0, 0]);
///         for part in &self.0 {
///             out.put(&part.to_be_bytes());
///         }
///         Ok(())
///     }
/// }
///
/// sqlmill_runtime::wire! { Embedding }
/// ```
#[macro_export]
macro_rules! wire {
    ($name:ty) => {
        impl $crate::SqlType for $name {
            fn accepts(ty: $crate::Type<'_>) -> bool {
                ty.name() == <$name as $crate::Wire>::TYPE
                    || ty.base().name() == <$name as $crate::Wire>::TYPE
            }
        }

        impl $crate::Column<'_> for $name {
            fn decode(raw: &[u8]) -> ::core::result::Result<Self, $crate::DecodeError> {
                <$name as $crate::Wire>::read(raw)
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
                <$name as $crate::Wire>::write(self, out).map(|()| $crate::Encoded::Value)
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
/// # static COUNT_USERS: Statement<(), i64> = Statement::new("users::count_users", "queries/users.sql:1", "SELECT count(*) FROM users", "", "int8");
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

/// Makes the functions that hold a crate's queries against the database, with what they rely on, if it is listed by
/// [`relied!`](crate::relied), and that list what they send.
#[macro_export]
macro_rules! verify {
    ($relied:ident: $($module:ident::$list:ident),* $(,)?) => {
        /// Prepares every query of this crate on the live database and compares parameters and columns with what the crate
        /// was compiled for, all in one go; and the search_path, the labels of enums, and the NOT NULLs, unique indexes and CHECKs
        /// that it relies on. To be called when a service starts.
        ///
        /// # Errors
        ///
        /// The error names each query that does not fit, and each of the others that is different.
        pub async fn verify(
            db: &impl $crate::Reader,
        ) -> ::core::result::Result<(), $crate::VerifyError> {
            $crate::verify(db, &[$($module::$list),*], Some(&$relied)).await
        }

        /// Settings to connect with, under the search_path that the queries of this crate were compiled for.
        pub fn builder() -> $crate::Builder {
            $crate::builder(&$relied)
        }
        $crate::__texts_sent!($($module::$list),*);
    };
    ($($module:ident::$list:ident),* $(,)?) => {
        /// Prepares every query of this crate on the live database and compares parameters and columns with what the crate
        /// was compiled for, all in one go. To be called when a service starts.
        ///
        /// # Errors
        ///
        /// The error names each query that does not fit.
        pub async fn verify(
            db: &impl $crate::Reader,
        ) -> ::core::result::Result<(), $crate::VerifyError> {
            $crate::verify(db, &[$($module::$list),*], None).await
        }
        $crate::__texts_sent!($($module::$list),*);
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __texts_sent {
    ($($module:ident::$list:ident),*) => {
        /// Every text that this crate sends for its queries, pages and combinations of filters included, each with the name of its
        /// query: to know a statement in `pg_stat_statements` again, or to say what may be sent. There are no others.
        pub fn texts_sent() -> ::std::vec::Vec<(&'static str, &'static str)> {
            $crate::texts_sent(&[$($module::$list),*])
        }
    };
}

/// Lists what of the schema a crate's queries rely on, beyond the types of each, for [`verify!`](crate::verify).
///
/// ```
/// sqlmill_runtime::relied! {
///     RELIED: search_path ["public"];
///     labels "public"."mood" ["calm", "cross"];
///     not_null "public"."users" ["email", "id"];
///     column "public"."users" "name" "character varying(255)";
///     key "public"."users" "users_pkey" "CREATE UNIQUE INDEX users_pkey ON public.users USING btree (id)";
///     check "public"."users" "users_email_check" "CHECK ((email ~~ '%@%'::text))";
/// }
/// # let _ = RELIED;
/// ```
#[macro_export]
macro_rules! relied {
    ($name:ident: search_path [$($schema:literal),*]; $($kind:ident $place:literal . $relation:literal $([$($item:literal),*])? $($part:literal $definition:literal)?;)*) => {
        const $name: $crate::Relied = $crate::Relied {
            search_path: &[$($schema),*],
            parts: &[$(
                $crate::__relied!($kind $place $relation $([$($item),*])? $($part $definition)?)
            ),*],
        };
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __relied {
    (labels $schema:literal $relation:literal [$($label:literal),*]) => {
        ($schema, $relation, $crate::Part::Labels(&[$($label),*], false))
    };
    (open_labels $schema:literal $relation:literal [$($label:literal),*]) => {
        ($schema, $relation, $crate::Part::Labels(&[$($label),*], true))
    };
    (not_null $schema:literal $relation:literal [$($column:literal),*]) => {
        ($schema, $relation, $crate::Part::NotNull(&[$($column),*]))
    };
    (column $schema:literal $relation:literal $name:literal $definition:literal) => {
        ($schema, $relation, $crate::Part::Column($name, $definition))
    };
    (key $schema:literal $relation:literal $name:literal $definition:literal) => {
        ($schema, $relation, $crate::Part::Key($name, $definition))
    };
    (check $schema:literal $relation:literal $name:literal $definition:literal) => {
        ($schema, $relation, $crate::Part::Check($name, $definition))
    };
}

/// Makes a factory of a table's rows, for tests: a function that begins a row, a method for each column, and `insert`, which
/// makes up what is missing. `name("SQL name"): Type` is a column that Rust calls otherwise.
///
/// ```
/// pub struct Note {
///     pub id: i64,
///     pub body: String,
/// }
///
/// pub struct NoteRef<'a> {
///     pub id: i64,
///     pub body: &'a str,
/// }
///
/// sqlmill_runtime::row! { Note, NoteRef { id, body } }
/// sqlmill_runtime::factory! { note, NoteFactory -> Note: "public"."notes" { id: i64, body: &'a str } }
///
/// # async fn run(db: sqlmill_runtime::Database) -> sqlmill_runtime::Result<()> {
/// let made: Note = note().body("Remember the milk").insert(&db).await?;
/// # Ok(())
/// # }
/// ```
#[cfg(feature = "testing")]
#[macro_export]
macro_rules! factory {
    ($function:ident, $factory:ident -> $row:ty: $schema:literal . $table:literal {
        $($column:ident $(($sql:literal))?: $type:ty),* $(,)?
    }) => {
        #[doc = concat!("Begins a row of `", $table, "`.")]
        pub fn $function<'a>() -> $factory<'a> {
            const COLUMNS: &[&str] = &[$($crate::__column_name!($column $($sql)?)),*];
            $factory($crate::testing::Draft::new($schema, $table, COLUMNS))
        }

        #[doc = concat!("A row of `", $table, "` on its way: what is not given is made up, unless the table has a default.")]
        #[derive(Debug)]
        #[must_use = "nothing is inserted before `insert`"]
        pub struct $factory<'a>($crate::testing::Draft<'a>);

        impl<'a> $factory<'a> {
            $(
                #[doc = concat!("Gives `", $crate::__column_name!($column $($sql)?), "`.")]
                pub fn $column(mut self, value: impl $crate::testing::Give<$type>) -> Self {
                    let value: $type = $crate::testing::Give::give(value);
                    self.0.set($crate::__column_name!($column $($sql)?), value);
                    self
                }
            )*

            /// Inserts the row, and before it rows that it must refer to and that were not given.
            pub async fn insert(
                self,
                db: &impl $crate::Writer,
            ) -> ::core::result::Result<$row, $crate::Error> {
                self.0.insert(db).await
            }
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __column_name {
    ($column:ident $sql:literal) => {
        $sql
    };
    ($column:ident) => {
        stringify!($column)
    };
}

/// Declares how a query is read in pages: a static that [`Statement::paged`](crate::Statement::paged) takes.
///
/// `order` is the clause that the query's text ends in: rows are counted, and reached by cursor, without it. What follows is put
/// behind that, with the parameters that a page adds by their places, from 0: the values of the keys, and `LIMIT`. Where keys may be NULL,
/// `after` and `before` have a form for each pattern of NULLs, with one condition or two.
///
/// ```
/// # use sqlmill_runtime::Statement;
/// static LIST: Statement<(), i64> = Statement::new(
///     "users::list",
///     "queries/users.sql:1",
///     "SELECT id FROM users ORDER BY id",
///     "",
///     "int8",
/// )
/// .paged(&LIST_PAGES);
///
/// sqlmill_runtime::pages! {
///     LIST_PAGES {
///         order " ORDER BY id" {
///             after ["\nWHERE page.id > " (0) "\nORDER BY page.id\nLIMIT " (1)],
///             before ["\nWHERE page.id < " (0) "\nORDER BY page.id DESC\nLIMIT " (1)],
///             keys "id int8" [0],
///         }
///     }
/// }
/// ```
#[macro_export]
macro_rules! pages {
    ($name:ident { $(order $clause:literal { $($cursor:tt)* })* $(sizes $default:literal $most:literal)? }) => {
        static $name: $crate::Pages = $crate::Pages::new(
            &[$($crate::Order {
                clause: $clause,
                cursors: $crate::__cursors!($($cursor)*),
            }),*],
            $crate::__page_sizes!($($default $most)?),
        );
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __cursors {
    () => {
        ::core::option::Option::None
    };
    (
        after [$($after:tt)*],
        before [$($before:tt)*],
        keys $keys:literal [$($column:literal),*],
    ) => {
        ::core::option::Option::Some($crate::Cursors {
            after: &[$crate::__way!([[$($after)*] tail []])],
            before: &[$crate::__way!([[$($before)*] tail []])],
            nulls: &[],
            keys: $keys,
            columns: &[$($column),*],
        })
    };
    (
        after { $($after:tt)* }
        before { $($before:tt)* }
        nulls [$($null:literal),*],
        keys $keys:literal [$($column:literal),*],
    ) => {
        ::core::option::Option::Some($crate::Cursors {
            after: &[$($crate::__way!($after)),*],
            before: &[$($crate::__way!($before)),*],
            nulls: &[$($null),*],
            keys: $keys,
            columns: &[$($column),*],
        })
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __way {
    ([$([$($condition:tt)*])* tail [$($tail:tt)*]]) => {
        $crate::Way {
            conditions: &[$(&[$($crate::__piece!($condition)),*]),*],
            tail: &[$($crate::__piece!($tail)),*],
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __page_sizes {
    () => {
        (20, 1000)
    };
    ($default:literal $most:literal) => {
        ($default, $most)
    };
}

/// Names what parameters of a statement are held to: their places, names and constraints, a [`Test`](crate::Test), and the words
/// for whoever breaks it; of a patch, behind `if`, the place of what says whether it is stored.
///
/// ```
/// sqlmill_runtime::held! {
///     CREATE_USER_HELD
///     0 "email" "public"."users" "users_email_check" "an address has an @": Like("%@%");
///     1 if 2 "name" "public"."users" "varchar(255)" "at most 255 characters": AtMost(255);
/// }
/// # let _ = CREATE_USER_HELD;
/// ```
#[macro_export]
macro_rules! held {
    ($name:ident $($place:literal $(if $switch:literal)? $field:literal $schema:literal . $relation:literal $constraint:literal $message:literal: $test:expr;)*) => {
        const $name: &[$crate::Held] = {
            #[allow(unused_imports, clippy::enum_glob_use)]
            use $crate::{Comparison::*, Pattern::*, Test::*};
            &[$($crate::Held {
                place: $place,
                switch: $crate::held!(@switch $($switch)?),
                field: $field,
                schema: $schema,
                relation: $relation,
                constraint: $constraint,
                message: $message,
                test: $test,
            }),*]
        };
    };
    (@switch) => {
        None
    };
    (@switch $switch:literal) => {
        Some($switch)
    };
}
