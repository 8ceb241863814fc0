//! sqlx. What stands between the markers is in `docs/dynamic.md` word for word.

use std::collections::HashMap;

use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{Connection as _, FromRow, Postgres, QueryBuilder, Row as _};

struct Report {
    id: i64,
    title: String,
    note: Option<String>,
}

struct Comment {
    report_id: i64,
    body: String,
}

struct Stock {
    shop: i64,
    item: i64,
    count: i32,
}

enum Order {
    Newest,
    Title,
}

impl FromRow<'_, PgRow> for Report {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.try_get(0)?,
            title: row.try_get(1)?,
            note: row.try_get(2)?,
        })
    }
}

impl FromRow<'_, PgRow> for Comment {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            report_id: row.try_get(0)?,
            body: row.try_get(1)?,
        })
    }
}

async fn filters(
    db: &mut PgConnection,
    team_id: i64,
    status: Option<&str>,
    title: Option<&str>,
) -> sqlx::Result<Vec<Report>> {
    // dynamic.md: filters
    let mut query = QueryBuilder::<Postgres>::new(
        "SELECT id, title, note FROM reports WHERE deleted_at IS NULL AND team_id = ",
    );
    query.push_bind(team_id);
    if let Some(status) = status {
        query.push(" AND status = ").push_bind(status);
    }
    if let Some(title) = title {
        query
            .push(" AND position(")
            .push_bind(title)
            .push(" IN title) > 0");
    }
    query.push(" ORDER BY id");
    let found: Vec<Report> = query.build_query_as().fetch_all(db).await?;
    // end
    Ok(found)
}

async fn search(
    db: &mut PgConnection,
    team_id: i64,
    least: Option<i32>,
    most: Option<i32>,
    order: Order,
) -> sqlx::Result<Vec<Report>> {
    let mut query = QueryBuilder::<Postgres>::new(
        "SELECT id, title, note FROM reports WHERE deleted_at IS NULL AND team_id = ",
    );
    query.push_bind(team_id);
    // dynamic.md: search
    if let Some(least) = least {
        query.push(" AND size >= ").push_bind(least);
    }
    if let Some(most) = most {
        query.push(" AND size <= ").push_bind(most);
    }
    query.push(match order {
        Order::Newest => " ORDER BY updated_at DESC, id DESC",
        Order::Title => " ORDER BY lower(title), id",
    });
    // end
    query.build_query_as().fetch_all(db).await
}

async fn flag(
    db: &mut PgConnection,
    id: i64,
    include_deleted: bool,
) -> sqlx::Result<Option<Report>> {
    // dynamic.md: flag
    let report: Option<Report> = sqlx::query_as(
        "SELECT id, title, note FROM reports WHERE id = $1 AND ($2 OR deleted_at IS NULL)",
    )
    .bind(id)
    .bind(include_deleted)
    .fetch_optional(db)
    .await?;
    // end
    Ok(report)
}

async fn list(db: &mut PgConnection, ids: &[i64]) -> sqlx::Result<Vec<Report>> {
    // dynamic.md: list
    let found: Vec<Report> = sqlx::query_as(
        "SELECT id, title, note FROM reports WHERE id = ANY($1) AND deleted_at IS NULL ORDER BY id",
    )
    .bind(ids)
    .fetch_all(db)
    .await?;
    // end
    Ok(found)
}

async fn patch(
    db: &mut PgConnection,
    id: i64,
    title: Option<&str>,
    note: Option<Option<&str>>,
) -> sqlx::Result<u64> {
    // dynamic.md: patch
    let mut query = QueryBuilder::<Postgres>::new("UPDATE reports SET updated_at = now()");
    if let Some(title) = title {
        query.push(", title = ").push_bind(title);
    }
    if let Some(note) = note {
        query.push(", note = ").push_bind(note);
    }
    query
        .push(" WHERE deleted_at IS NULL AND id = ")
        .push_bind(id);
    let changed = query.build().execute(db).await?.rows_affected();
    // end
    Ok(changed)
}

async fn page(
    db: &mut PgConnection,
    team_id: i64,
    page: i64,
    size: i64,
) -> sqlx::Result<(Vec<Report>, i64)> {
    // dynamic.md: page
    let items: Vec<Report> = sqlx::query_as(
        "SELECT id, title, note FROM reports WHERE team_id = $1 AND deleted_at IS NULL
         ORDER BY title, id LIMIT $2 OFFSET $3",
    )
    .bind(team_id)
    .bind(size)
    .bind((page - 1) * size)
    .fetch_all(&mut *db)
    .await?;
    let total: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM reports WHERE team_id = $1 AND deleted_at IS NULL",
    )
    .bind(team_id)
    .fetch_one(db)
    .await?;
    // end
    Ok((items, total))
}

async fn cursor(
    db: &mut PgConnection,
    team_id: i64,
    after: Option<(&str, i64)>,
    size: i64,
) -> sqlx::Result<Vec<Report>> {
    let mut query = QueryBuilder::<Postgres>::new(
        "SELECT id, title, note FROM reports WHERE deleted_at IS NULL AND team_id = ",
    );
    query.push_bind(team_id);
    // dynamic.md: cursor
    if let Some((title, id)) = after {
        query.push(" AND (title, id) > (").push_bind(title);
        query.push(", ").push_bind(id).push(")");
    }
    query.push(" ORDER BY title, id LIMIT ").push_bind(size);
    // end
    query.build_query_as().fetch_all(db).await
}

async fn bulk(db: &mut PgConnection, new: &[Comment]) -> sqlx::Result<u64> {
    // dynamic.md: bulk
    let ids: Vec<i64> = new.iter().map(|comment| comment.report_id).collect();
    let bodies: Vec<&str> = new.iter().map(|comment| comment.body.as_str()).collect();
    let inserted = sqlx::query(
        "INSERT INTO comments (report_id, body) SELECT * FROM unnest($1::bigint[], $2::text[])",
    )
    .bind(ids)
    .bind(bodies)
    .execute(db)
    .await?
    .rows_affected();
    // end
    Ok(inserted)
}

async fn upsert(db: &mut PgConnection, rows: &[Stock]) -> sqlx::Result<()> {
    // dynamic.md: upsert
    let mut transaction = db.begin().await?;
    for rows in rows.chunks(20_000) {
        let mut query = QueryBuilder::<Postgres>::new("INSERT INTO stock (shop, item, count) ");
        query.push_values(rows, |mut row, stock| {
            row.push_bind(stock.shop)
                .push_bind(stock.item)
                .push_bind(stock.count);
        });
        query.push(" ON CONFLICT (shop, item) DO UPDATE SET count = stock.count + excluded.count");
        query.build().execute(&mut *transaction).await?;
    }
    transaction.commit().await?;
    // end
    Ok(())
}

async fn nested(db: &mut PgConnection, team_id: i64) -> sqlx::Result<Vec<(Report, Vec<String>)>> {
    // dynamic.md: nested
    let reports: Vec<Report> = sqlx::query_as(
        "SELECT id, title, note FROM reports WHERE team_id = $1 AND deleted_at IS NULL ORDER BY id",
    )
    .bind(team_id)
    .fetch_all(&mut *db)
    .await?;
    let ids: Vec<i64> = reports.iter().map(|report| report.id).collect();
    let comments: Vec<Comment> = sqlx::query_as(
        "SELECT report_id, body FROM comments WHERE report_id = ANY($1) ORDER BY id",
    )
    .bind(ids)
    .fetch_all(db)
    .await?;
    let mut bodies: HashMap<i64, Vec<String>> = HashMap::new();
    for comment in comments {
        bodies
            .entry(comment.report_id)
            .or_default()
            .push(comment.body);
    }
    // end
    Ok(reports
        .into_iter()
        .map(|report| {
            let bodies = bodies.remove(&report.id).unwrap_or_default();
            (report, bodies)
        })
        .collect())
}
