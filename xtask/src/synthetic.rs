//! A made-up project of any size, in SQL that sqlmill and Cornucopia both accept: the input of `bench gen`.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

pub(crate) const QUERIES_PER_FILE: usize = 20;

/// Writes `schema.sql` and `queries/domain_NN.sql` below `root`: `files` domains of [`QUERIES_PER_FILE`] queries each.
pub(crate) fn write(root: &Path, files: usize) -> io::Result<()> {
    let queries = root.join("queries");
    fs::create_dir_all(&queries)?;
    let mut schema = String::from(
        "create type state as enum ('draft', 'active', 'archived');\n\n\
         create table accounts (\n  id uuid primary key default gen_random_uuid(),\n  email text not null constraint accounts_email_key unique,\n  \
         name text,\n  created_at timestamptz not null default now()\n);\n\n",
    );
    for domain in 0..files {
        schema.push_str(&table(domain));
        fs::write(
            queries.join(format!("domain_{domain:02}.sql")),
            queries_of(domain),
        )?;
    }
    // Without one, that of the directory above would hold.
    fs::write(root.join("sqlmill.toml"), "")?;
    fs::write(root.join("split.toml"), "split = true\n")?;
    fs::write(root.join("schema.sql"), schema)
}

/// The text of one file's queries; `bench` changes one word of it.
pub(crate) fn queries_of(domain: usize) -> String {
    let table = format!("items_{domain:02}");
    let other = format!("items_{:02}", domain.saturating_sub(1));
    let mut text = String::new();
    for (name, row, sql) in QUERIES {
        let sql = sql.replace("{t}", &table).replace("{o}", &other);
        let _ = writeln!(text, "--! {name}_{domain:02}{row}\n{sql};\n");
    }
    text
}

fn table(domain: usize) -> String {
    let parent = domain.checked_sub(1).map_or_else(String::new, |parent| {
        format!(" references items_{parent:02} (id)")
    });
    format!(
        "create table items_{domain:02} (\n  \
           id bigint generated always as identity primary key,\n  \
           account_id uuid not null references accounts (id) on delete cascade,\n  \
           parent_id bigint{parent},\n  \
           title text not null,\n  \
           body text,\n  \
           state state not null default 'draft',\n  \
           score double precision,\n  \
           amount integer not null default 0,\n  \
           details jsonb not null default '{{}}',\n  \
           tags text[] not null default '{{}}',\n  \
           created_at timestamptz not null default now(),\n  \
           updated_at timestamptz not null default now(),\n  \
           constraint items_{domain:02}_title_key unique (account_id, title),\n  \
           constraint items_{domain:02}_amount_check check (amount >= 0)\n\
         );\n\
         create index items_{domain:02}_created_at_idx on items_{domain:02} (created_at, id);\n\n"
    )
}

/// Name, what Cornucopia must be told of the row, SQL. The mix follows what a real service's data package holds: mostly
/// plain statements and joins, some RETURNING, json, arrays, aggregates, CTEs.
const QUERIES: [(&str, &str, &str); QUERIES_PER_FILE] = [
    (
        "get_item",
        " : (parent_id?, body?, score?)",
        "SELECT id, account_id, parent_id, title, body, state, score, amount, details, tags, created_at, updated_at\nFROM {t}\nWHERE id = :id",
    ),
    ("get_title", "", "SELECT title FROM {t} WHERE id = :id"),
    (
        "list_items",
        " : (body?, score?)",
        "SELECT id, title, body, state, score, created_at\nFROM {t}\nWHERE account_id = :account_id\nORDER BY created_at DESC, id DESC\nLIMIT :limit OFFSET :offset",
    ),
    (
        "count_items",
        "",
        "SELECT count(*) AS total FROM {t} WHERE account_id = :account_id",
    ),
    (
        "item_exists",
        "",
        "SELECT EXISTS (SELECT 1 FROM {t} WHERE account_id = :account_id AND title = :title) AS found",
    ),
    (
        "create_item",
        "",
        "INSERT INTO {t} (account_id, title, state, amount, details)\nVALUES (:account_id, :title, :state, :amount, :details)\nRETURNING id, created_at",
    ),
    (
        "upsert_item",
        "",
        "INSERT INTO {t} (account_id, title, amount)\nVALUES (:account_id, :title, :amount)\nON CONFLICT (account_id, title) DO UPDATE SET amount = EXCLUDED.amount, updated_at = now()\nRETURNING id, amount, updated_at",
    ),
    (
        "rename_item",
        "",
        "UPDATE {t} SET title = :title, updated_at = now() WHERE id = :id",
    ),
    (
        "set_state",
        "",
        "UPDATE {t}\nSET state = :state, updated_at = now()\nWHERE id = :id AND state <> :state\nRETURNING id, state, updated_at",
    ),
    (
        "remove_item",
        "",
        "DELETE FROM {t} WHERE id = :id AND account_id = :account_id",
    ),
    (
        "list_by_ids",
        "",
        "SELECT id, title, amount FROM {t} WHERE id = ANY(:ids) ORDER BY id",
    ),
    (
        "list_with_account",
        " : (name?)",
        "SELECT i.id, i.title, i.amount, a.id AS account_id, a.email, a.name\nFROM {t} i\nJOIN accounts a ON a.id = i.account_id\nWHERE i.state = :state\nORDER BY i.id",
    ),
    (
        "list_with_parent",
        " : (parent_title?, parent_amount?)",
        "SELECT i.id, i.title, p.title AS parent_title, p.amount AS parent_amount\nFROM {t} i\nLEFT JOIN {o} p ON p.id = i.parent_id\nWHERE i.account_id = :account_id\nORDER BY i.id",
    ),
    (
        "totals_by_state",
        " : (best?)",
        "SELECT state, count(*) AS items, sum(amount) AS amount, max(score) AS best\nFROM {t}\nWHERE account_id = :account_id\nGROUP BY state\nORDER BY state",
    ),
    (
        "busiest_accounts",
        "",
        "WITH busy AS (\n  SELECT account_id, count(*) AS items\n  FROM {t}\n  WHERE created_at >= :since\n  GROUP BY account_id\n)\nSELECT a.id, a.email, b.items\nFROM busy b\nJOIN accounts a ON a.id = b.account_id\nORDER BY b.items DESC, a.id\nLIMIT 10",
    ),
    (
        "search_items",
        "",
        "SELECT id, title FROM {t}\nWHERE account_id = :account_id AND title ILIKE '%' || :text::text || '%'\nORDER BY title, id",
    ),
    (
        "list_tags",
        "",
        "SELECT DISTINCT unnest(tags) AS tag FROM {t} WHERE account_id = :account_id ORDER BY tag",
    ),
    (
        "detail_of",
        " : (detail?)",
        "SELECT id, details ->> :key AS detail FROM {t} WHERE id = :id",
    ),
    (
        "rank_items",
        " : (score?)",
        "SELECT id, title, score, row_number() OVER (PARTITION BY state ORDER BY amount DESC, id) AS place\nFROM {t}\nWHERE account_id = :account_id",
    ),
    (
        "move_item",
        "",
        "WITH moved AS (\n  UPDATE {t} SET account_id = :to_account, updated_at = now()\n  WHERE id = :id\n  RETURNING id, account_id\n)\nSELECT m.id, a.email FROM moved m JOIN accounts a ON a.id = m.account_id",
    ),
];
