//! JSON whose keys are known: what `json_build_object`, `json_agg`, `to_json` and their kin make, part by part.

use crate::catalog::oid::{JSON, JSONB, TEXT, UNKNOWN};
use std::rc::Rc;

use super::scope::Frame;
use super::{Prover, Value};
use crate::catalog::{Function, Oid};
use crate::describe::tree::{Const, Expr, JsonConstructor};
use crate::prove::casts::type_of;

/// What a JSON value is made of. The parts are SQL values, written as `to_json` writes them.
#[derive(Debug, Clone)]
pub(super) enum Json {
    /// Keys in order, no two alike.
    Object(Vec<(String, Oid, Value)>),
    /// An array of any length: its elements.
    Array(Oid, Box<Value>),
    /// One SQL value.
    Of(Oid, Box<Value>),
}

impl Json {
    /// What is known where the value is that of one of two.
    pub(super) fn either(left: &Self, right: &Self) -> Option<Rc<Self>> {
        Some(Rc::new(match (left, right) {
            (Self::Object(left), Self::Object(right)) => {
                let same = left.len() == right.len()
                    && left
                        .iter()
                        .zip(right)
                        .all(|(left, right)| left.0 == right.0 && left.1 == right.1);
                if !same {
                    return None;
                }
                let members = left.iter().zip(right).map(|(left, right)| {
                    let value = left.2.clone().either(right.2.clone());
                    (left.0.clone(), left.1, value)
                });
                Self::Object(members.collect())
            }
            (Self::Array(left, value), Self::Array(right, other)) if left == right => {
                Self::Array(*left, Box::new((**value).clone().either((**other).clone())))
            }
            (Self::Of(left, value), Self::Of(right, other)) if left == right => {
                Self::Of(*left, Box::new((**value).clone().either((**other).clone())))
            }
            _ => return None,
        }))
    }

    pub(super) fn same_knowledge(
        &self,
        other: &Self,
        same: &dyn Fn(&Value, &Value) -> bool,
    ) -> bool {
        match (self, other) {
            (Self::Object(left), Self::Object(right)) => {
                left.len() == right.len()
                    && left.iter().zip(right).all(|(left, right)| {
                        left.0 == right.0 && left.1 == right.1 && same(&left.2, &right.2)
                    })
            }
            (Self::Array(left, value), Self::Array(right, other))
            | (Self::Of(left, value), Self::Of(right, other)) => {
                left == right && same(value, other)
            }
            _ => false,
        }
    }
}

pub(super) fn is_json(type_oid: Oid) -> bool {
    matches!(type_oid, JSON | JSONB)
}

impl Prover<'_> {
    pub(super) fn json_of_call(
        &self,
        function: &Function,
        args: &[Expr],
        values: &[Value],
        variadic: bool,
    ) -> Option<Rc<Json>> {
        if !function.builtin || variadic {
            return None;
        }
        match function.name.as_str() {
            "json_build_object" | "jsonb_build_object" => self.object(args, values),
            "to_json" | "to_jsonb" | "row_to_json" | "array_to_json" => {
                let (arg, value) = args.first().zip(values.first())?;
                let type_oid = type_of(self.input.catalog, arg)?;
                Some(Rc::new(Json::Of(type_oid, Box::new(value.clone()))))
            }
            _ => None,
        }
    }

    pub(super) fn json_of_aggregate(
        &self,
        function: &Function,
        args: &[&Expr],
        values: &[Value],
    ) -> Option<Rc<Json>> {
        let ([arg], [value]) = (args, values) else {
            return None;
        };
        let value = match function.name.as_str() {
            _ if !function.builtin => return None,
            "json_agg" | "jsonb_agg" => value.clone(),
            // They pass over NULL.
            "json_agg_strict" | "jsonb_agg_strict" => value.clone().known("NULL is passed over"),
            _ => return None,
        };
        let type_oid = type_of(self.input.catalog, arg)?;
        Some(Rc::new(Json::Array(type_oid, Box::new(value))))
    }

    /// JSON_OBJECT and JSON_ARRAYAGG. ABSENT ON NULL leaves out keys of NULL, which reads the same.
    pub(super) fn json_of_constructor(
        &self,
        json: &JsonConstructor,
        made: &Value,
        frame: &Frame<'_>,
    ) -> Option<Rc<Json>> {
        const OBJECT: u32 = 1;
        if !is_json(json.type_oid) || json.coercion.is_some() {
            return None;
        }
        match json.kind {
            OBJECT => {
                let values: Vec<Value> =
                    json.args.iter().map(|arg| self.value(arg, frame)).collect();
                self.object(&json.args, &values)
            }
            _ => made.json.clone(),
        }
    }

    /// Keys and values by turns.
    fn object(&self, args: &[Expr], values: &[Value]) -> Option<Rc<Json>> {
        let mut members: Vec<(String, Oid, Value)> = Vec::new();
        for (pair, value) in args.chunks(2).zip(values.chunks(2)) {
            let ([key, arg], [_, value]) = (pair, value) else {
                return None;
            };
            let key = key_of(key)?;
            // Of a key that is there twice json keeps both and jsonb the last.
            if members.iter().any(|(other, ..)| *other == key) && self.holds("json-keys-once") {
                return None;
            }
            members.push((key, type_of(self.input.catalog, arg)?, value.clone()));
        }
        (!members.is_empty()).then(|| Rc::new(Json::Object(members)))
    }
}

/// A key that is written out.
fn key_of(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Const(key) if !key.is_null => match key.type_oid {
            TEXT => String::from_utf8(key.value.get(4..)?.to_vec()).ok(),
            // A C string.
            UNKNOWN => {
                let text = key.value.strip_suffix(&[0]).unwrap_or(&key.value);
                String::from_utf8(text.to_vec()).ok()
            }
            _ => None,
        },
        Expr::Relabel { arg, .. } => key_of(arg),
        _ => None,
    }
}

/// `[]`: an array without elements.
pub(super) fn is_empty_array(constant: &Const) -> bool {
    /// `JB_FARRAY` of `jsonb.h`, and no elements.
    const EMPTY: [u8; 4] = 0x4000_0000_u32.to_le_bytes();
    let value = constant.value.get(4..).unwrap_or_default();
    match constant.type_oid {
        JSON => value.trim_ascii() == b"[]",
        JSONB => value == EMPTY,
        _ => false,
    }
}
