//! The one place that writes types, and the imports that they need.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Home, RustType, Slot, StructName};

use super::layout;
use super::writer::Writer;

/// Where a name that generated code uses comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Origin {
    /// `sqlmill_runtime::types`
    Scalars,
    /// `sqlmill_runtime`
    Runtime,
    /// `crate::tables`, or a crate of its own.
    Tables,
    /// `crate::types`, or a crate of its own.
    Types,
}

/// Where the modules `types` and `tables` are, as a module sees them.
#[derive(Debug, Clone, Default)]
pub(super) struct Places {
    /// The beginning of the names of the crates that they are, where they are crates: `database`.
    pub(super) crates: Option<String>,
}

impl Places {
    fn path(&self, origin: Origin) -> String {
        let ours = |module: &str| match &self.crates {
            None => format!("crate::{module}"),
            Some(crates) => format!("{crates}_{module}"),
        };
        match origin {
            Origin::Scalars => "sqlmill_runtime::types".to_owned(),
            Origin::Runtime => "sqlmill_runtime".to_owned(),
            Origin::Tables => ours("tables"),
            Origin::Types => ours("types"),
        }
    }
}

/// The names of one file: its own, and those that it imports on the way.
#[derive(Debug)]
pub(super) struct Scope {
    own: BTreeSet<String>,
    imported: BTreeMap<String, Origin>,
    /// The file is itself `tables` or `types`.
    home: Option<Origin>,
    places: Places,
}

impl Scope {
    pub(super) fn new(own: BTreeSet<String>, home: Option<Origin>, places: &Places) -> Self {
        Self {
            own,
            imported: BTreeMap::new(),
            home,
            places: places.clone(),
        }
    }

    /// The name as this file can say it: imported, or with its path where the plain name means something else here.
    pub(super) fn name(&mut self, origin: Origin, name: &str) -> String {
        if self.home == Some(origin) {
            return name.to_owned();
        }
        let taken = self.own.contains(name)
            || self
                .imported
                .get(name)
                .is_some_and(|&other| other != origin);
        if taken {
            return format!("{}::{name}", self.places.path(origin));
        }
        self.imported.insert(name.to_owned(), origin);
        name.to_owned()
    }

    pub(super) fn runtime(&mut self, name: &str) -> String {
        self.name(Origin::Runtime, name)
    }

    /// The `use` lines for everything named so far. Structs of tables are part of the module's interface.
    pub(super) fn imports(&self, w: &mut Writer) {
        for (origins, visibility) in [
            (&[Origin::Tables][..], "pub "),
            (&[Origin::Types][..], ""),
            (&[Origin::Scalars, Origin::Runtime][..], ""),
        ] {
            for &origin in origins {
                let names: Vec<String> = self
                    .imported
                    .iter()
                    .filter(|&(_, &from)| from == origin)
                    .map(|(name, _)| name.clone())
                    .collect();
                layout::use_list(w, visibility, &self.places.path(origin), &names);
            }
            // Within one block rustfmt would sort crates of any name among each other.
            if visibility == "pub " || self.places.crates.is_some() {
                w.blank();
            }
        }
    }
}

/// The shape that a type takes in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form<'l> {
    /// In a row struct: owns its data.
    Owned,
    /// In a borrowed row, with the lifetime's name.
    Row(&'l str),
    /// A parameter, with the lifetime's name.
    Param(&'l str),
}

pub(super) fn slot(scope: &mut Scope, slot: &Slot, form: Form<'_>) -> String {
    let spelled = ty(scope, &slot.ty, form);
    if slot.nullable {
        format!("Option<{spelled}>")
    } else {
        spelled
    }
}

pub(super) fn ty(scope: &mut Scope, ty: &RustType, form: Form<'_>) -> String {
    let scalar = |scope: &mut Scope, name: &str| scope.name(Origin::Scalars, name);
    match ty {
        RustType::Unit => "()".to_owned(),
        RustType::Bool => "bool".to_owned(),
        RustType::I8 => "i8".to_owned(),
        RustType::I16 => "i16".to_owned(),
        RustType::I32 => "i32".to_owned(),
        RustType::I64 => "i64".to_owned(),
        RustType::U32 => "u32".to_owned(),
        RustType::U64 => "u64".to_owned(),
        RustType::F32 => "f32".to_owned(),
        RustType::F64 => "f64".to_owned(),
        RustType::Decimal => scalar(scope, "Decimal"),
        RustType::Uuid => scalar(scope, "Uuid"),
        RustType::Date => scalar(scope, "Date"),
        RustType::Time => scalar(scope, "Time"),
        RustType::DateTime => scalar(scope, "DateTime"),
        RustType::Timestamp => scalar(scope, "Timestamp"),
        RustType::Interval => scalar(scope, "Interval"),
        RustType::IpAddr => scalar(scope, "IpAddr"),
        RustType::Text => match form {
            Form::Owned => "String".to_owned(),
            Form::Row(lifetime) | Form::Param(lifetime) => format!("{}str", reference(lifetime)),
        },
        RustType::Bytes => match form {
            Form::Owned => "Vec<u8>".to_owned(),
            Form::Row(lifetime) | Form::Param(lifetime) => format!("{}[u8]", reference(lifetime)),
        },
        RustType::Json => {
            let value = scalar(scope, "Value");
            match form {
                Form::Owned | Form::Row(_) => value,
                Form::Param(lifetime) => format!("{}{value}", reference(lifetime)),
            }
        }
        RustType::Array(element) => match form {
            Form::Owned | Form::Row(_) => format!("Vec<{}>", slot(scope, element, form)),
            Form::Param(lifetime) => {
                let inner = if element.ty.owned_in_slices() {
                    Form::Owned
                } else {
                    form
                };
                format!("{}[{}]", reference(lifetime), slot(scope, element, inner))
            }
        },
        RustType::Scalar { name, .. } => {
            // Within a module of `types` the names are the same again: they are told apart by the path.
            let name = if name.contains("::") {
                format!("sqlmill_runtime::types::{name}")
            } else {
                scalar(scope, name)
            };
            by_value(ty, name, form)
        }
        RustType::Shaped(path) => {
            let json = scalar(scope, "Json");
            match form {
                Form::Owned | Form::Row(_) => format!("{json}<{path}>"),
                Form::Param(lifetime) => format!("{json}<{}{path}>", reference(lifetime)),
            }
        }
        RustType::Custom { path, borrowed } => match (form, borrowed) {
            (Form::Row(lifetime), Some(borrowed)) => format!("{borrowed}<{lifetime}>"),
            (Form::Owned | Form::Row(_) | Form::Param(_), _) => by_value(ty, path.clone(), form),
        },
        RustType::Patch(value) => {
            let patch = scope.runtime("Patch");
            format!("{patch}<{}>", slot(scope, value, form))
        }
        RustType::Id { name, .. } | RustType::OpenEnum(name) => {
            let name = scope.name(Origin::Types, name);
            by_value(ty, name, form)
        }
        RustType::Range(bound) => {
            let bound = self::ty(scope, bound, Form::Owned);
            let range = scalar(scope, "Range");
            by_value(ty, format!("{range}<{bound}>"), form)
        }
        RustType::Multirange(bound) => {
            let bound = self::ty(scope, bound, Form::Owned);
            let range = scalar(scope, "Multirange");
            by_value(ty, format!("{range}<{bound}>"), form)
        }
        RustType::Grid(element) => {
            let inner = match form {
                Form::Owned | Form::Param(_) => Form::Owned,
                Form::Row(_) => form,
            };
            let element = slot(scope, element, inner);
            let array = scalar(scope, "Array");
            by_value(ty, format!("{array}<{element}>"), form)
        }
        RustType::Tuple(fields) => {
            let fields: Vec<String> = fields
                .iter()
                .map(|field| slot(scope, field, form))
                .collect();
            match fields.as_slice() {
                [only] => format!("({only},)"),
                _ => format!("({})", fields.join(", ")),
            }
        }
        RustType::Nested(name) => match form {
            Form::Row(lifetime) if name.borrows => {
                let borrowed = StructName {
                    name: format!("{}Ref", name.name),
                    ..name.clone()
                };
                format!("{}<{lifetime}>", struct_name(scope, &borrowed))
            }
            Form::Owned | Form::Row(_) => struct_name(scope, name),
            Form::Param(lifetime) => {
                format!("{}{}", reference(lifetime), struct_name(scope, name))
            }
        },
        RustType::Object(name) => by_value(ty, name.clone(), form),
        RustType::Enum(name) => scope.name(Origin::Types, name),
        RustType::Composite { name, borrows } => match form {
            Form::Row(lifetime) if *borrows => {
                let name = scope.name(Origin::Types, &format!("{name}Ref"));
                format!("{name}<{lifetime}>")
            }
            Form::Owned | Form::Row(_) => scope.name(Origin::Types, name),
            Form::Param(lifetime) => {
                format!("{}{}", reference(lifetime), scope.name(Origin::Types, name))
            }
        },
        RustType::Domain { name, base } => match form {
            Form::Owned => scope.name(Origin::Types, name),
            // The alias has an owned form only; a Copy base reads better under its own name too.
            Form::Row(_) | Form::Param(_) if base.row_borrows() || base.param_borrows() => {
                self::ty(scope, base, form)
            }
            Form::Row(_) | Form::Param(_) => scope.name(Origin::Types, name),
        },
    }
}

/// As it is, or, of a parameter that is not Copy, behind a reference.
fn by_value(ty: &RustType, name: String, form: Form<'_>) -> String {
    match form {
        Form::Param(lifetime) if !ty.is_copy() => format!("{}{name}", reference(lifetime)),
        Form::Owned | Form::Row(_) | Form::Param(_) => name,
    }
}

/// `User`, `tables::User`, without lifetimes.
pub(super) fn struct_name(scope: &mut Scope, name: &StructName) -> String {
    match name.home {
        Home::Module => name.name.clone(),
        Home::Tables => scope.name(Origin::Tables, &name.name),
    }
}

/// The type as a person reads it in the manifest: without paths.
pub(crate) fn plain(slot: &Slot) -> String {
    bare(slot, Form::Owned)
}

/// The same, of a parameter.
pub(crate) fn plain_param(slot: &Slot) -> String {
    bare(slot, Form::Param(""))
}

fn bare(slot: &Slot, form: Form<'_>) -> String {
    let mut scope = Scope::new(BTreeSet::new(), None, &Places::default());
    self::slot(&mut scope, slot, form)
}

/// `&'a `, or `&` where the lifetime has no name.
fn reference(lifetime: &str) -> String {
    if lifetime.is_empty() {
        "&".to_owned()
    } else {
        format!("&{lifetime} ")
    }
}
