//! The texts of `queries/calls.sql`, for the contenders that take SQL from the caller.

pub(crate) const BY_KEY: &str = "SELECT id, name, email, score, active FROM items WHERE id = $1";
pub(crate) const FIRST_ITEMS: &str =
    "SELECT id, name, email, score, active FROM items WHERE id <= $1 ORDER BY id";
pub(crate) const LINES: &str = "SELECT books.id, books.title, authors.name AS author
FROM books JOIN authors ON authors.id = books.author_id
ORDER BY books.id";
pub(crate) const INSERT_ONE: &str = "INSERT INTO entries (id, name) VALUES ($1, $2)";
pub(crate) const INSERT_MANY: &str = "INSERT INTO entries (id, name)
SELECT id, name FROM unnest($1::bigint[], $2::text[]) AS new (id, name)";
pub(crate) const NAP: &str = "SELECT 1 AS one FROM pg_sleep(0.2)";
pub(crate) const TOUCH: &str = "UPDATE items SET score = score WHERE id = $1";
