//! The types of a statement are spelled twice: by the compiler, which reads the catalog, and by the runtime, of what the server
//! describes. Over all types there are, both spell the same.

use sqlmill::catalog::{self, TypeKind};
use sqlmill_runtime::{AnyStatement, NoRows, Statement, verify};

use crate::support;

const SCHEMA: &str = r#"
CREATE EXTENSION IF NOT EXISTS citext;
CREATE EXTENSION IF NOT EXISTS hstore;
CREATE EXTENSION IF NOT EXISTS ltree;
CREATE SCHEMA "Odd Ones";
CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE TYPE "Odd Ones"."A ""Mood""" AS ENUM ('a b');
CREATE DOMAIN email AS varchar(80) CHECK (VALUE ~ '@');
CREATE DOMAIN work_email AS email;
CREATE DOMAIN moods AS mood[];
CREATE DOMAIN lists AS moods;
CREATE TYPE span AS RANGE (subtype = int4, multirange_type_name = spans);
CREATE DOMAIN short_span AS span;
CREATE TYPE inner_one AS (a email, b mood[], c citext);
CREATE TYPE "Odd Ones"."Outer" AS (d inner_one, "E e" inner_one[], f span, g short_span, h json, i name);
CREATE TABLE "order" (id int, gone int, label hstore, path ltree, o "Odd Ones"."Outer");
ALTER TABLE "order" DROP COLUMN gone;
"#;

#[tokio::test]
async fn the_compiler_and_the_runtime_spell_all_types_alike() {
    let server = support::TestDatabase::new(SCHEMA);
    let catalog = catalog::read::read(&mut server.wire()).unwrap();
    let db = server.connect().await.unwrap();
    let mut statements: Vec<&'static dyn AnyStatement> = Vec::new();
    let mut own = 0;
    for ty in catalog.types.values() {
        if matches!(ty.kind, TypeKind::Pseudo) || ty.schema == "information_schema" {
            continue;
        }
        own += usize::from(ty.schema != "pg_catalog");
        let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
        let name = format!("{}.{}", quoted(&ty.schema), quoted(&ty.name));
        let (name, spelled): (&'static str, &'static str) =
            (name.leak(), catalog.spelled(ty.oid).leak());
        // As a column only: of a parameter the server says the same.
        let sql = format!("SELECT NULL::{name}").leak();
        let statement = Statement::<(), NoRows>::new(name, "spelled.rs:1", sql, "", spelled);
        statements.push(Box::leak(Box::new(statement)));
    }
    assert!(own > 20, "{own} types of the schema");
    assert!(statements.len() > 300, "{} types", statements.len());
    verify(&db, &[statements.leak()], None).await.unwrap();
}
