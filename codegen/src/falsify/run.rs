//! Runs the queries and writes down what they did.

use std::collections::BTreeMap;

use super::fill::{Contents, Style, empty, fill, foreign_keys, read, tables};
use super::paging;
use super::values::{Dice, Pool, literal, quote, type_reference};
use super::{Broken, Effort, Error, Observation, Subject, inside};
use crate::catalog::{Catalog, Oid};
use crate::facts::{Access, ParamFacts};
use crate::parse::syntax::Role;
use crate::wire::{self, Connection};

/// Runs every subject in every round, and in as many rounds again those of which not enough was seen. `connection` is on a scratch
/// database that nobody else uses: its rows are replaced, those that the schema itself inserted after the first round.
pub fn observe(
    connection: &mut Connection,
    catalog: &Catalog,
    subjects: &[Subject<'_>],
    effort: Effort,
    enough: &dyn Fn(usize, &Observation) -> bool,
    progress: &mut dyn FnMut(u32, u32),
) -> Result<Vec<Observation>, Error> {
    let mut dice = Dice::new(effort.seed);
    let checks = catalog
        .constraints
        .values()
        .filter(|constraint| constraint.schema != "information_schema")
        .map(|constraint| constraint.definition.as_str());
    let bounds = connection.simple(
        "SELECT pg_catalog.pg_get_expr(relpartbound, oid) FROM pg_catalog.pg_class WHERE relispartition",
    )?;
    let bounds = bounds
        .iter()
        .flat_map(|rows| &rows.rows)
        .flatten()
        .flatten();
    let pool = Pool::gather(
        subjects
            .iter()
            .map(|subject| subject.sql)
            .chain(checks)
            .chain(bounds.map(String::as_str)),
    );
    let tables = tables(catalog);
    // A query that waits or runs away must not stop the others.
    connection.simple(
        "SET statement_timeout = '5s'; SET lock_timeout = '1s'; SET client_min_messages = error",
    )?;
    let mut seen: Vec<Observation> = Vec::with_capacity(subjects.len());
    for (index, subject) in subjects.iter().enumerate() {
        let mut observation = Observation::default();
        observation
            .columns
            .resize_with(subject.statement.columns.len(), Default::default);
        if let Err(error) =
            connection.simple(&format!("PREPARE falsify_{index} AS {}\n", subject.sql))
        {
            note_error(&mut observation, error)?;
        }
        if let Err(error) = paging::prepare(connection, index, subject) {
            note_error(&mut observation, error)?;
        }
        seen.push(observation);
    }
    let total = effort.rounds + 4;
    for round in 0..total + effort.rounds {
        progress(round.min(total), total);
        let again = round >= total;
        let tried = |index: usize, seen: &[Observation]| !again || !enough(index, &seen[index]);
        if !(0..subjects.len()).any(|index| tried(index, &seen)) {
            break;
        }
        let contents = match style(round, &mut dice) {
            None => read(connection, &tables)?,
            Some(style) => {
                empty(connection, &tables)?;
                fill(connection, catalog, &tables, &pool, &mut dice, style)?
            }
        };
        for (index, subject) in subjects.iter().enumerate() {
            if !tried(index, &seen) {
                continue;
            }
            let draws = if subject.statement.params.is_empty() {
                1
            } else {
                effort.draws
            };
            // Numbers of its own, so that what is drawn for one query does not hang on which others there are.
            let mut dice = Dice::new(effort.seed.wrapping_add(hash(subject.sql, round)));
            for _ in 0..draws {
                let Some(arguments) = arguments(catalog, subject, &pool, &mut dice, &contents)
                else {
                    break;
                };
                run(
                    connection,
                    catalog,
                    index,
                    subject,
                    &arguments,
                    &mut dice,
                    &mut seen[index],
                )?;
            }
        }
    }
    progress(total, total);
    Ok(seen)
}

/// FNV-1a: the same on every machine, in every version of Rust.
fn hash(text: &str, round: u32) -> u64 {
    let bytes = text.bytes().chain(round.to_le_bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// `None`: the rows as the schema left them.
fn style(round: u32, dice: &mut Dice) -> Option<Style> {
    let plain = |tries, nulls, defaults| Style {
        tries,
        nulls,
        lean: None,
        defaults,
    };
    Some(match round {
        0 => return None,
        1 => plain(0, 0, 0),
        2 => plain(6, 100, 50),
        3 => plain(8, 0, 40),
        _ => Style {
            tries: 2 + dice.below(12),
            nulls: 20 + dice.below(40),
            lean: (!round.is_multiple_of(4)).then(|| dice.next()),
            defaults: 30 + dice.below(40),
        },
    })
}

/// One row of each table, joined by the foreign keys where they join: parameters drawn from them meet predicates over
/// several columns and several tables.
fn related_rows(
    catalog: &Catalog,
    contents: &Contents,
    subject: &Subject<'_>,
    dice: &mut Dice,
) -> BTreeMap<Oid, usize> {
    let origins = subject
        .facts
        .params
        .iter()
        .filter_map(|facts| facts.origin)
        .map(|(table, _)| table);
    let mut wanted: Vec<Oid> = subject.facts.reads.keys().copied().chain(origins).collect();
    if wanted.is_empty() {
        return BTreeMap::new();
    }
    // Begin anywhere, so that now and then it is the child that decides and now and then the parent.
    let start = dice.below(wanted.len());
    wanted.rotate_left(start);
    let mut chosen = BTreeMap::new();
    for &table in &wanted {
        let rows = contents
            .rows
            .get(&table)
            .map(Vec::as_slice)
            .unwrap_or_default();
        if rows.is_empty() || chosen.contains_key(&table) {
            continue;
        }
        let fitting: Vec<usize> = (0..rows.len())
            .filter(|&row| {
                chosen
                    .iter()
                    .all(|(&other, &place)| fits(catalog, contents, (table, row), (other, place)))
            })
            .collect();
        let row = dice
            .pick(&fitting)
            .copied()
            .unwrap_or_else(|| dice.below(rows.len()));
        chosen.insert(table, row);
    }
    chosen
}

/// Does no foreign key between the two rows say otherwise?
fn fits(catalog: &Catalog, contents: &Contents, a: (Oid, usize), b: (Oid, usize)) -> bool {
    let value = |(table, row): (Oid, usize), number: i16| {
        let place = catalog
            .relations
            .get(&table)?
            .columns
            .iter()
            .position(|column| column.number == number)?;
        contents.rows.get(&table)?.get(row)?.get(place)?.as_deref()
    };
    let agrees = |child: (Oid, usize), parent: (Oid, usize)| {
        let mut keys = foreign_keys(catalog, child.0)
            .filter(|&(_, references, _)| references == parent.0)
            .peekable();
        // Several keys to one table, as of who made and who changed a row: one of them will do.
        keys.peek().is_none()
            || keys.any(|(columns, _, referenced)| {
                columns
                    .iter()
                    .zip(referenced)
                    .all(|(&column, &key)| value(child, column) == value(parent, key))
            })
    };
    agrees(a, b) && agrees(b, a)
}

/// The parameters of one run, as SQL.
fn arguments(
    catalog: &Catalog,
    subject: &Subject<'_>,
    pool: &Pool,
    dice: &mut Dice,
    contents: &Contents,
) -> Option<Vec<String>> {
    let Some(one) = subject.one_row else {
        return of_one_row(catalog, subject, pool, dice, contents);
    };
    let one = Subject {
        statement: one.statement,
        facts: one.facts,
        one_row: None,
        ..*subject
    };
    let count = dice.pick(&[0, 1, 2, 2, 3, 5]).copied().unwrap_or_default();
    let mut rows = Vec::new();
    for _ in 0..count {
        rows.push(of_one_row(catalog, &one, pool, dice, contents)?);
    }
    let arrays = subject.statement.params.iter().enumerate();
    arrays
        .map(|(place, &oid)| {
            let elements: Vec<&str> = rows
                .iter()
                .filter_map(|row| row.get(place).map(String::as_str))
                .collect();
            let array = type_reference(catalog, oid)?;
            Some(format!("ARRAY[{}]::{array}", elements.join(", ")))
        })
        .collect()
}

fn of_one_row(
    catalog: &Catalog,
    subject: &Subject<'_>,
    pool: &Pool,
    dice: &mut Dice,
    contents: &Contents,
) -> Option<Vec<String>> {
    let rows = related_rows(catalog, contents, subject, dice);
    let mut arguments: Vec<String> = Vec::new();
    for (index, &oid) in subject.statement.params.iter().enumerate() {
        let facts = subject.facts.params.get(index);
        if subject
            .params
            .get(index)
            .is_some_and(|param| param.role == Role::Switch)
        {
            arguments.push((!dice.chance(40)).to_string());
            continue;
        }
        arguments.push(argument(catalog, facts, oid, pool, dice, contents, &rows)?);
    }
    // As the runtime sends it: a patch that keeps has no value.
    for (place, switch) in subject.params.iter().enumerate() {
        let value = subject
            .params
            .iter()
            .position(|param| param.name == switch.name && param.role != Role::Switch);
        if switch.role == Role::Switch
            && arguments.get(place).is_some_and(|switch| switch == "false")
            && let Some(value) = value.and_then(|value| arguments.get_mut(value))
        {
            "NULL".clone_into(value);
        }
    }
    Some(arguments)
}

fn argument(
    catalog: &Catalog,
    facts: Option<&ParamFacts>,
    oid: Oid,
    pool: &Pool,
    dice: &mut Dice,
    contents: &Contents,
    chosen: &BTreeMap<Oid, usize>,
) -> Option<String> {
    if facts.is_some_and(|facts| facts.nullable.value) && dice.chance(30) {
        return Some("NULL".to_owned());
    }
    let from_column = facts.and_then(|facts| facts.origin);
    let element = catalog.element_type(oid);
    if let Some((table, number)) = from_column
        && dice.chance(80)
    {
        let relation = catalog.relations.get(&table)?;
        let place = relation
            .columns
            .iter()
            .position(|column| column.number == number);
        let column_is_array = place
            .and_then(|place| relation.columns.get(place))
            .is_some_and(|column| catalog.element_type(column.type_oid).is_some());
        let rows = contents
            .rows
            .get(&table)
            .map(Vec::as_slice)
            .unwrap_or_default();
        if let (Some(place), false) = (place, rows.is_empty()) {
            if element.is_some() && !column_is_array {
                return Some(array_of(rows, place, dice, facts));
            }
            let row = chosen.get(&table).copied().unwrap_or_default();
            if let Some(Some(value)) = rows.get(row).and_then(|row| row.get(place)) {
                return Some(quote(value));
            }
        }
    }
    let is_uuid = |oid: Oid| {
        catalog
            .types
            .get(&oid)
            .is_some_and(|found| found.name == "uuid")
    };
    if is_uuid(oid)
        && dice.chance(80)
        && let Some(id) = dice.pick(&contents.uuids)
    {
        return Some(quote(id));
    }
    let null_elements = facts
        .and_then(|facts| facts.elements.as_ref())
        .is_some_and(|elements| elements.value);
    let nulls = if null_elements { 25 } else { 0 };
    if let Some(element) = element
        && is_uuid(element)
    {
        let count = dice.below(4);
        let ids: Vec<String> = (0..count)
            .filter_map(|_| dice.pick(&contents.uuids))
            .map(|id| quote(id))
            .collect();
        return Some(format!("ARRAY[{}]::uuid[]", ids.join(", ")));
    }
    literal(catalog, pool, dice, oid, nulls)
}

/// Some of a column's values, with one of them twice now and then.
fn array_of(
    rows: &[Vec<Option<String>>],
    place: usize,
    dice: &mut Dice,
    facts: Option<&ParamFacts>,
) -> String {
    let null_elements = facts
        .and_then(|facts| facts.elements.as_ref())
        .is_some_and(|elements| elements.value);
    let count = dice.below(5);
    let mut elements = Vec::new();
    for _ in 0..count {
        match dice
            .pick(rows)
            .and_then(|row| row.get(place))
            .cloned()
            .flatten()
        {
            Some(value) => elements.push(format!(
                "\"{}\"",
                value.replace('\\', "\\\\").replace('"', "\\\"")
            )),
            None if null_elements => elements.push("NULL".to_owned()),
            None => {}
        }
    }
    quote(&format!("{{{}}}", elements.join(",")))
}

fn run(
    connection: &mut Connection,
    catalog: &Catalog,
    index: usize,
    subject: &Subject<'_>,
    arguments: &[String],
    dice: &mut Dice,
    seen: &mut Observation,
) -> Result<(), Error> {
    let list = if arguments.is_empty() {
        String::new()
    } else {
        format!("({})", arguments.join(", "))
    };
    let reads = subject.facts.access.value == Access::Read;
    connection.simple(if reads { "BEGIN READ ONLY" } else { "BEGIN" })?;
    // Deferred constraints are raised here, where they can be seen, and nothing is kept.
    let result = connection
        .simple(&format!("EXECUTE falsify_{index}{list}"))
        .and_then(|results| {
            connection
                .simple("SET CONSTRAINTS ALL IMMEDIATE")
                .map(|_| results)
        });
    match result {
        Ok(results) => {
            let mut rows = results
                .into_iter()
                .next()
                .map(|rows| rows.rows)
                .unwrap_or_default();
            // Rows without columns are counted, as those of an UPDATE are, and none comes back.
            if subject.statement.columns.is_empty() {
                rows.retain(|row| !row.is_empty());
            }
            note_rows(catalog, subject, &rows, &arguments.join(", "), seen);
            paging::compare(connection, index, subject, &rows, arguments, dice, seen)?;
        }
        Err(wire::Error::Server(error)) if error.code.starts_with("23") => {
            let broken = Broken {
                table: error.table.clone(),
                column: error.column.clone(),
                constraint: error.constraint.clone(),
                code: error.code.clone(),
            };
            seen.broken
                .entry(broken)
                .or_insert_with(|| arguments.join(", "));
        }
        Err(wire::Error::Server(error)) if error.code == "25006" => {
            seen.writes.get_or_insert_with(|| arguments.join(", "));
        }
        Err(error) => note_error(seen, error)?,
    }
    connection.simple("ROLLBACK")?;
    Ok(())
}

/// The server's refusals are noted; a lost connection is the end.
fn note_error(seen: &mut Observation, error: wire::Error) -> Result<(), Error> {
    match error {
        wire::Error::Server(error) => {
            seen.errors
                .entry(error.code.clone())
                .or_insert_with(|| error.message.clone());
            Ok(())
        }
        error => Err(error.into()),
    }
}

fn note_rows(
    catalog: &Catalog,
    subject: &Subject<'_>,
    rows: &[Vec<Option<String>>],
    arguments: &str,
    seen: &mut Observation,
) {
    let count = rows.len() as u64;
    seen.runs += 1;
    seen.rows += count;
    if seen.fewest.is_none_or(|fewest| count < fewest) {
        seen.fewest = Some(count);
        arguments.clone_into(&mut seen.fewest_with);
    }
    if count > seen.most {
        seen.most = count;
        arguments.clone_into(&mut seen.most_with);
    }
    for row in rows {
        for (index, ((value, column), observed)) in row
            .iter()
            .zip(&subject.statement.columns)
            .zip(&mut seen.columns)
            .enumerate()
        {
            let Some(text) = value else {
                observed.null.get_or_insert_with(|| arguments.to_owned());
                continue;
            };
            observed.seen = true;
            if let Some(facts) = subject.facts.columns.get(index) {
                for path in inside::nulls(catalog, column.type_oid, facts, text) {
                    observed
                        .inside
                        .entry(path)
                        .or_insert_with(|| arguments.to_owned());
                }
            }
        }
    }
}
