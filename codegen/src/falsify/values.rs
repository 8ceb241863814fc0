//! SQL literals to try, by type.

use std::collections::BTreeSet;

use crate::catalog::{Catalog, Oid, TypeKind};
use crate::model::Pattern;
use crate::prove::pattern_of;

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
    /// Those of the texts that are regular expressions: a value that matches is hardly ever met by chance.
    patterns: Vec<Pattern>,
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
        let patterns = strings.iter().filter_map(|text| pattern_of(text));
        Self {
            patterns: patterns
                .filter(|pattern| !matches!(pattern, Pattern::Text(_)))
                .collect(),
            texts: strings.into_iter().collect(),
            numbers: numbers.into_iter().collect(),
        }
    }

    /// A text that one of the author's patterns is looking for: of a regular expression, or of LIKE.
    fn matching(&self, dice: &mut Dice) -> Option<String> {
        if dice.chance(50) {
            let text = dice.pick(&self.texts)?;
            return text
                .contains(['%', '_'])
                .then(|| text.replace('%', "a").replace('_', "b"));
        }
        let mut text = String::new();
        match_pattern(dice.pick(&self.patterns)?, dice, &mut text);
        Some(text)
    }

    /// A moment that stands in the author's texts, such as a bound of a partition.
    fn moment(&self, dice: &mut Dice) -> Option<String> {
        let text = dice.pick(&self.texts)?;
        let mut parts = text.get(..10)?.split('-').map(str::len);
        let dated = parts.by_ref().eq([4, 2, 2]);
        (dated && text.starts_with(|c: char| c.is_ascii_digit())).then(|| text.clone())
    }
}

/// Writes a text that matches, mostly: what stands before `^` or behind `$` is written as well.
fn match_pattern(pattern: &Pattern, dice: &mut Dice, out: &mut String) {
    match pattern {
        Pattern::Begin | Pattern::End => {}
        Pattern::Text(text) => out.push_str(text),
        Pattern::In(ranges) => {
            let from = dice.pick(ranges).map(|&(first, last)| {
                let within = |&c: &char| c <= last;
                let step = u32::try_from(dice.below(5)).unwrap_or_default();
                char::from_u32(u32::from(first) + step)
                    .filter(within)
                    .unwrap_or(first)
            });
            out.extend(from);
        }
        Pattern::NotIn(ranges) => {
            let outside = |c: &char| {
                !ranges
                    .iter()
                    .any(|(first, last)| (first..=last).contains(&c))
            };
            let free: Vec<char> = "ab1A-é".chars().filter(outside).collect();
            out.extend(dice.pick(&free));
        }
        Pattern::Row(parts) => parts.iter().for_each(|part| match_pattern(part, dice, out)),
        Pattern::Either(parts) => {
            if let Some(part) = dice.pick(parts) {
                match_pattern(part, dice, out);
            }
        }
        Pattern::Times(least, most, part) => {
            let room = most.map_or(2, |most| usize::from(most - least).min(2));
            for _ in 0..usize::from(*least) + dice.below(room + 1) {
                match_pattern(part, dice, out);
            }
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
    if matches!(name, "date" | "timestamp" | "timestamptz")
        && dice.chance(40)
        && let Some(moment) = pool.moment(dice)
    {
        return Some(moment);
    }
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
            if dice.chance(50)
                && let Some(text) = pool.matching(dice)
            {
                return Some(text);
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
    fn patterns_are_met_and_moments_found() {
        let texts = "email ~ '^[^@ ]+@[a-c]{2,3}\\.(com|org)$' OR name LIKE '%@_' OR at >= '2026-01-01 00:00:00+00'";
        let pool = Pool::gather([texts].into_iter());
        let mut dice = Dice::new(1);
        let made: BTreeSet<String> = (0..200).filter_map(|_| pool.matching(&mut dice)).collect();
        assert!(made.contains("a@b"), "{made:?}");
        let regular = |text: &&String| {
            text.split_once('@').is_some_and(|(name, host)| {
                !name.is_empty() && (host.ends_with(".com") || host.ends_with(".org"))
            })
        };
        assert!(made.iter().filter(regular).count() > 5, "{made:?}");
        let moments: BTreeSet<String> = (0..50).filter_map(|_| pool.moment(&mut dice)).collect();
        assert_eq!(
            moments,
            BTreeSet::from(["2026-01-01 00:00:00+00".to_owned()])
        );
    }

    #[test]
    fn quoting_keeps_quotes_and_backslashes() {
        assert_eq!(quote("it's"), "'it''s'");
        assert_eq!(quote("a\\b"), "E'a\\\\b'");
        assert_eq!(quote_identifier("a\"b"), "\"a\"\"b\"");
    }
}
