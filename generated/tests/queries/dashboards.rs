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
