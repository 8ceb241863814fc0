//! SQL literals to try, by type.

use std::collections::BTreeSet;

use crate::catalog::{Catalog, Oid, TypeKind};

/// A small generator of numbers: the same seed gives the same run.
#[derive(Debug, Clone)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(super) fn next(&mut self) -> u64 {
        // xorshift64*, Vigna 2016.
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// Below `bound`, which must not be 0.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        ((self.next() >> 33) as usize) % bound.max(1)
    }

    /// True in `percent` of a hundred throws.
    pub(super) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub(super) fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        if from.is_empty() {
            None
        } else {
            from.get(self.below(from.len()))
        }
    }
}

/// What the author's own texts hold in quotes and digits: values that the predicates look for.
#[derive(Debug, Clone, Default)]
pub(super) struct Pool {
    pub(super) texts: Vec<String>,
    pub(super) numbers: Vec<String>,
}

impl Pool {
    /// From the texts of the queries and the definitions of constraints. A plain search for quotes will do: a value
    /// that is none of the author's only wastes a draw.
    pub(super) fn gather<'a>(texts: impl Iterator<Item = &'a str>) -> Self {
        let (mut strings, mut numbers) = (BTreeSet::new(), BTreeSet::new());
        for text in texts {
            strings.extend(
                text.split('\'')
                    .skip(1)
                    .step_by(2)
                    .filter(|found| found.len() <= 200)
                    .map(str::to_owned),
            );
            let digits = text
                .split(|c: char| !c.is_ascii_digit())
                .filter(|found| (1..=6).contains(&found.len()));
            numbers.extend(digits.map(str::to_owned));
        }
        Self {
            texts: strings.into_iter().collect(),
            numbers: numbers.into_iter().collect(),
        }
    }
}

/// A string constant that any server setting reads the same way.
pub(super) fn quote(text: &str) -> String {
    let escaped = text.replace('\'', "''");
    if escaped.contains('\\') {
        format!("E'{}'", escaped.replace('\\', "\\\\"))
    } else {
        format!("'{escaped}'")
    }
}

pub(super) fn quote_identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

pub(super) fn type_reference(catalog: &Catalog, oid: Oid) -> Option<String> {
    let found = catalog.types.get(&oid)?;
    Some(match found.kind {
        TypeKind::Array(element) => format!("{}[]", type_reference(catalog, element)?),
        _ => format!(
            "{}.{}",
            quote_identifier(&found.schema),
            quote_identifier(&found.name)
        ),
    })
}

const DEPTH: usize = 4;

/// A constant of the type, or `None` where this does not know how to write one. `nulls` is the chance in a hundred of a
/// NULL inside: an element, a field.
pub(super) fn literal(
    catalog: &Catalog,
    pool: &Pool,
    dice: &mut Dice,
    oid: Oid,
    nulls: usize,
) -> Option<String> {
    constant(catalog, pool, dice, oid, nulls, DEPTH)
}

fn constant(
    catalog: &Catalog,
    pool: &Pool,
    dice: &mut Dice,
    oid: Oid,
    nulls: usize,
    depth: usize,
) -> Option<String> {
    let found = catalog.types.get(&oid)?;
    let depth = depth.checked_sub(1)?;
    let cast = |text: String| type_reference(catalog, oid).map(|name| format!("{text}::{name}"));
    match &found.kind {
        TypeKind::Base => base(&found.name, pool, dice).and_then(|text| cast(quote(&text))),
        TypeKind::Enum(labels) => dice.pick(labels).and_then(|label| cast(quote(label))),
        TypeKind::Array(element) => {
            let count = dice.below(4);
            let mut elements = Vec::new();
            for _ in 0..count {
                elements.push(or_null(catalog, pool, dice, *element, nulls, depth)?);
            }
            cast(format!("ARRAY[{}]", elements.join(", ")))
        }
        TypeKind::Composite { fields, .. } => {
            let mut values = Vec::new();
            for field in fields {
                values.push(or_null(catalog, pool, dice, field.type_oid, nulls, depth)?);
            }
            cast(format!("ROW({})", values.join(", ")))
        }
        TypeKind::Domain(domain) => {
            constant(catalog, pool, dice, domain.base, nulls, depth).and_then(cast)
        }
        TypeKind::Range(_) => cast(quote(dice.pick(&["empty", "(,)", "[,)"])?)),
        TypeKind::Multirange(_) => cast(quote(dice.pick(&["{}", "{(,)}"])?)),
        TypeKind::Pseudo => None,
    }
}

fn or_null(
    catalog: &Catalog,
    pool: &Pool,
    dice: &mut Dice,
    oid: Oid,
    nulls: usize,
    depth: usize,
) -> Option<String> {
    if dice.chance(nulls) {
        Some("NULL".to_owned())
    } else {
        constant(catalog, pool, dice, oid, nulls, depth)
    }
}

const UUIDS: &[&str] = &[
    "00000000-0000-0000-0000-000000000001",
    "00000000-0000-0000-0000-000000000002",
    "00000000-0000-0000-0000-000000000003",
];

fn base(name: &str, pool: &Pool, dice: &mut Dice) -> Option<String> {
    let fixed: &[&str] = match name {
        "bool" => &["true", "false"],
        "int2" | "int4" | "int8" | "float4" | "float8" | "numeric" | "oid" | "money" => {
            if dice.chance(30)
                && let Some(number) = dice.pick(&pool.numbers)
                && (name != "int2" || number.len() <= 4)
            {
                return Some(number.clone());
            }
            match name {
                "oid" => &["0", "1", "1259"],
                "float4" | "float8" => &["0", "1", "2", "-1", "0.5", "NaN", "Infinity"],
                "numeric" => &["0", "1", "2", "-1", "0.5", "NaN"],
                _ => &["0", "1", "2", "3", "10", "-1"],
            }
        }
        "text" | "varchar" | "bpchar" | "name" | "citext" => {
            if dice.chance(60)
                && let Some(text) = dice.pick(&pool.texts)
            {
                return Some(text.clone());
            }
            &["", "a", "b", "A", "a%", "1", "{}"]
        }
        "char" => &["a", "b"],
        "uuid" => UUIDS,
        "json" | "jsonb" => {
            if dice.chance(30)
                && let Some(text) = dice
                    .pick(&pool.texts)
                    .filter(|text| serde_json::from_str::<serde_json::Value>(text).is_ok())
            {
                return Some(text.clone());
            }
            &[
                "{}",
                "[]",
                "null",
                "1",
                "\"a\"",
                "[null, 1]",
                "[{\"id\": 1}]",
                "{\"a\": null}",
                "{\"id\": \"a\", \"1\": {}}",
            ]
        }
        "date" => &["2020-01-01", "2024-06-30", "infinity", "2099-01-01"],
        "timestamp" | "timestamptz" => &[
            "2020-01-01 00:00:00",
            "2024-06-30 12:00:00",
            "2099-01-01",
            "-infinity",
        ],
        "time" => &["00:00:00", "12:30:00"],
        "timetz" => &["00:00:00+00", "12:30:00+02"],
        "interval" => &["0", "1 day", "-3 months"],
        "bytea" => &["", "\\x00ff"],
        "inet" => &["10.0.0.1", "::1", "10.0.0.0/8"],
        "cidr" => &["10.0.0.0/8"],
        "macaddr" => &["08:00:2b:01:02:03"],
        "macaddr8" => &["08:00:2b:01:02:03:04:05"],
        "bit" => &["1"],
        "varbit" => &["", "101"],
        "tsvector" => &["", "a b"],
        "tsquery" => &["", "a & b"],
        "xml" => &["<a/>"],
        "point" => &["(0,0)", "(1,2)"],
        "box" => &["(0,0),(1,1)"],
        "lseg" => &["(0,0),(1,1)"],
        "line" => &["{1,2,3}"],
        "path" => &["[(0,0),(1,1)]"],
        "polygon" => &["((0,0),(1,1),(1,0))"],
        "circle" => &["<(0,0),1>"],
        "pg_lsn" => &["0/0", "1/2"],
        "xid8" => &["1"],
        "jsonpath" => &["$", "$.a"],
        "regclass" => &["pg_class"],
        "regtype" => &["int4"],
        _ => return None,
    };
    dice.pick(fixed).map(|text| (*text).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pool_holds_what_is_quoted() {
        let pool = Pool::gather(["status = 'active' AND n > 20 AND x <> 'it''s'"].into_iter());
        assert!(pool.texts.contains(&"active".to_owned()));
        assert!(pool.numbers.contains(&"20".to_owned()));
    }

    #[test]
    fn quoting_keeps_quotes_and_backslashes() {
        assert_eq!(quote("it's"), "'it''s'");
        assert_eq!(quote("a\\b"), "E'a\\\\b'");
        assert_eq!(quote_identifier("a\"b"), "\"a\"\"b\"");
    }
}
