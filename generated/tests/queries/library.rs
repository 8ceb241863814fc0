use database::library::*;
use database::types::AssetType;

use crate::support::{Uuid, World};

use AssetType::{Chat, DashboardFile, MetricFile, ReportFile};

#[tokio::test]
async fn assets_are_saved_once_removed_and_saved_again() {
    let world = World::new().await;
    let [one, two] = [1, 2].map(Uuid::from_u128);
    let save = async |user_id, asset_types: &[AssetType], asset_ids: &[Uuid]| {
        save_to_library(
            &world.db,
            SaveToLibrary {
                user_id,
                asset_types,
                asset_ids,
            },
        )
        .await
        .unwrap()
    };
    let remove = async |asset_types: &[AssetType], asset_ids: &[Uuid]| {
        let removed = RemoveFromLibrary {
            user_id: world.ada,
            asset_types,
            asset_ids,
        };
        remove_from_library(&world.db, removed).await.unwrap()
    };
    let kept = || {
        world.scalar(&format!(
            "SELECT count(*) FROM user_library WHERE deleted_at IS NULL AND user_id = '{}'",
            world.ada
        ))
    };
    assert_eq!(
        save(world.ada, &[Chat, MetricFile, Chat], &[one, one, one]).await,
        2
    );
    assert_eq!(save(world.ada, &[Chat, Chat], &[one, two]).await, 2);
    assert_eq!(save(world.ben, &[Chat], &[one]).await, 1);
    assert_eq!(save(world.ada, &[], &[]).await, 0);
    assert_eq!(kept(), "3");

    // The pair counts, not each on its own.
    assert_eq!(remove(&[MetricFile], &[two]).await, 0);
    assert_eq!(remove(&[MetricFile, Chat], &[one, two]).await, 2);
    assert_eq!(remove(&[MetricFile, Chat], &[one, two]).await, 0);
    assert_eq!(remove(&[], &[]).await, 0);
    assert_eq!(kept(), "1");
    assert_eq!(save(world.ada, &[MetricFile], &[one]).await, 1);
    assert_eq!(kept(), "2");
    assert_eq!(world.scalar("SELECT count(*) FROM user_library"), "4");
}

#[tokio::test]
async fn favorites_keep_the_order_of_their_user() {
    let world = World::new().await;
    let [one, two, three] = [1, 2, 3].map(Uuid::from_u128);
    let add = async |user_id, asset_type, asset_id| {
        add_favorite(
            &world.db,
            AddFavorite {
                user_id,
                asset_id,
                asset_type,
            },
        )
        .await
        .unwrap()
    };
    let list = async || {
        let rows = list_favorites(&world.db, world.ada).await.unwrap();
        rows.into_iter()
            .map(|row| (row.asset_type, row.asset_id))
            .collect::<Vec<_>>()
    };
    let reorder = async |asset_types: &[AssetType], asset_ids: &[Uuid]| {
        let order = ReorderFavorites {
            asset_types,
            asset_ids,
            user_id: world.ada,
        };
        reorder_favorites(&world.db, order).await.unwrap()
    };
    assert!(list().await.is_empty());
    assert_eq!(add(world.ada, Chat, one).await, 0);
    assert_eq!(add(world.ada, MetricFile, one).await, 1);
    assert_eq!(add(world.ada, ReportFile, three).await, 2);
    assert_eq!(add(world.ada, Chat, one).await, 0, "keeps its place");
    assert_eq!(add(world.ben, Chat, two).await, 0, "every user has a list");

    assert_eq!(
        reorder(
            &[ReportFile, Chat, MetricFile, DashboardFile],
            &[three, one, one, two]
        )
        .await,
        3
    );
    assert_eq!(
        list().await,
        [(ReportFile, three), (Chat, one), (MetricFile, one)]
    );
    assert_eq!(reorder(&[], &[]).await, 0);
    // One that is named twice has its first place.
    assert_eq!(
        reorder(
            &[Chat, ReportFile, MetricFile, Chat],
            &[one, three, one, one]
        )
        .await,
        3
    );
    assert_eq!(
        list().await,
        [(Chat, one), (ReportFile, three), (MetricFile, one)]
    );

    world.sql("UPDATE user_favorites SET deleted_at = now() WHERE asset_type = 'report_file'");
    assert_eq!(list().await, [(Chat, one), (MetricFile, one)]);
    assert_eq!(reorder(&[ReportFile], &[three]).await, 0);
    assert_eq!(
        add(world.ada, ReportFile, three).await,
        3,
        "comes back at the end"
    );
    // Equal numbers are told apart.
    world.sql("UPDATE user_favorites SET order_index = 0");
    assert_eq!(
        list().await,
        [(Chat, one), (MetricFile, one), (ReportFile, three)]
    );
}

#[tokio::test]
async fn an_asset_of_any_type_has_a_summary() {
    let world = World::new().await;
    let metric = world
        .metric(world.data_source(world.acme, "warehouse"), "Sales")
        .await;
    let assets = [
        (
            "chats",
            Chat,
            world.chat(world.acme, world.ada, "Revenue").await,
            "Revenue",
        ),
        ("metric_files", MetricFile, metric, "Sales"),
        (
            "dashboard_files",
            DashboardFile,
            world.dashboard(world.acme, "Board").await,
            "Board",
        ),
        (
            "report_files",
            ReportFile,
            world.report(world.acme, "Story", "text").await,
            "Story",
        ),
        (
            "collections",
            AssetType::Collection,
            world.collection(world.acme, "Folder"),
            "Folder",
        ),
    ];
    let get = async |asset_type, asset_id| {
        get_asset_summary(
            &world.db,
            GetAssetSummary {
                asset_type,
                asset_id,
            },
        )
        .await
        .unwrap()
    };
    for (table, asset_type, id, title) in assets {
        let found = get(asset_type, id).await.unwrap();
        assert_eq!((found.asset_type, found.asset_id), (asset_type, id));
        assert_eq!(
            (found.title.as_str(), found.organization_id),
            (title, world.acme)
        );
        assert_eq!(found.created_by, world.ada);
        world.delete(table, id);
        assert!(get(asset_type, id).await.is_none(), "{table}");
    }
    let chat = world.chat(world.acme, world.ada, "Revenue").await;
    assert!(get(ReportFile, chat).await.is_none(), "another type's id");
}
