//! Rows for tests: what is given is stored, and what else a row must have is made up, the rows that it refers to included.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::error::{Error, ErrorKind, Result};
use crate::handle::Writer;
use crate::param::{EncodeError, Encoded, Param, Params, Slots};
use crate::query::{Many, One};
use crate::row::Row;
use crate::statement::Statement;
use crate::type_list::ANY;
use crate::wire::{Buffer, Type};

/// A row that is being described; see [`factory!`](crate::factory).
///
/// What is not given and has no default is made up: texts and numbers that no other row of this process has, the first
/// label of an enum, the present moment. A row that must be referred to and is not given is inserted, and so on; rows that
/// need one of the same table share it.
pub struct Draft<'a> {
    table: Table,
    columns: &'static [&'static str],
    given: BTreeMap<&'static str, Box<dyn Param + 'a>>,
}

/// Schema and name.
type Table = (&'static str, &'static str);

impl<'a> Draft<'a> {
    /// Of a table, and the columns that its row type has.
    pub fn new(
        schema: &'static str,
        table: &'static str,
        columns: &'static [&'static str],
    ) -> Self {
        Self {
            table: (schema, table),
            columns,
            given: BTreeMap::new(),
        }
    }

    /// Sets a column.
    pub fn set(&mut self, column: &'static str, value: impl Param + 'a) {
        self.given.insert(column, Box::new(value));
    }

    /// Inserts the row, and before it what it refers to.
    ///
    /// # Errors
    ///
    /// [`Constraint`](crate::ErrorKind::Constraint) where what is made up does not meet a rule of the schema: give these columns. `Other` where a
    /// column is of a type for which nothing can be made up.
    pub async fn insert<R: Row>(self, db: &impl Writer) -> Result<R> {
        let mut world = World {
            db,
            rows: HashMap::new(),
            depth: 0,
        };
        let given = self
            .given
            .iter()
            .map(|(&name, value)| (name.to_owned(), Value::Given(&**value)))
            .collect();
        let (schema, name) = (self.table.0.to_owned(), self.table.1.to_owned());
        let filled = world.fill((schema, name), given).await?;
        let columns: Vec<String> = self.columns.iter().map(|name| quoted(name)).collect();
        filled.insert(db, &columns.join(", ")).await
    }
}

impl fmt::Debug for Draft<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let given: Vec<&&str> = self.given.keys().collect();
        f.debug_struct("Draft")
            .field("table", &self.table.1)
            .field("given", &given)
            .finish()
    }
}

/// What a factory's method takes for a column: the value itself, a reference to what it borrows from, or, where NULL may
/// stand, the value without `Some`.
pub trait Give<T> {
    /// The value as the column has it.
    fn give(self) -> T;
}

impl<T> Give<T> for T {
    fn give(self) -> T {
        self
    }
}

impl<T> Give<Option<T>> for T {
    fn give(self) -> Option<T> {
        Some(self)
    }
}

impl<'a> Give<&'a str> for &'a String {
    fn give(self) -> &'a str {
        self
    }
}

impl<'a> Give<Option<&'a str>> for &'a String {
    fn give(self) -> Option<&'a str> {
        Some(self)
    }
}

impl<'a, T> Give<&'a [T]> for &'a Vec<T> {
    fn give(self) -> &'a [T] {
        self
    }
}

impl<'a, T> Give<Option<&'a [T]>> for &'a Vec<T> {
    fn give(self) -> Option<&'a [T]> {
        Some(self)
    }
}

impl<'a, T, const N: usize> Give<&'a [T]> for &'a [T; N] {
    fn give(self) -> &'a [T] {
        self
    }
}

impl<'a, T, const N: usize> Give<Option<&'a [T]>> for &'a [T; N] {
    fn give(self) -> Option<&'a [T]> {
        Some(self)
    }
}

/// A column's value on its way to the server.
#[derive(Clone)]
enum Value<'v> {
    Given(&'v dyn Param),
    /// As PostgreSQL writes it.
    Text(String),
}

impl Param for Value<'_> {
    fn encode(&self, ty: Type<'_>, out: &mut Buffer<'_>) -> Result<Encoded, EncodeError> {
        match self {
            Self::Given(value) => value.encode(ty, out),
            Self::Text(text) => text.as_str().encode(ty, out),
        }
    }
}

/// As many as there are.
struct Values<'v>(Vec<Value<'v>>);

impl Params for Values<'_> {
    fn bind<'p>(&'p self, slots: &mut Slots<'p>) {
        for value in &self.0 {
            slots.push(value);
        }
    }
}

/// The values of a row, and how the statement takes each.
struct Filled<'v> {
    table: (String, String),
    names: Vec<String>,
    /// `$1`, `$2::text::"char"`
    places: Vec<String>,
    values: Vec<Value<'v>>,
    made_up: Vec<String>,
}

impl<'v> Filled<'v> {
    fn push(&mut self, column: &TableColumn, value: Value<'v>) {
        let number = self.values.len() + 1;
        self.names.push(quoted(&column.name));
        self.places.push(match &value {
            Value::Given(_) => format!("${number}"),
            Value::Text(_) => format!("${number}::text::{}", column.type_name),
        });
        self.values.push(value);
    }

    async fn insert<R: Row>(self, db: &impl Writer, returning: &str) -> Result<R> {
        let (schema, name) = (quoted(&self.table.0), quoted(&self.table.1));
        let values = match self.names.as_slice() {
            [] => "DEFAULT VALUES".to_owned(),
            names => format!(
                "({}) OVERRIDING SYSTEM VALUE VALUES ({})",
                names.join(", "),
                self.places.join(", ")
            ),
        };
        let sql = format!("INSERT INTO {schema}.{name} {values} RETURNING {returning}");
        // What was given has the column's type by the factory's methods, the rest is text; the row is one of the crate's.
        let statement: Statement<Values<'_>, R> =
            Statement::new(TESTING, PLACE, lasting(sql), ANY, ANY);
        let made_up = self.made_up.join("`, `");
        let inserted = One::new(db, &statement, Values(self.values)).await;
        inserted.map_err(|error| {
            let table = &self.table.1;
            match made_up.is_empty() {
                true => error.noting(&format!("a row of `{table}`")),
                false => error.noting(&format!("a row of `{table}`, with `{made_up}` made up")),
            }
        })
    }
}

const TESTING: &str = "testing";
const PLACE: &str = "a factory";

/// Connections know statements by the address of their text. There is one for each table and set of columns given.
fn lasting(sql: String) -> &'static str {
    static TEXTS: Mutex<Option<HashSet<&'static str>>> = Mutex::new(None);

    let mut texts = TEXTS.lock().unwrap_or_else(PoisonError::into_inner);
    let texts = texts.get_or_insert_default();
    if let Some(text) = texts.get(sql.as_str()) {
        return text;
    }
    let text: &'static str = Box::leak(sql.into_boxed_str());
    texts.insert(text);
    text
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// What one call has made so far, and where.
struct World<'w, 'v, D> {
    db: &'w D,
    /// Of tables that were referred to: columns and what one row has there.
    rows: HashMap<(String, String), Known<'v>>,
    depth: usize,
}

type Known<'v> = BTreeMap<String, Value<'v>>;

/// Rows that need rows that need rows: beyond this they need each other.
const DEEPEST: usize = 16;

impl<'v, D: Writer> World<'_, 'v, D> {
    /// A row of a table that has what is given and all else that it must have.
    async fn fill(&mut self, table: (String, String), mut given: Known<'v>) -> Result<Filled<'v>> {
        let key = format!("{}.{}", quoted(&table.0), quoted(&table.1));
        let columns: Vec<TableColumn> = Many::new(self.db, &COLUMNS, (key.as_str(),)).await?;
        let references: Vec<Reference> = Many::new(self.db, &REFERENCES, (key.as_str(),)).await?;
        let required = |name: &str| {
            let column = columns.iter().find(|column| column.name == name);
            column.is_some_and(|column| column.required)
        };
        for reference in &references {
            if let Some(row) = reference.given(&given) {
                self.rows.entry(reference.target()).or_insert(row);
            }
        }
        for reference in &references {
            let missing = |name: &&String| !given.contains_key(*name);
            if !reference
                .columns
                .iter()
                .filter(missing)
                .any(|name| required(name))
            {
                continue;
            }
            let found = self.rows.get(&reference.target());
            let row = match found.filter(|row| reference.fits(row, &given)) {
                Some(row) => row.clone(),
                None => {
                    let row = self.make(reference, &table, &given).await?;
                    self.rows.entry(reference.target()).or_insert(row.clone());
                    row
                }
            };
            for (name, referenced) in reference.pairs() {
                if let Some(value) = row.get(referenced) {
                    given.entry(name.clone()).or_insert(value.clone());
                }
            }
        }
        let mut filled = Filled {
            table,
            names: Vec::new(),
            places: Vec::new(),
            values: Vec::new(),
            made_up: Vec::new(),
        };
        for column in &columns {
            if let Some(value) = given.get(&column.name) {
                filled.push(column, value.clone());
            } else if column.required {
                let Some(text) = made_up(column) else {
                    let detail = format!(
                        "no value for `{}.{}` of type {} can be made up: give one",
                        filled.table.1, column.name, column.type_name
                    );
                    return Err(Error::with(ErrorKind::Other, detail));
                };
                filled.made_up.push(column.name.clone());
                filled.push(column, Value::Text(text));
            }
        }
        Ok(filled)
    }

    /// The row that is referred to.
    fn make<'s>(
        &'s mut self,
        reference: &'s Reference,
        from: &'s (String, String),
        given: &'s Known<'v>,
    ) -> Pin<Box<dyn Future<Output = Result<Known<'v>>> + Send + 's>> {
        Box::pin(async move {
            if self.depth == DEEPEST {
                let columns = reference.columns.join("`, `");
                let detail = format!(
                    "a row of `{}` needs rows that need one of its kind: give `{columns}`",
                    from.1
                );
                return Err(Error::with(ErrorKind::Other, detail));
            }
            let known = reference
                .pairs()
                .filter_map(|(name, referenced)| {
                    Some((referenced.clone(), given.get(name)?.clone()))
                })
                .collect();
            self.depth += 1;
            let filled = self.fill(reference.target(), known).await?;
            self.depth -= 1;
            let keys: Vec<String> = reference
                .referenced
                .iter()
                .map(|name| format!("{}::text", quoted(name)))
                .collect();
            let returning = format!("ARRAY[{}]", keys.join(", "));
            let values: Vec<Option<String>> = filled.insert(self.db, &returning).await?;
            Ok(reference
                .referenced
                .iter()
                .zip(values)
                .filter_map(|(name, value)| Some((name.clone(), Value::Text(value?))))
                .collect())
        })
    }
}

struct TableColumn {
    name: String,
    /// As a cast takes it.
    type_name: String,
    /// Not NULL, and nothing but the INSERT can give it a value.
    required: bool,
    /// Of the type beneath domains: `uuid`, and the server's letter for its like.
    base: String,
    category: String,
    /// The most characters, 0 where there is no limit.
    length: i32,
    /// The first, of an enum.
    label: Option<String>,
}

crate::row! { TableColumn { name, type_name, required, base, category, length, label } }

/// A foreign key.
struct Reference {
    columns: Vec<String>,
    schema: String,
    table: String,
    referenced: Vec<String>,
}

crate::row! { Reference { columns, schema, table, referenced } }

impl Reference {
    fn target(&self) -> (String, String) {
        (self.schema.clone(), self.table.clone())
    }

    fn pairs(&self) -> impl Iterator<Item = (&String, &String)> {
        self.columns.iter().zip(&self.referenced)
    }

    /// The row that it refers to, if all of its columns are given.
    fn given<'v>(&self, given: &Known<'v>) -> Option<Known<'v>> {
        self.pairs()
            .map(|(name, referenced)| Some((referenced.clone(), given.get(name)?.clone())))
            .collect()
    }

    /// Can a row stand for this reference? What is given besides must be all the same, which only the server could tell.
    fn fits(&self, row: &Known<'_>, given: &Known<'_>) -> bool {
        self.pairs()
            .all(|(name, referenced)| !given.contains_key(name) && row.contains_key(referenced))
    }
}

static COLUMNS: Statement<(&str,), TableColumn> = Statement::new(
    TESTING,
    PLACE,
    "WITH RECURSIVE beneath AS (
        SELECT a.attnum, a.atttypid AS type, a.atttypmod AS modifier, false AS not_null, false AS has_default
        FROM pg_catalog.pg_attribute a
        WHERE a.attrelid = $1::text::regclass AND a.attnum > 0 AND NOT a.attisdropped
        UNION ALL
        SELECT b.attnum, t.typbasetype, t.typtypmod, t.typnotnull, t.typdefault IS NOT NULL
        FROM beneath b JOIN pg_catalog.pg_type t ON t.oid = b.type AND t.typtype = 'd'
    ),
    domains AS (
        SELECT attnum, bool_or(not_null) AS not_null, bool_or(has_default) AS has_default
        FROM beneath GROUP BY attnum
    )
    SELECT a.attname::text,
        pg_catalog.format_type(a.atttypid, a.atttypmod),
        (a.attnotnull OR d.not_null) AND NOT a.atthasdef AND NOT d.has_default AND a.attidentity = '',
        t.typname::text,
        t.typcategory::text,
        CASE WHEN t.typname IN ('varchar', 'bpchar') THEN greatest(b.modifier - 4, 0) ELSE 0 END,
        (SELECT e.enumlabel::text FROM pg_catalog.pg_enum e WHERE e.enumtypid = t.oid ORDER BY e.enumsortorder LIMIT 1)
    FROM pg_catalog.pg_attribute a
    JOIN domains d USING (attnum)
    JOIN beneath b USING (attnum)
    JOIN pg_catalog.pg_type t ON t.oid = b.type AND t.typtype <> 'd'
    WHERE a.attrelid = $1::text::regclass
    ORDER BY a.attnum",
    "text",
    "text text bool text text int4 text",
);

static REFERENCES: Statement<(&str,), Reference> = Statement::new(
    TESTING,
    PLACE,
    "SELECT
        ARRAY(
            SELECT a.attname::text
            FROM unnest(c.conkey) WITH ORDINALITY AS k (number, place)
            JOIN pg_catalog.pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.number
            ORDER BY k.place
        ),
        n.nspname::text,
        r.relname::text,
        ARRAY(
            SELECT a.attname::text
            FROM unnest(c.confkey) WITH ORDINALITY AS k (number, place)
            JOIN pg_catalog.pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.number
            ORDER BY k.place
        )
    FROM pg_catalog.pg_constraint c
    JOIN pg_catalog.pg_class r ON r.oid = c.confrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = r.relnamespace
    WHERE c.conrelid = $1::text::regclass AND c.contype = 'f' AND NOT r.relispartition
    ORDER BY c.conkey, c.oid",
    "text",
    "text[] text text text[]",
);

/// Text that the column's type reads, as PostgreSQL writes it. Letters of `typcategory` are in the documentation of `pg_type`.
fn made_up(column: &TableColumn) -> Option<String> {
    static NEXT: AtomicU64 = AtomicU64::new(1);

    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    if let Some(label) = &column.label {
        return Some(label.clone());
    }
    let text = match (column.base.as_str(), column.category.as_str()) {
        ("uuid", _) => uuid::Uuid::from_u128(random()).to_string(),
        ("json" | "jsonb", _) => "{}".to_owned(),
        ("bytea" | "tsvector" | "hstore", _) => String::new(),
        ("xml", _) => "<row/>".to_owned(),
        ("ltree", _) => format!("row_{number}"),
        ("macaddr", _) => "08:00:2b:01:02:03".to_owned(),
        ("macaddr8", _) => "08:00:2b:ff:fe:01:02:03".to_owned(),
        ("int2", _) => (number % 32_768).to_string(),
        ("point", _) => "(0,0)".to_owned(),
        (base, "R") if base.ends_with("multirange") => "{}".to_owned(),
        (_, "R") => "empty".to_owned(),
        (_, "S") => made_up_text(column, number),
        (_, "N") => number.to_string(),
        (_, "B") => "false".to_owned(),
        (_, "D") => "now".to_owned(),
        (_, "T") => "1 day".to_owned(),
        (_, "A") => "{}".to_owned(),
        (_, "I") => "192.0.2.1".to_owned(),
        (_, "V") => "0".to_owned(),
        ("citext", _) => made_up_text(column, number),
        _ => return None,
    };
    Some(text)
}

fn made_up_text(column: &TableColumn, number: u64) -> String {
    let name = column.name.to_lowercase();
    let has = |part: &str| name.contains(part) || column.type_name.contains(part);
    let text = if has("email") {
        format!("person{number}@example.com")
    } else if has("url") || has("link") {
        format!("https://example.com/{number}")
    } else if has("phone") {
        format!("+1555{number:07}")
    } else if has("slug") || has("key") || has("code") || has("domain") {
        format!("{}-{number}", name.replace('_', "-"))
    } else {
        let mut words = name.replace('_', " ");
        if let Some(first) = words.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        format!("{words} {number}")
    };
    let most = usize::try_from(column.length).unwrap_or(0);
    if most == 0 || text.chars().count() <= most {
        return text;
    }
    // The number makes it the only one of its kind.
    let digits = number.to_string();
    let cut = digits.len().saturating_sub(most);
    digits.get(cut..).unwrap_or_default().to_owned()
}

fn random() -> u128 {
    use std::hash::{BuildHasher, RandomState};

    let half = || u128::from(RandomState::new().hash_one(0));
    half() << 64 | half()
}
