//! NULLs inside a value: in the elements of an array, in the fields of a row, at any depth. Read from the text that the server
//! makes of the value.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use crate::catalog::{Catalog, Oid, TypeKind};
use crate::facts::{ColumnFacts, JsonFacts, Proved};

/// One step into a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Some element of the array.
    Element,
    /// The field of the row, from 0.
    Field(usize),
}

/// Where NULL stands in the value. What its parts are is known from the type, and of rows without a type from the facts.
pub fn nulls(
    catalog: &Catalog,
    type_oid: Oid,
    facts: &ColumnFacts,
    text: &str,
) -> BTreeSet<Vec<Step>> {
    let mut found = BTreeSet::new();
    let mut walk = Walk {
        catalog,
        path: Vec::new(),
        found: &mut found,
    };
    walk.value(type_oid, Some(facts), text);
    found
}

/// What was proved of the part of a value at a path.
pub fn proved<'f>(facts: &'f ColumnFacts, path: &[Step]) -> Option<&'f Proved<bool>> {
    if let (Some(json), [step, rest @ ..]) = (&facts.json, path) {
        return match (json, step) {
            (JsonFacts::Object(members), Step::Field(number)) => {
                proved(&members.get(*number)?.2, rest)
            }
            (JsonFacts::Array(_, element), Step::Element) => proved(element, rest),
            (JsonFacts::Of(_, value), _) => proved(value, path),
            _ => None,
        };
    }
    match path {
        [] => Some(&facts.nullable),
        [Step::Element] => facts.elements.as_ref(),
        // The fields of an array are those of each of its elements.
        [Step::Element, rest @ ..] => proved(facts, rest),
        [Step::Field(number), rest @ ..] => proved(facts.fields.get(*number)?, rest),
    }
}

/// "element", "field 2 of an element"
pub fn name(path: &[Step]) -> String {
    let mut parts: Vec<String> = path
        .iter()
        .map(|step| match step {
            Step::Element => "an element".to_owned(),
            Step::Field(number) => format!("field {}", number + 1),
        })
        .collect();
    parts.reverse();
    parts.join(" of ")
}

struct Walk<'w> {
    catalog: &'w Catalog,
    path: Vec<Step>,
    found: &'w mut BTreeSet<Vec<Step>>,
}

impl Walk<'_> {
    fn value(&mut self, type_oid: Oid, facts: Option<&ColumnFacts>, text: &str) {
        if let Some(json) = facts.and_then(|facts| facts.json.as_ref()) {
            if let Ok(value) = serde_json::from_str(text) {
                self.document(json, &value);
            }
            return;
        }
        let Some(element) = self.catalog.element_type(type_oid) else {
            return self.row(type_oid, facts, text);
        };
        for value in array_elements(text) {
            self.part(Step::Element, value.as_deref(), |walk, text| {
                walk.row(element, facts, text);
            });
        }
    }

    fn row(&mut self, type_oid: Oid, facts: Option<&ColumnFacts>, text: &str) {
        let base = self.catalog.base_type(type_oid);
        let types: Vec<Oid> = match self.catalog.types.get(&base).map(|found| &found.kind) {
            Some(TypeKind::Composite { fields, .. }) => {
                fields.iter().map(|field| field.type_oid).collect()
            }
            Some(TypeKind::Pseudo) => facts
                .map(|facts| facts.record.iter().map(|(_, oid)| *oid).collect())
                .unwrap_or_default(),
            _ => return,
        };
        for (number, value) in row_fields(text).into_iter().enumerate() {
            let facts = facts.and_then(|facts| facts.fields.get(number));
            let type_oid = types.get(number).copied().unwrap_or_default();
            self.part(Step::Field(number), value.as_deref(), |walk, text| {
                walk.value(type_oid, facts, text);
            });
        }
    }

    fn document(&mut self, json: &JsonFacts, value: &Json) {
        match json {
            JsonFacts::Object(members) => {
                for (number, (key, oid, facts)) in members.iter().enumerate() {
                    self.member(Step::Field(number), (*oid, facts), value.get(key));
                }
            }
            JsonFacts::Array(oid, facts) => {
                for element in value.as_array().into_iter().flatten() {
                    self.member(Step::Element, (*oid, facts), Some(element));
                }
            }
            JsonFacts::Of(oid, facts) => self.json(*oid, facts, value),
        }
    }

    /// A SQL value, as `to_json` writes it.
    fn json(&mut self, type_oid: Oid, facts: &ColumnFacts, value: &Json) {
        if let Some(json) = &facts.json {
            return self.document(json, value);
        }
        let Some(element) = self.catalog.element_type(type_oid) else {
            return self.json_row(type_oid, facts, value);
        };
        for value in value.as_array().into_iter().flatten() {
            self.path.push(Step::Element);
            if value.is_null() {
                self.found.insert(self.path.clone());
            }
            self.json_row(element, facts, value);
            self.path.pop();
        }
    }

    fn json_row(&mut self, type_oid: Oid, facts: &ColumnFacts, value: &Json) {
        let base = self.catalog.base_type(type_oid);
        let names: Vec<(&str, Oid)> = match self.catalog.types.get(&base).map(|found| &found.kind) {
            Some(TypeKind::Composite { fields, .. }) => fields
                .iter()
                .map(|field| (field.name.as_str(), field.type_oid))
                .collect(),
            Some(TypeKind::Pseudo) => facts
                .record
                .iter()
                .map(|(name, oid)| (name.as_str(), *oid))
                .collect(),
            _ => return,
        };
        if value.is_null() {
            return;
        }
        for (number, (name, oid)) in names.into_iter().enumerate() {
            if let Some(facts) = facts.fields.get(number) {
                self.member(Step::Field(number), (oid, facts), value.get(name));
            }
        }
    }

    fn member(&mut self, step: Step, (oid, facts): (Oid, &ColumnFacts), value: Option<&Json>) {
        const JSON: [Oid; 2] = [114, 3802];
        self.path.push(step);
        match value {
            // JSON that is null is no NULL.
            Some(Json::Null) if JSON.contains(&oid) && facts.json.is_none() => {}
            None | Some(Json::Null) => {
                self.found.insert(self.path.clone());
            }
            Some(value) => self.json(oid, facts, value),
        }
        self.path.pop();
    }

    fn part(&mut self, step: Step, value: Option<&str>, inside: impl FnOnce(&mut Self, &str)) {
        self.path.push(step);
        match value {
            None => {
                self.found.insert(self.path.clone());
            }
            Some(text) => inside(self, text),
        }
        self.path.pop();
    }
}

/// The elements of an array's text, of all dimensions; `None` for NULL.
fn array_elements(text: &str) -> Vec<Option<String>> {
    // `[0:1]={…}` where the first is not number 1.
    let text = text.find('{').map_or("", |start| &text[start..]);
    let mut elements = Vec::new();
    let mut part = Part::default();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if part.takes(character, &mut characters) {
            continue;
        }
        match character {
            '{' => {}
            ',' | '}' => {
                let Part { text, quoted, .. } = std::mem::take(&mut part);
                // `{}` holds nothing, and behind a closing brace stands none.
                if quoted || !text.is_empty() {
                    let is_null = !quoted && text.eq_ignore_ascii_case("null");
                    elements.push((!is_null).then_some(text));
                }
            }
            other => part.text.push(other),
        }
    }
    elements
}

/// The fields of a row's text; `None` for NULL, which is nothing at all.
fn row_fields(text: &str) -> Vec<Option<String>> {
    let Some(inner) = text
        .strip_prefix('(')
        .and_then(|text| text.strip_suffix(')'))
    else {
        return Vec::new();
    };
    let mut fields = Vec::new();
    let mut part = Part::default();
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        if part.takes(character, &mut characters) {
            continue;
        }
        match character {
            ',' => fields.push(std::mem::take(&mut part).field()),
            other => part.text.push(other),
        }
    }
    fields.push(part.field());
    fields
}

/// One element or field on its way.
#[derive(Default)]
struct Part {
    text: String,
    quoted: bool,
    open: bool,
}

impl Part {
    /// Takes what quotes and backslashes govern. A quote within quotes is written twice in a row's text.
    fn takes(&mut self, character: char, rest: &mut std::str::Chars<'_>) -> bool {
        match character {
            '\\' => self.text.extend(rest.next()),
            '"' => {
                if !self.open && self.quoted {
                    self.text.push('"');
                }
                self.quoted = true;
                self.open = !self.open;
            }
            other if self.open => self.text.push(other),
            _ => return false,
        }
        true
    }

    fn field(self) -> Option<String> {
        (self.quoted || !self.text.is_empty()).then_some(self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nulls_in_text_are_told_from_words() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(array_elements("{a,NULL}"), [some("a"), None]);
        assert_eq!(
            array_elements("{{1,NULL},{2,3}}"),
            [some("1"), None, some("2"), some("3")]
        );
        assert_eq!(
            array_elements("[0:2]={\"NULL\",nullable,\"a,\\\"}NULL\"}"),
            [some("NULL"), some("nullable"), some("a,\"}NULL")]
        );
        assert_eq!(array_elements("{}"), []);
        assert_eq!(
            row_fields("(1,,\"\",a)"),
            [some("1"), None, some(""), some("a")]
        );
        assert_eq!(row_fields("(,)"), [None, None]);
        assert_eq!(
            row_fields("(\"a,,b\",\"\"\"\\\\\")"),
            [some("a,,b"), some("\"\\")]
        );
    }
}
