use database::dashboards::*;
use database::sharing::{self, EffectiveAssetRole};
use database::types::{AssetPermissionRole, AssetType, WorkspaceSharing};
use serde_json::json;

use crate::support::{Uuid, World};

#[tokio::test]
async fn a_dashboard_begins_with_version_one_and_an_owner() {
    let world = World::new().await;
    let content = json!({"rows": [{"items": []}]});
    let made = create_dashboard(
        &world.db,
        CreateDashboard {
            name: "Board",
            file_name: "board.yml",
            content: &content,
            organization_id: world.acme,
            user_id: world.ben,
        },
    )
    .await
    .unwrap();
    assert_eq!(made.content, content);
    assert_eq!(made.version_history["1"]["content"], content);
    assert_eq!(made.version_history["1"]["version_number"], 1);
    let role = sharing::effective_asset_role(
        &world.db,
        EffectiveAssetRole {
            asset_id: made.id,
            asset_type: AssetType::DashboardFile,
            user_id: world.ben,
        },
    );
    assert_eq!(role.await.unwrap(), Some(AssetPermissionRole::Owner));
}

#[tokio::test]
async fn a_deleted_dashboard_is_gone_and_its_metrics_stay() {
    let world = World::new().await;
    let id = world.dashboard(world.acme, "Board").await;
    let metric = world
        .metric(world.data_source(world.acme, "warehouse"), "Sales")
        .await;
    let dashboard = get_dashboard(&world.db, id).await.unwrap().unwrap();
    assert_eq!(
        (dashboard.filter, dashboard.public_expiry_date),
        (None, None)
    );

    assert_eq!(delete_dashboard(&world.db, id).await.unwrap(), 1);
    assert_eq!(delete_dashboard(&world.db, id).await.unwrap(), 0);
    assert_eq!(delete_dashboard(&world.db, Uuid::nil()).await.unwrap(), 0);
    assert_eq!(get_dashboard(&world.db, id).await.unwrap(), None);
    assert!(
        database::metrics::get_metric(&world.db, metric)
            .await
            .unwrap()
            .is_some()
    );
}

#[tokio::test]
async fn metrics_and_dashboards_find_each_other() {
    let world = World::new().await;
    let source = world.data_source(world.acme, "warehouse");
    let sales = world.metric(source, "Sales").await;
    let costs = world.metric(source, "Costs").await;
    let removed = world.metric(source, "Removed").await;
    let deleted = world.metric(source, "Deleted").await;
    let board = world.dashboard(world.acme, "Board").await;
    let other = world.dashboard(world.acme, "Another").await;
    for (metric, dashboard) in [
        (sales, board),
        (costs, board),
        (removed, board),
        (deleted, board),
        (sales, other),
    ] {
        world.link(
            "metric_files_to_dashboard_files",
            "dashboard_file_id",
            metric,
            dashboard,
        );
    }
    world.delete("metric_files", deleted);
    world.sql(&format!(
        "UPDATE metric_files_to_dashboard_files SET deleted_at = now() WHERE metric_file_id = '{removed}'"
    ));

    let names = async |id| {
        let rows = list_dashboard_metrics(&world.db, id).await.unwrap();
        rows.into_iter().map(|row| row.name).collect::<Vec<_>>()
    };
    assert_eq!(names(board).await, ["Costs", "Sales"]);
    assert_eq!(names(other).await, ["Sales"]);

    world.sql("UPDATE dashboard_files SET workspace_sharing = 'can_view' WHERE name = 'Board'");
    let found = list_dashboards_with_metric(&world.db, sales).await.unwrap();
    let seen: Vec<_> = found
        .iter()
        .map(|row| (row.name.as_str(), row.workspace_sharing))
        .collect();
    assert_eq!(
        seen,
        [
            ("Another", WorkspaceSharing::None),
            ("Board", WorkspaceSharing::CanView)
        ]
    );
    assert_eq!(
        list_dashboards_with_metric(&world.db, removed)
            .await
            .unwrap(),
        []
    );
    world.delete("dashboard_files", board);
    assert_eq!(
        list_dashboards_with_metric(&world.db, costs).await.unwrap(),
        []
    );
}

#[tokio::test]
async fn own_and_shared_dashboards_are_listed() {
    let world = World::new().await;
    let own = world.dashboard(world.acme, "Own").await;
    let shared = world.dashboard(world.acme, "Shared").await;
    let team_shared = world.dashboard(world.acme, "By team").await;
    let unshared = world.dashboard(world.acme, "Unshared").await;
    let deleted = world.dashboard(world.acme, "Deleted").await;
    let elsewhere = world.dashboard(world.globex, "Elsewhere").await;
    world.sql(&format!(
        "UPDATE dashboard_files SET created_by = '{}' WHERE id = '{own}'",
        world.ben
    ));
    let team = world.team(world.acme, &[world.ben]);
    let share = |asset, identity, kind, gone| {
        world.sql(&format!(
            "INSERT INTO asset_permissions
                 (identity_id, identity_type, asset_id, asset_type, role, created_by, updated_by, deleted_at)
             VALUES ('{identity}', '{kind}', '{asset}', 'dashboard_file', 'can_view', '{0}', '{0}', {gone})",
            world.ada
        ));
    };
    for asset in [shared, deleted, elsewhere] {
        share(asset, world.ben, "user", "NULL");
    }
    // By both ways, and still one row.
    share(shared, team, "team", "NULL");
    share(team_shared, team, "team", "NULL");
    share(unshared, world.ben, "user", "now()");
    world.delete("dashboard_files", deleted);
    world.sql("UPDATE dashboard_files SET updated_at = '2024-01-01'");
    world.sql("UPDATE dashboard_files SET updated_at = '2024-01-02' WHERE name = 'Shared'");

    let list = |mine, shared| {
        list_dashboards(
            &world.db,
            ListDashboards {
                organization_id: world.acme,
                mine,
                user_id: world.ben,
                shared,
            },
        )
    };
    let ids = async |mine, shared| {
        let rows = list(mine, shared).await.unwrap();
        rows.into_iter().map(|row| row.id).collect::<Vec<_>>()
    };
    let mut ties = vec![own, team_shared];
    ties.sort();
    assert_eq!(ids(true, true).await, [&[shared][..], &ties].concat());
    assert_eq!(ids(true, false).await, [own]);
    assert_eq!(ids(false, true).await, [shared, team_shared]);
    assert!(ids(false, false).await.is_empty());

    let page = list(true, true).page(2, 2).consistent().await.unwrap();
    assert_eq!((page.items.len(), page.total), (1, 3));
    assert_eq!(page.items[0].id, ties[1]);
    let past = list(true, true).page(3, 2).await.unwrap();
    assert_eq!((past.items.len(), past.total, past.has_more), (0, 3, false));
    let first = list(true, true).first(1).await.unwrap();
    assert_eq!(first.items[0].author_name.as_deref(), Some("Ada"));
    let next = first.next.unwrap();
    let rest = list(true, true).after(&next, 10).await.unwrap();
    let rest: Vec<_> = rest.items.iter().map(|row| row.id).collect();
    assert_eq!(rest, ties);
    // What was shared with a team is shared with nobody once the team is gone.
    world.delete("teams", team);
    assert_eq!(ids(false, true).await, [shared]);
    // A cursor of all does not serve those of others.
    assert!(list(false, true).after(&next, 10).await.is_err());
}
