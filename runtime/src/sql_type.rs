//! Which types of the database a Rust type stands for.

use crate::wire::Type;

/// The types of the database that a Rust type stands for. Asked once, when a statement is prepared.
#[diagnostic::on_unimplemented(
    message = "`{Self}` stands for no type of the database",
    note = "the types are those of `sqlmill_runtime::types`, `Option` and `Vec` of them, and what `enumeration!` and `composite!` declare"
)]
pub trait SqlType {
    /// Can a parameter or a column of this type be written from and read into the Rust type?
    fn accepts(ty: Type<'_>) -> bool;

    /// Can a column of this type be read into a list of it? An array can; of an object in JSON, a JSON array.
    fn accepts_list(ty: Type<'_>) -> bool {
        ty.element().is_some_and(Self::accepts)
    }
}

impl<T: SqlType + ?Sized> SqlType for &T {
    fn accepts(ty: Type<'_>) -> bool {
        T::accepts(ty)
    }
}

impl<T: SqlType> SqlType for Option<T> {
    fn accepts(ty: Type<'_>) -> bool {
        T::accepts(ty)
    }

    fn accepts_list(ty: Type<'_>) -> bool {
        T::accepts_list(ty)
    }
}
