//! diesel. What stands between the markers is in `docs/dynamic.md` word for word.

use diesel::prelude::*;
use diesel::upsert::excluded;
use diesel::{insert_into, update};

diesel::table! {
    reports (id) {
        id -> BigInt,
        team_id -> BigInt,
        title -> Text,
        note -> Nullable<Text>,
        status -> Text,
        size -> Integer,
        updated_at -> Timestamptz,
        deleted_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    comments (id) {
        id -> BigInt,
        report_id -> BigInt,
        body -> Text,
    }
}

diesel::table! {
    stock (shop, item) {
        shop -> BigInt,
        item -> BigInt,
        count -> Integer,
    }
}

diesel::joinable!(comments -> reports (report_id));
diesel::allow_tables_to_appear_in_same_query!(comments, reports);

#[diesel::declare_sql_function]
extern "SQL" {
    fn strpos(
        text: diesel::sql_types::Text,
        part: diesel::sql_types::Text,
    ) -> diesel::sql_types::Integer;
    fn lower(text: diesel::sql_types::Text) -> diesel::sql_types::Text;
}

#[derive(Queryable, Selectable, Identifiable)]
struct Report {
    id: i64,
    title: String,
    note: Option<String>,
}

#[derive(Queryable, Selectable, Identifiable, Associations)]
#[diesel(belongs_to(Report))]
struct Comment {
    id: i64,
    report_id: i64,
    body: String,
}

#[derive(Insertable)]
#[diesel(table_name = comments)]
struct NewComment<'a> {
    report_id: i64,
    body: &'a str,
}

#[derive(Insertable)]
#[diesel(table_name = stock)]
struct NewStock {
    shop: i64,
    item: i64,
    count: i32,
}

enum Order {
    Newest,
    Title,
}

fn filters(
    db: &mut PgConnection,
    team_id: i64,
    status: Option<&str>,
    title: Option<&str>,
) -> QueryResult<Vec<Report>> {
    // dynamic.md: filters
    let mut query = reports::table
        .filter(
            reports::team_id
                .eq(team_id)
                .and(reports::deleted_at.is_null()),
        )
        .select(Report::as_select())
        .order(reports::id)
        .into_boxed();
    if let Some(status) = status {
        query = query.filter(reports::status.eq(status));
    }
    if let Some(title) = title {
        query = query.filter(strpos(reports::title, title).gt(0));
    }
    let found = query.load(db)?;
    // end
    Ok(found)
}

fn search(
    db: &mut PgConnection,
    team_id: i64,
    least: Option<i32>,
    most: Option<i32>,
    order: Order,
) -> QueryResult<Vec<Report>> {
    let mut query = reports::table
        .filter(
            reports::team_id
                .eq(team_id)
                .and(reports::deleted_at.is_null()),
        )
        .select(Report::as_select())
        .into_boxed();
    // dynamic.md: search
    if let Some(least) = least {
        query = query.filter(reports::size.ge(least));
    }
    if let Some(most) = most {
        query = query.filter(reports::size.le(most));
    }
    query = match order {
        Order::Newest => query.order((reports::updated_at.desc(), reports::id.desc())),
        Order::Title => query.order((lower(reports::title), reports::id)),
    };
    // end
    query.load(db)
}

fn flag(db: &mut PgConnection, id: i64, include_deleted: bool) -> QueryResult<Option<Report>> {
    // dynamic.md: flag
    let mut query = reports::table
        .find(id)
        .select(Report::as_select())
        .into_boxed();
    if !include_deleted {
        query = query.filter(reports::deleted_at.is_null());
    }
    let report = query.first(db).optional()?;
    // end
    Ok(report)
}

fn list(db: &mut PgConnection, ids: &[i64]) -> QueryResult<Vec<Report>> {
    // dynamic.md: list
    let found = reports::table
        .filter(reports::id.eq_any(ids).and(reports::deleted_at.is_null()))
        .select(Report::as_select())
        .order(reports::id)
        .load(db)?;
    // end
    Ok(found)
}

// dynamic.md: change
#[derive(AsChangeset)]
#[diesel(table_name = reports)]
struct Change<'a> {
    title: Option<&'a str>,
    note: Option<Option<&'a str>>,
}
// end

fn patch(db: &mut PgConnection, id: i64, change: Change<'_>) -> QueryResult<usize> {
    // dynamic.md: patch
    let changed = update(
        reports::table
            .find(id)
            .filter(reports::deleted_at.is_null()),
    )
    .set((change, reports::updated_at.eq(diesel::dsl::now)))
    .execute(db)?;
    // end
    Ok(changed)
}

fn page(
    db: &mut PgConnection,
    team_id: i64,
    page: i64,
    size: i64,
) -> QueryResult<(Vec<Report>, i64)> {
    // dynamic.md: page
    let all = reports::table.filter(
        reports::team_id
            .eq(team_id)
            .and(reports::deleted_at.is_null()),
    );
    let items = all
        .select(Report::as_select())
        .order((reports::title, reports::id))
        .limit(size)
        .offset((page - 1) * size)
        .load(db)?;
    let total: i64 = all.count().get_result(db)?;
    // end
    Ok((items, total))
}

fn cursor(
    db: &mut PgConnection,
    team_id: i64,
    after: Option<(&str, i64)>,
    size: i64,
) -> QueryResult<Vec<Report>> {
    let mut query = reports::table
        .filter(
            reports::team_id
                .eq(team_id)
                .and(reports::deleted_at.is_null()),
        )
        .select(Report::as_select())
        .into_boxed();
    // dynamic.md: cursor
    if let Some((title, id)) = after {
        let same = reports::title.eq(title).and(reports::id.gt(id));
        query = query.filter(reports::title.gt(title).or(same));
    }
    query = query.order((reports::title, reports::id)).limit(size);
    // end
    query.load(db)
}

fn bulk(db: &mut PgConnection, new: &[NewComment<'_>]) -> QueryResult<usize> {
    // dynamic.md: bulk
    let inserted = insert_into(comments::table).values(new).execute(db)?;
    // end
    Ok(inserted)
}

fn upsert(db: &mut PgConnection, rows: &[NewStock]) -> QueryResult<usize> {
    // dynamic.md: upsert
    let affected = insert_into(stock::table)
        .values(rows)
        .on_conflict((stock::shop, stock::item))
        .do_update()
        .set(stock::count.eq(stock::count + excluded(stock::count)))
        .execute(db)?;
    // end
    Ok(affected)
}

fn nested(db: &mut PgConnection, team_id: i64) -> QueryResult<Vec<(Report, Vec<Comment>)>> {
    // dynamic.md: nested
    let found = reports::table
        .filter(
            reports::team_id
                .eq(team_id)
                .and(reports::deleted_at.is_null()),
        )
        .select(Report::as_select())
        .order(reports::id)
        .load(db)?;
    let comments = Comment::belonging_to(&found)
        .select(Comment::as_select())
        .order(comments::id)
        .load(db)?
        .grouped_by(&found);
    let discussed: Vec<(Report, Vec<Comment>)> = found.into_iter().zip(comments).collect();
    // end
    Ok(discussed)
}
