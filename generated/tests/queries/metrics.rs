use database::metrics::*;
use database::sharing::{self, ListPeopleWithAccess};
use database::types::{AssetPermissionRole, AssetType, Timestamp, Verification, WorkspaceSharing};
use serde_json::{Value, json};

use crate::support::{Uuid, World};

#[tokio::test]
async fn metrics_are_made_together_and_owned() {
    let world = World::new().await;
    let source = world.data_source(world.acme, "warehouse");
    let id = Uuid::from_u128(7);
    let create = async |metrics: &Value| {
        create_metrics(
            &world.db,
            CreateMetrics {
                metrics,
                organization_id: world.acme,
                user_id: world.ada,
            },
        )
        .await
    };
    let made = create(&json!([
        {"name": "b", "file_name": "b.yml", "content": {"sql": "2"}, "data_source_id": source.to_string()},
        {"id": id.to_string(), "name": "a", "file_name": "a.yml", "content": {"sql": "1"},
         "data_source_id": source.to_string()},
    ]))
    .await
    .unwrap();
    assert_eq!(
        made.iter().map(|row| row.name.as_str()).collect::<Vec<_>>(),
        ["a", "b"]
    );
    assert_eq!(made[0].id, id);
    assert_eq!(made[0].version_history["1"]["content"], json!({"sql": "1"}));
    for row in &made {
        let people = sharing::list_people_with_access(
            &world.db,
            ListPeopleWithAccess {
                asset_id: row.id,
                asset_type: AssetType::MetricFile,
            },
        )
        .await
        .unwrap();
        assert_eq!(people.len(), 1);
        assert_eq!(
            (people[0].id, people[0].role),
            (world.ada, AssetPermissionRole::Owner)
        );
    }
    assert_eq!(create(&json!([])).await.unwrap(), []);

    // One bad entry, and none is made.
    let error = create(&json!([
        {"name": "c", "file_name": "c.yml", "content": {}, "data_source_id": source.to_string()},
        {"name": "d", "file_name": "d.yml", "content": {}},
    ]))
    .await
    .unwrap_err();
    assert!(error.violates(CreateMetricsConstraint::MetricFilesDataSourceIdNotNull));
    assert_eq!(world.scalar("SELECT count(*) FROM metric_files"), "2");
}

#[tokio::test]
async fn a_metric_is_read_whole() {
    let world = World::new().await;
    let id = world
        .metric(world.data_source(world.acme, "warehouse"), "Sales")
        .await;
    let metric = get_metric(&world.db, id).await.unwrap().unwrap();
    assert_eq!(metric.verification, Verification::NotRequested);
    assert_eq!(
        (
            metric.evaluation_score,
            metric.evaluation_obj,
            metric.data_metadata
        ),
        (None, None, None)
    );
    world.sql(
        "UPDATE metric_files SET evaluation_score = 0.75, evaluation_obj = '[]', verification = 'inReview'",
    );
    let metric = get_metric(&world.db, id).await.unwrap().unwrap();
    assert_eq!(
        (metric.evaluation_score, metric.evaluation_obj),
        (Some(0.75), Some(json!([])))
    );
    assert_eq!(metric.verification, Verification::InReview);
    world.delete("metric_files", id);
    assert_eq!(get_metric(&world.db, id).await.unwrap(), None);
}

#[tokio::test]
async fn a_version_is_the_one_asked_for_or_the_newest() {
    let world = World::new().await;
    let source = world.data_source(world.acme, "warehouse");
    let id = world.metric(source, "Sales").await;
    world.sql(
        r#"UPDATE metric_files SET content = '"new"',
            version_history = '{"1": {"content": "old"}, "2": {"content": "new"}, "10": {}}'"#,
    );
    let get = async |version| {
        get_metric_version(
            &world.db,
            GetMetricVersion {
                version,
                metric_id: id,
            },
        )
        .await
        .unwrap()
    };
    assert_eq!(get(Some(1)).await.unwrap().content, json!("old"));
    assert_eq!(get(Some(2)).await.unwrap().content, json!("new"));
    assert_eq!(get(None).await.unwrap().content, json!("new"));
    assert_eq!(get(Some(99)).await.unwrap().content, json!("new"));
    assert_eq!(
        get(None).await.unwrap().data_source_name.as_deref(),
        Some("warehouse")
    );

    assert_eq!(
        metric_latest_version(&world.db, id).await.unwrap(),
        Some(Some(10))
    );
    world.sql("UPDATE metric_files SET version_history = '{}'");
    assert_eq!(
        metric_latest_version(&world.db, id).await.unwrap(),
        Some(None)
    );

    world.delete("data_sources", source);
    let orphan = get(None).await.unwrap();
    assert_eq!(
        (orphan.data_source_name, orphan.data_source_type),
        (None, None)
    );
    world.delete("metric_files", id);
    assert_eq!(get(None).await, None);
    assert_eq!(metric_latest_version(&world.db, id).await.unwrap(), None);
}

#[tokio::test]
async fn a_title_is_for_members_or_public() {
    let world = World::new().await;
    let id = world
        .metric(world.data_source(world.acme, "warehouse"), "Sales")
        .await;
    let title = async |organization_id| {
        get_metric_title(
            &world.db,
            GetMetricTitle {
                metric_id: id,
                organization_id,
            },
        )
        .await
        .unwrap()
    };
    assert_eq!(title(Some(world.acme)).await.as_deref(), Some("Sales"));
    assert_eq!(title(Some(world.globex)).await, None);
    assert_eq!(title(None).await, None);

    world.sql("UPDATE metric_files SET publicly_accessible = true");
    assert_eq!(title(Some(world.globex)).await.as_deref(), Some("Sales"));
    assert_eq!(title(None).await.as_deref(), Some("Sales"));
    world.sql("UPDATE metric_files SET public_expiry_date = now() - interval '1 second'");
    assert_eq!(title(None).await, None);
    assert_eq!(title(Some(world.acme)).await.as_deref(), Some("Sales"));
    world.delete("metric_files", id);
    assert_eq!(title(Some(world.acme)).await, None);
}

#[tokio::test]
async fn a_screenshot_is_noted() {
    let world = World::new().await;
    let id = world
        .metric(world.data_source(world.acme, "warehouse"), "Sales")
        .await;
    let taken_at: Timestamp = "2024-05-06T07:08:09.123456Z".parse().unwrap();
    let set = async |metric_id, bucket_key, taken_at| {
        set_screenshot(
            &world.db,
            SetScreenshot {
                bucket_key,
                taken_at,
                metric_id,
            },
        )
        .await
        .unwrap()
    };
    assert_eq!(set(id, Some("key"), Some(taken_at)).await, 1);
    let metric = get_metric(&world.db, id).await.unwrap().unwrap();
    assert_eq!(metric.screenshot_bucket_key.as_deref(), Some("key"));
    assert_eq!(metric.screenshot_taken_at, Some(taken_at));
    assert_eq!(set(id, None, None).await, 1);
    let metric = get_metric(&world.db, id).await.unwrap().unwrap();
    assert_eq!(
        (metric.screenshot_bucket_key, metric.screenshot_taken_at),
        (None, None)
    );
    assert_eq!(set(Uuid::nil(), None, None).await, 0);
}

#[tokio::test]
async fn sharing_of_a_metric_is_changed_in_parts() {
    let world = World::new().await;
    let source = world.data_source(world.acme, "warehouse");
    let id = world.metric(source, "Sales").await;
    let other = world.metric(source, "Costs").await;
    let change = UpdateMetricSharing::new(id)
        .workspace_sharing(WorkspaceSharing::CanView)
        .workspace_sharing_enabled_by(world.ada)
        .public_password("secret");
    let row = update_metric_sharing(&world.db, change)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(row.workspace_sharing, WorkspaceSharing::CanView);
    assert_eq!(row.workspace_sharing_enabled_by, Some(world.ada));
    assert!(!row.publicly_accessible);

    let change = UpdateMetricSharing::new(id)
        .publicly_accessible(true)
        .clear_workspace_sharing_enabled_by();
    let row = update_metric_sharing(&world.db, change)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (row.publicly_accessible, row.workspace_sharing),
        (true, WorkspaceSharing::CanView)
    );
    assert_eq!(row.workspace_sharing_enabled_by, None);
    assert_eq!(row.public_password.as_deref(), Some("secret"));
    assert_eq!(
        world.scalar(&format!(
            "SELECT publicly_accessible FROM metric_files WHERE id = '{other}'"
        )),
        "f"
    );
    world.delete("metric_files", id);
    assert_eq!(
        update_metric_sharing(&world.db, change).await.unwrap(),
        None
    );
}
