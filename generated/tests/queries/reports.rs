use database::reports::*;
use database::sharing::{self, GrantPermission};
use database::types::{AssetPermissionRole, AssetType, IdentityType};

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

    world.sql("UPDATE teams_to_users SET deleted_at = now()");
    assert!(list(false, true).await.contains(&(both, CanView, true)));
    world.sql("UPDATE asset_permissions SET deleted_at = now() WHERE identity_type = 'user' AND role <> 'owner'");
    assert_eq!(list(false, true).await, []);
    assert_ne!(private, Uuid::nil());
}
