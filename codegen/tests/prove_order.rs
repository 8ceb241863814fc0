//! Orders: the keys of each, and whether rows that compare equal are really impossible where that is claimed.

#![allow(clippy::unwrap_used, clippy::panic)]

mod facts;

use facts::{Bench, benches};
use sqlmill::prove::Rules;

const SCHEMA: &str = include_str!("facts/rows_schema.sql");
const DATA: &str = include_str!("facts/rows_data.sql");

/// Statements with ORDER BY, and whether it is total. Each ends in its ORDER BY.
const TOTAL: &[&str] = &[
    "SELECT id FROM usr ORDER BY id",
    "SELECT name FROM usr ORDER BY name, id",
    "SELECT name FROM usr ORDER BY email DESC",
    "SELECT role FROM member ORDER BY org_id, user_id",
    "SELECT id FROM usr WHERE org_id = 1 ORDER BY id DESC NULLS LAST",
    "SELECT role FROM member WHERE user_id = 1 ORDER BY org_id",
    "SELECT u.id FROM usr u JOIN profile p ON p.user_id = u.id ORDER BY u.id",
    "SELECT u.id FROM usr u LEFT JOIN profile p ON p.user_id = u.id ORDER BY u.name, u.id",
    "SELECT u.id FROM usr u JOIN post p ON p.user_id = u.id ORDER BY p.id",
    "SELECT p.title FROM post p LEFT JOIN usr u ON u.id = p.user_id ORDER BY p.title, p.id",
    "SELECT u.id, p.id AS p FROM usr u LEFT JOIN post p ON p.user_id = u.id ORDER BY u.id, p.id",
    "SELECT u.id, p.bio FROM usr u FULL JOIN profile p ON p.user_id = u.id ORDER BY u.id, p.user_id",
    "SELECT u.id, m.role FROM usr u CROSS JOIN member m ORDER BY u.id, m.user_id, m.org_id",
    "SELECT DISTINCT name FROM usr ORDER BY name",
    "SELECT DISTINCT name, org_id FROM usr ORDER BY org_id, name",
    "SELECT name, count(*) FROM usr GROUP BY name ORDER BY name",
    "SELECT name, org_id, count(*) FROM usr GROUP BY 1, 2 ORDER BY org_id, name",
    "SELECT id FROM usr UNION SELECT id FROM org ORDER BY id",
    "SELECT count(*) AS n FROM usr ORDER BY n",
    "SELECT id FROM usr WHERE id = 1 ORDER BY name",
    "SELECT user_id FROM usr_counts ORDER BY user_id",
    "SELECT id FROM usr_view ORDER BY id",
    "WITH c AS (SELECT id, name FROM usr) SELECT name FROM c ORDER BY name, id",
    "SELECT DISTINCT ON (name) name, id FROM usr ORDER BY name, id",
    "WITH new AS (INSERT INTO org (id, name) SELECT id + 10, 'x' FROM usr RETURNING id) SELECT id FROM new ORDER BY id",
    "SELECT id FROM soft WHERE deleted_at IS NULL ORDER BY email",
    "SELECT v FROM ONLY parent ORDER BY id",
    "SELECT v FROM parted ORDER BY id, k",
    "SELECT word FROM blind_words ORDER BY word",
    "SELECT n FROM nums ORDER BY n",
    "SELECT id, name FROM usr ORDER BY 2, 1",
    "SELECT name FROM things ORDER BY kind, id",
];

/// Rows can compare equal, and do.
const TIES: &[&str] = &[
    "SELECT id FROM usr ORDER BY name",
    "SELECT id FROM usr ORDER BY org_id",
    "SELECT role FROM member ORDER BY user_id",
    "SELECT v FROM loose ORDER BY a, b",
    "SELECT id FROM usr ORDER BY nick",
    "SELECT v FROM late ORDER BY id",
    "SELECT v FROM parent ORDER BY id",
    "SELECT v FROM parted ORDER BY id",
    "SELECT u.id FROM usr u JOIN post p ON p.user_id = u.id ORDER BY u.id",
    "SELECT u.id, p.id AS p FROM usr u LEFT JOIN post p ON p.user_id = u.id ORDER BY u.id",
    "SELECT u.id AS a, p.id AS b FROM usr u CROSS JOIN post p ORDER BY p.id",
    "SELECT name, org_id, count(*) FROM usr GROUP BY name, org_id, id ORDER BY name, org_id",
    "SELECT id FROM usr UNION ALL SELECT id FROM org ORDER BY id",
    "SELECT id, 1 AS one FROM usr ORDER BY one",
    "SELECT name FROM things ORDER BY id",
    "SELECT id FROM same_things ORDER BY kind, id",
    "SELECT id FROM soft ORDER BY email",
    "SELECT word FROM words ORDER BY word",
    "SELECT id FROM words ORDER BY word",
    "SELECT name, count(*) FROM usr GROUP BY GROUPING SETS ((name), (name)) ORDER BY name",
    "SELECT id, generate_series(1, 2) AS g FROM usr ORDER BY id",
    "SELECT t FROM texts ORDER BY t USING <~~",
    "SELECT 1 AS k, id FROM usr UNION ALL SELECT '1'::bigint, id FROM org ORDER BY k, id",
    "SELECT 'a'::text AS k, id FROM usr UNION ALL SELECT 'a'::varchar, id FROM org ORDER BY k, id",
];

/// The same, from 18 on.
const TIES_OF_RETURNING: &[&str] =
    &["WITH gone AS (DELETE FROM org RETURNING new.id AS n) SELECT n FROM gone ORDER BY n"];

/// Are there two rows that are equal in all keys of the order?
fn has_ties(bench: &mut Bench, sql: &str) -> bool {
    let total = bench.rows(DATA, sql, "").unwrap().len();
    // WITH TIES from each place on shows the peers of the row there.
    (0..total).any(|offset| {
        let ties = format!("{sql} OFFSET {offset} FETCH FIRST 1 ROW WITH TIES");
        bench.rows(DATA, &ties, "").unwrap().len() > 1
    })
}

#[test]
fn total_orders_are_total() {
    for mut bench in benches("prove_order", SCHEMA) {
        let mut wrong = Vec::new();
        let of_returning = if bench.major >= 18 {
            TIES_OF_RETURNING
        } else {
            &[]
        };
        for (statements, expected) in [(TOTAL, true), (TIES, false), (of_returning, false)] {
            for sql in statements {
                let order = bench.facts(sql).order;
                let ties = has_ties(&mut bench, sql);
                if order.total.value != expected || ties == expected {
                    wrong.push(format!("{sql}\n  {:?}, ties {ties}", order.total));
                }
            }
        }
        assert!(
            wrong.is_empty(),
            "PostgreSQL {}\n{}",
            bench.major,
            wrong.join("\n")
        );
    }
}

#[test]
fn without_the_rule_ties_are_overlooked() {
    for mut bench in benches("prove_order", SCHEMA) {
        let described = bench.describe(TIES);
        assert!(described.iter().any(|described| {
            bench
                .prove(described, &Rules::without("order-total"))
                .order
                .total
                .value
        }));
    }
}

#[test]
fn keys_are_described() {
    for mut bench in benches("prove_order", SCHEMA) {
        let mut keys = |sql: &str| -> Vec<(String, bool, bool, bool, Option<usize>)> {
            bench
                .facts(sql)
                .order
                .keys
                .into_iter()
                .map(|key| {
                    (
                        key.text,
                        key.descending,
                        key.nulls_first,
                        key.nullable,
                        key.column,
                    )
                })
                .collect()
        };
        assert_eq!(
            keys("SELECT id, name FROM usr ORDER BY name DESC, id"),
            [
                ("name".to_owned(), true, true, true, Some(1)),
                ("id".to_owned(), false, false, false, Some(0)),
            ]
        );
        assert_eq!(
            keys("SELECT id FROM usr ORDER BY lower(email) NULLS FIRST, org_id DESC NULLS LAST"),
            [
                ("lower(email)".to_owned(), false, true, true, None),
                ("org_id".to_owned(), true, false, false, None),
            ]
        );
        assert_eq!(
            keys("SELECT name, count(*) AS n FROM usr GROUP BY name ORDER BY n DESC, name"),
            [
                ("n".to_owned(), true, true, false, Some(1)),
                ("name".to_owned(), false, false, true, Some(0)),
            ]
        );
        assert_eq!(
            keys("SELECT u.id FROM usr u LEFT JOIN post p ON p.user_id = u.id ORDER BY p.id"),
            [("id".to_owned(), false, false, true, None)]
        );
        assert_eq!(
            keys("SELECT count(*) FROM usr GROUP BY ROLLUP (id) ORDER BY id"),
            [("id".to_owned(), false, false, true, None)]
        );
        assert!(keys("SELECT id FROM (SELECT id FROM usr ORDER BY id) x").is_empty());
    }
}
