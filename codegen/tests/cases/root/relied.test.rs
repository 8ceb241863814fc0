//! What is different in the live database is told by its name, each thing at once with the others.

use sqlmill_runtime::{Database, Execute, Reader, Statement, Writer};

async fn change(db: &impl Writer, change: &str) {
    for sql in change.split(';').filter(|sql| !sql.trim().is_empty()) {
        let sql: &'static str = sql.to_owned().leak();
        let statement: &'static Statement<()> = Box::leak(Box::new(Statement::new(
            "test::change",
            "test.rs:1",
            sql,
            "",
            "",
        )));
        Execute::new(db, statement, ()).await.unwrap();
    }
}

async fn verified(db: &impl Reader) -> Vec<String> {
    let error = super::verify(db).await.unwrap_err();
    let prefix = "the database is not what this crate was compiled for: ";
    let told = error.errors().iter().map(ToString::to_string);
    told.map(|text| text.strip_prefix(prefix).unwrap_or(&text).to_owned())
        .collect()
}

/// What `verify` tells once the database was changed so. The change is undone.
async fn told(db: &Database, sql: &str) -> Vec<String> {
    let tx = db.begin().await.unwrap();
    change(&tx, sql).await;
    let told = verified(&tx).await;
    tx.rollback().await.unwrap();
    told
}

#[tokio::test]
async fn each_difference_is_named() {
    let db = crate::database::of("root_relied").await;
    super::verify(&db).await.unwrap();
    for (change, expected) in [
        (
            "ALTER TABLE notes ALTER slug DROP NOT NULL",
            "`public.notes.slug` may be NULL",
        ),
        (
            "DROP INDEX notes_slug_key",
            "the unique index `notes_slug_key` of `public.notes` is missing",
        ),
        (
            "DROP INDEX notes_slug_key; \
             CREATE UNIQUE INDEX notes_slug_key ON notes (slug) WHERE deleted_at IS NULL AND title IS NULL",
            "the unique index `notes_slug_key` of `public.notes` is `CREATE UNIQUE INDEX notes_slug_key ON public.notes USING btree \
             (slug) WHERE ((deleted_at IS NULL) AND (title IS NULL))`, and was `CREATE UNIQUE INDEX notes_slug_key ON public.notes \
             USING btree (slug) WHERE (deleted_at IS NULL)`",
        ),
        (
            "ALTER TABLE notes DROP CONSTRAINT notes_kind_slug_key; \
             ALTER TABLE notes ADD CONSTRAINT notes_kind_slug_key UNIQUE (kind, slug) DEFERRABLE",
            "the unique index `notes_kind_slug_key` of `public.notes` does not hold at all times: it is not valid, or deferrable",
        ),
        (
            "ALTER TABLE notes DROP CONSTRAINT notes_code_key",
            "the unique index `notes_code_key` of `public.notes` is missing",
        ),
        (
            "ALTER TABLE notes DROP CONSTRAINT notes_title_check",
            "the constraint `notes_title_check` of `public.notes` is missing",
        ),
        (
            "ALTER TABLE notes DROP CONSTRAINT notes_title_check; \
             ALTER TABLE notes ADD CONSTRAINT notes_title_check CHECK (title <> 'x')",
            "the constraint `notes_title_check` of `public.notes` is `CHECK (((title)::text <> 'x'::text))`, and was \
             `CHECK (((title)::text <> ''::text))`",
        ),
        (
            "ALTER DOMAIN slug DROP CONSTRAINT slug_check",
            "the constraint `slug_check` of `public.slug` is missing",
        ),
        (
            "ALTER TABLE notes ALTER title TYPE varchar(6)",
            "`public.notes.title` is character varying(6), and was character varying(5)",
        ),
        (
            "ALTER TABLE notes ALTER size TYPE numeric(5, 2)",
            "`public.notes.size` is numeric(5,2), and was numeric(4,1)",
        ),
        // What many rows are held to.
        (
            "ALTER TABLE labels DROP CONSTRAINT labels_label_check",
            "the constraint `labels_label_check` of `public.labels` is missing",
        ),
        (
            "ALTER TABLE labels ALTER label TYPE varchar(4)",
            "`public.labels.label` is character varying(4), and was character varying(5)",
        ),
        (
            "ALTER TYPE kind ADD VALUE 'fax'",
            "the enum `public.kind` has the label `fax`, which the crate does not know",
        ),
        (
            "ALTER TYPE mood RENAME VALUE 'cross' TO 'angry'",
            "the enum `public.mood` does not have the label `cross`",
        ),
        (
            "CREATE SCHEMA other; SET LOCAL search_path = other, public",
            "the search_path is `other, public`, and the crate has its names from `public`: connect by `builder()` of the \
             crate, or set it for the role",
        ),
    ] {
        assert_eq!(told(&db, change).await, [expected], "{change}");
    }
    let several = "ALTER TABLE notes ALTER slug DROP NOT NULL; DROP INDEX notes_slug_key; ALTER TYPE kind ADD VALUE 'fax'";
    assert_eq!(told(&db, several).await.len(), 3);
    // What nothing rests on.
    let tx = db.begin().await.unwrap();
    change(
        &tx,
        "DROP INDEX notes_title_key; ALTER TABLE labels DROP CONSTRAINT labels_grade_check",
    )
    .await;
    super::verify(&tx).await.unwrap();
    tx.rollback().await.unwrap();
    // A query that does not fit is told first, and which server it was that refused.
    change(&db, "ALTER TABLE notes DROP COLUMN size").await;
    let told = verified(&db).await;
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(
        told[0].starts_with("notes::add (queries/notes.sql:1): ")
            && told[0].contains("; the server is PostgreSQL 1"),
        "{told:?}"
    );
    assert_eq!(
        told[1..],
        [
            "there is no column `public.notes.size`",
            "the constraint `notes_size_check` of `public.notes` is missing",
        ]
    );
}
