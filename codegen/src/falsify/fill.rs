//! Rows that careless reasoning does not expect: NULL wherever it may stand, duplicates wherever they may be, parents
//! without children, few distinct values so that joins meet.

use std::collections::{BTreeMap, BTreeSet};

use super::values::{Dice, Pool, literal, quote, quote_identifier};
use crate::catalog::{Catalog, Column, ConstraintKind, Identity, Oid, Relation, RelationKind};
use crate::wire::{Connection, Error};

/// What one round's rows are like.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    /// Rows that are tried for each table; some will break a constraint and be left out.
    pub(super) tries: usize,
    /// The chance in a hundred of NULL where NULL may stand.
    pub(super) nulls: usize,
    /// Columns of one name lean one way in a round, so that predicates on the same column of several tables are met
    /// together: with this, some names are always NULL, some never.
    pub(super) lean: Option<u64>,
    /// The chance in a hundred that a column with a default takes it.
    pub(super) defaults: usize,
}

/// The tables' contents, as text, for parameters and foreign keys to be drawn from.
#[derive(Debug, Default)]
pub(super) struct Contents {
    pub(super) rows: BTreeMap<Oid, Vec<Vec<Option<String>>>>,
    /// Every uuid in the database: ids without a foreign key mean one of them.
    pub(super) uuids: Vec<String>,
}

/// The tables that take rows, parents before those that refer to them.
pub(super) fn tables(catalog: &Catalog) -> Vec<&Relation> {
    let all: Vec<&Relation> = catalog
        .relations
        .values()
        .filter(|relation| {
            matches!(
                relation.kind,
                RelationKind::Table | RelationKind::PartitionedTable
            ) && !relation.is_partition
                && !relation.schema.starts_with("pg_")
                && relation.schema != "information_schema"
        })
        .collect();
    let mut ordered: Vec<&Relation> = Vec::new();
    let mut placed = BTreeSet::new();
    while ordered.len() < all.len() {
        let ready = |relation: &&&Relation| {
            !placed.contains(&relation.oid)
                && referenced(catalog, relation.oid).all(|(parent, required)| {
                    parent == relation.oid || placed.contains(&parent) || !required
                })
        };
        // In a cycle of required keys nothing is ready: take the first, its rows will be refused.
        let next = all
            .iter()
            .find(ready)
            .or_else(|| all.iter().find(|relation| !placed.contains(&relation.oid)));
        let Some(next) = next else { break };
        placed.insert(next.oid);
        ordered.push(next);
    }
    ordered
}

/// The tables that this one refers to, and whether a row cannot do without.
fn referenced(catalog: &Catalog, table: Oid) -> impl Iterator<Item = (Oid, bool)> {
    foreign_keys(catalog, table).map(move |(columns, parent, _)| {
        let required = catalog.relations.get(&table).is_some_and(|relation| {
            columns.iter().all(|&number| {
                relation
                    .column(number)
                    .is_some_and(|column| column.insert_not_null)
            })
        });
        (parent, required)
    })
}

pub(super) fn foreign_keys(
    catalog: &Catalog,
    table: Oid,
) -> impl Iterator<Item = (&[i16], Oid, &[i16])> {
    catalog
        .constraints
        .values()
        .filter(move |constraint| constraint.relation == table)
        .filter_map(|constraint| match &constraint.kind {
            ConstraintKind::ForeignKey {
                columns,
                references,
                referenced,
                ..
            } => Some((columns.as_slice(), *references, referenced.as_slice())),
            _ => None,
        })
}

pub(super) fn empty(connection: &mut Connection, tables: &[&Relation]) -> Result<(), Error> {
    if tables.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = tables.iter().map(|table| name(table)).collect();
    let truncate = |names: &str| format!("TRUNCATE {names} RESTART IDENTITY CASCADE");
    match connection.simple(&truncate(&names.join(", "))) {
        Ok(_) => return Ok(()),
        Err(Error::Server(_)) => {}
        Err(error) => return Err(error),
    }
    // One of them cannot be emptied (a partition is a foreign table): it keeps its rows, the others do not.
    for name in names {
        match connection.simple(&truncate(&name)) {
            Ok(_) | Err(Error::Server(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn name(table: &Relation) -> String {
    format!(
        "{}.{}",
        quote_identifier(&table.schema),
        quote_identifier(&table.name)
    )
}

/// Fills every table and reads back what stayed.
pub(super) fn fill(
    connection: &mut Connection,
    catalog: &Catalog,
    tables: &[&Relation],
    pool: &Pool,
    dice: &mut Dice,
    style: Style,
) -> Result<Contents, Error> {
    let mut contents = Contents::default();
    for table in tables {
        for _ in 0..style.tries {
            let Some(insert) = insert(catalog, table, pool, dice, style, &contents) else {
                break;
            };
            match connection.simple(&insert) {
                // A row that breaks a constraint or upsets a trigger is no row.
                Ok(_) | Err(Error::Server(_)) => {}
                Err(error) => return Err(error),
            }
        }
        read_table(connection, table, &mut contents)?;
    }
    // Triggers write into other tables.
    read(connection, tables)
}

pub(super) fn read(connection: &mut Connection, tables: &[&Relation]) -> Result<Contents, Error> {
    let mut contents = Contents::default();
    for table in tables {
        read_table(connection, table, &mut contents)?;
    }
    Ok(contents)
}

fn read_table(
    connection: &mut Connection,
    table: &Relation,
    contents: &mut Contents,
) -> Result<(), Error> {
    if table.columns.is_empty() {
        return Ok(());
    }
    let columns: Vec<String> = table
        .columns
        .iter()
        .map(|column| quote_identifier(&column.name))
        .collect();
    let results = connection.simple(&format!(
        "SELECT {} FROM {} LIMIT 200",
        columns.join(", "),
        name(table)
    ))?;
    let rows: Vec<Vec<Option<String>>> = results
        .into_iter()
        .next()
        .map(|rows| rows.rows)
        .unwrap_or_default();
    for value in rows.iter().flatten().flatten() {
        if value.len() == 36 && value.bytes().filter(|&byte| byte == b'-').count() == 4 {
            contents.uuids.push(value.clone());
        }
    }
    contents.rows.insert(table.oid, rows);
    Ok(())
}

/// `None` where a required column's type is one that this cannot write.
fn insert(
    catalog: &Catalog,
    table: &Relation,
    pool: &Pool,
    dice: &mut Dice,
    style: Style,
    contents: &Contents,
) -> Option<String> {
    let mut values: BTreeMap<i16, String> = BTreeMap::new();
    for (columns, parent, referenced) in foreign_keys(catalog, table.oid) {
        let Some(row) = contents.rows.get(&parent).and_then(|rows| dice.pick(rows)) else {
            continue;
        };
        let Some(parent) = catalog.relations.get(&parent) else {
            continue;
        };
        for (column, referenced) in columns.iter().zip(referenced) {
            let place = parent
                .columns
                .iter()
                .position(|found| found.number == *referenced)?;
            if let Some(Some(value)) = row.get(place) {
                values.insert(*column, quote(value));
            }
        }
    }
    let mut assigned = Vec::new();
    for column in &table.columns {
        if let Some(value) = value(
            catalog,
            column,
            values.get(&column.number),
            pool,
            dice,
            style,
            contents,
        )? {
            assigned.push((quote_identifier(&column.name), value));
        }
    }
    if assigned.is_empty() {
        return Some(format!("INSERT INTO {} DEFAULT VALUES", name(table)));
    }
    let (columns, values): (Vec<String>, Vec<String>) = assigned.into_iter().unzip();
    Some(format!(
        "INSERT INTO {} ({}) VALUES ({})",
        name(table),
        columns.join(", "),
        values.join(", ")
    ))
}

fn nulls(style: Style, name: &str) -> usize {
    let Some(lean) = style.lean else {
        return style.nulls;
    };
    let hash = name.bytes().fold(lean, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    match (hash >> 20) % 4 {
        0 => 0,
        1 => 100,
        _ => style.nulls,
    }
}

/// The column's value; `Some(None)` leaves it to its default.
#[expect(
    clippy::option_option,
    reason = "the outer one gives up on the row, the inner one on the column"
)]
fn value(
    catalog: &Catalog,
    column: &Column,
    foreign: Option<&String>,
    pool: &Pool,
    dice: &mut Dice,
    style: Style,
    contents: &Contents,
) -> Option<Option<String>> {
    if column.generated.is_some() || column.identity == Some(Identity::Always) {
        return Some(None);
    }
    if column.has_default && dice.chance(style.defaults) {
        return Some(None);
    }
    if !column.insert_not_null && dice.chance(nulls(style, &column.name)) {
        return Some(Some("NULL".to_owned()));
    }
    if let Some(foreign) = foreign {
        return Some(Some(foreign.clone()));
    }
    // Ids without a foreign key mean some row all the same, more often than not.
    let is_uuid = catalog
        .types
        .get(&column.type_oid)
        .is_some_and(|found| found.name == "uuid");
    if is_uuid
        && !column.has_default
        && dice.chance(70)
        && let Some(id) = dice.pick(&contents.uuids)
    {
        return Some(Some(quote(id)));
    }
    match literal(catalog, pool, dice, column.type_oid, style.nulls.min(40)) {
        Some(text) => Some(Some(text)),
        None if column.has_default || !column.insert_not_null => Some(None),
        None => None,
    }
}
