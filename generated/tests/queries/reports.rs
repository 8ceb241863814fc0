use database::reports::*;
use database::sharing::{self, GrantPermission};
use database::types::{AssetPermissionRole, AssetType, IdentityType, Timestamp, WorkspaceSharing};

use crate::support::{Uuid, World};

#[tokio::test]
async fn a_report_grows() {
    let world = World::new().await;
    let made = create_report(
        &world.db,
        CreateReport {
            name: "Story",
            content: "# Q1\n",
            organization_id: world.acme,
            user_id: world.ada,
        },
    )
    .await
    .unwrap();
    assert_eq!(made.version_history["1"]["content"], "# Q1\n");
    let append = async |report_id, addition| {
        append_report_content(
            &world.db,
            AppendReportContent {
                addition,
                report_id,
            },
        )
        .await
        .unwrap()
    };
    assert_eq!(
        append(made.id, "It's 100 %, \u{1f642}.").await.as_deref(),
        Some("# Q1\nIt's 100 %, \u{1f642}.")
    );
    assert_eq!(
        append(made.id, "").await.as_deref(),
        Some("# Q1\nIt's 100 %, \u{1f642}.")
    );
    let content = get_report_content(&world.db, made.id).await.unwrap();
    assert_eq!(content.as_deref(), Some("# Q1\nIt's 100 %, \u{1f642}."));

    world.delete("report_files", made.id);
    assert_eq!(append(made.id, "more").await, None);
    assert_eq!(get_report_content(&world.db, made.id).await.unwrap(), None);
}

#[tokio::test]
async fn replacing_counts_the_hits() {
    let world = World::new().await;
    let id = world.report(world.acme, "Story", "aXbXXc").await;
    let other = world.report(world.acme, "Other", "X").await;
    let replace = async |find, replacement| {
        let done = replace_in_report(
            &world.db,
            ReplaceInReport {
                report_id: id,
                find,
                replacement,
            },
        )
        .await
        .unwrap();
        done.map(|row| (row.content, row.hits))
    };
    assert_eq!(replace("X", "yy").await, Some(("ayybyyyyc".to_owned(), 3)));
    assert_eq!(replace("X", "z").await, Some(("ayybyyyyc".to_owned(), 0)));
    assert_eq!(replace("yy", "").await, Some(("abc".to_owned(), 3)));
    assert_eq!(replace("", "z").await, None);
    assert_eq!(
        get_report_content(&world.db, other)
            .await
            .unwrap()
            .as_deref(),
        Some("X")
    );
}

#[tokio::test]
async fn every_version_is_kept() {
    let world = World::new().await;
    let id = world.report(world.acme, "Story", "one").await;
    let save = async |content| {
        save_report_version(
            &world.db,
            SaveReportVersion {
                report_id: id,
                content,
            },
        )
        .await
        .unwrap()
    };
    assert_eq!(save("two").await, Some(2));
    assert_eq!(save("three").await, Some(3));
    let kept = "SELECT string_agg(key || ' ' || (value ->> 'content'), ', ' ORDER BY key)
        FROM report_files, jsonb_each(version_history)";
    assert_eq!(world.scalar(kept), "1 one, 2 two, 3 three");

    // The highest number counts, as a number, also where some were removed or all.
    world.sql(r#"UPDATE report_files SET version_history = '{"2": {}, "10": {}}'"#);
    assert_eq!(save("eleven").await, Some(11));
    world.sql("UPDATE report_files SET version_history = '{}'");
    assert_eq!(save("again").await, Some(1));
    world.delete("report_files", id);
    assert_eq!(save("late").await, None);
}

#[tokio::test]
async fn versions_saved_at_once_get_numbers_of_their_own() {
    let world = World::new().await;
    let id = world.report(world.acme, "Story", "one").await;
    let saves = (0..8).map(|_| {
        let db = world.db.clone();
        tokio::spawn(async move {
            save_report_version(
                &db,
                SaveReportVersion {
                    report_id: id,
                    content: "more",
                },
            )
            .await
            .unwrap()
            .unwrap()
        })
    });
    let mut versions = Vec::new();
    for save in saves.collect::<Vec<_>>() {
        versions.push(save.await.unwrap());
    }
    versions.sort();
    assert_eq!(versions, (2..10).collect::<Vec<i32>>());
}

#[tokio::test]
async fn reports_are_listed_as_mine_or_shared() {
    let world = World::new().await;
    let team = world.team(world.acme, &[world.ada]);
    let mine = world.report_of(world.ada, world.acme, "mine").await;
    let direct = world.report_of(world.ben, world.acme, "direct").await;
    let both = world.report_of(world.ben, world.acme, "both").await;
    let private = world.report_of(world.ben, world.acme, "private").await;
    let foreign = world.report_of(world.cyn, world.globex, "foreign").await;
    let grant = async |identity_type, identity_id, asset_id, role| {
        let permission = GrantPermission {
            identity_id,
            identity_type,
            asset_id,
            asset_type: AssetType::ReportFile,
            role,
            granted_by: world.ben,
        };
        sharing::grant_permission(&world.db, permission)
            .await
            .unwrap();
    };
    use AssetPermissionRole::{CanEdit, CanView, FullAccess, Owner};
    use IdentityType::{Team, User};
    grant(User, world.ada, direct, CanView).await;
    grant(User, world.ada, both, CanView).await;
    grant(Team, team, both, CanEdit).await;
    grant(User, world.ada, foreign, FullAccess).await;
    // The same id as another type of asset, and somebody else.
    grant(User, world.cyn, private, CanView).await;
    world.sql(
        "UPDATE report_files SET updated_at = CASE name WHEN 'mine' THEN timestamptz '2024-01-02' ELSE '2024-01-01' END",
    );

    let list = async |mine, shared| {
        let rows = list_reports_with_permission(
            &world.db,
            ListReportsWithPermission {
                user_id: world.ada,
                organization_id: world.acme,
                mine,
                shared,
            },
        )
        .await
        .unwrap();
        rows.into_iter()
            .map(|row| (row.id, row.role, row.is_shared))
            .collect::<Vec<_>>()
    };
    let own = (mine, Owner, false);
    let mut shared = vec![(direct, CanView, true), (both, CanEdit, true)];
    shared.sort_by_key(|row| row.0);
    assert_eq!(list(true, false).await, [own]);
    assert_eq!(list(false, true).await, shared);
    assert_eq!(list(true, true).await, [vec![own], shared].concat());
    assert_eq!(list(false, false).await, []);

    world.delete("teams", team);
    assert!(list(false, true).await.contains(&(both, CanView, true)));
    world.restore("teams", team);
    assert!(list(false, true).await.contains(&(both, CanEdit, true)));
    world.sql("UPDATE teams_to_users SET deleted_at = now()");
    assert!(list(false, true).await.contains(&(both, CanView, true)));
    world.sql("UPDATE asset_permissions SET deleted_at = now() WHERE identity_type = 'user' AND role <> 'owner'");
    assert_eq!(list(false, true).await, []);
    assert_ne!(private, Uuid::nil());
}

#[tokio::test]
async fn reports_are_searched_by_any_combination() {
    let world = World::new().await;
    let day = |day: u32| {
        format!("2026-01-{day:02}T00:00:00Z")
            .parse::<Timestamp>()
            .unwrap()
    };
    let add = |organization, author, name: &str, on: u32, sharing: &str, public: bool| {
        world.uuid(&format!(
            "INSERT INTO report_files (name, content, organization_id, created_by, created_at, updated_at,
                 workspace_sharing, publicly_accessible)
             VALUES ('{name}', '', '{organization}', '{author}', '2026-01-{on}', '2026-02-{:02}', '{sharing}', {public})
             RETURNING id",
            28 - on
        ))
    };
    add(world.acme, world.ada, "b Revenue", 10, "none", false);
    add(world.acme, world.ben, "A revenue", 11, "can_view", true);
    add(world.acme, world.dan, "c churn", 12, "can_edit", false);
    add(world.globex, world.cyn, "d revenue", 10, "none", true);
    let gone = add(world.acme, world.ada, "e revenue", 13, "none", false);
    world.sql(&format!(
        "UPDATE report_files SET deleted_at = '2026-03-05' WHERE id = '{gone}'"
    ));
    let list = async |filter: ListReports<'_>| {
        let found = list_reports(&world.db, filter).await.unwrap();
        found
            .into_iter()
            .map(|row| row.name[..1].to_owned())
            .collect::<String>()
    };
    let all = ListReports::new(world.acme, false, 50);
    assert_eq!(list(all).await, "cAb");
    assert_eq!(list(all.order(ListReportsOrder::Touched)).await, "bAc");
    assert_eq!(list(all.order(ListReportsOrder::Name)).await, "Abc");
    assert_eq!(list(ListReports::new(world.acme, false, 2)).await, "cA");
    assert_eq!(list(all.text("REV")).await, "Ab");
    assert_eq!(list(all.created_by(&[world.ada, world.dan])).await, "cb");
    // Dan's account is closed.
    assert_eq!(list(all.author_email("dan@acme.com")).await, "");
    assert_eq!(list(all.author_email("ben@acme.com")).await, "A");
    let shared = [WorkspaceSharing::CanView, WorkspaceSharing::CanEdit];
    assert_eq!(list(all.sharing(&shared)).await, "cA");
    assert_eq!(list(all.publicly_accessible(false)).await, "cb");
    assert_eq!(list(all.created_since(day(10), day(12))).await, "Ab");
    assert_eq!(
        list(all.updated_since("2026-02-17T00:00:00Z".parse().unwrap())).await,
        "Ab"
    );

    // More than two: as it is written.
    let narrow = all
        .text("rev")
        .sharing(&shared)
        .created_since(day(10), day(20));
    assert_eq!(list(narrow).await, "A");
    assert_eq!(list(narrow.publicly_accessible(false)).await, "");
    let ben = [world.ben];
    let every = narrow
        .created_by(&ben)
        .author_email("ben@acme.com")
        .publicly_accessible(true)
        .updated_since(day(1));
    assert_eq!(list(every).await, "A");

    let deleted = ListReports::new(world.acme, true, 50);
    assert_eq!(list(deleted.text("rev")).await, "eAb");
    let march = ("2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z");
    let march = (march.0.parse().unwrap(), march.1.parse().unwrap());
    assert_eq!(list(deleted.deleted_since(march.0, march.1)).await, "e");
    assert_eq!(list(all.deleted_since(march.0, march.1)).await, "");
    assert_eq!(list(every.deleted_since(march.0, march.1)).await, "");
    let names = list_reports(&world.db, all.text("c churn")).await.unwrap();
    assert_eq!(names[0].author_name, None);
}
