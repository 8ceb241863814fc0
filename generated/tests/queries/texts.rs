//! The runtime joins the texts of a query by a rule of its own. They are, byte for byte, those that the generator showed to PostgreSQL.

use std::path::Path;

use sqlmill::project::{self, Layout};
use sqlmill::prove::Rules;
use sqlmill::source::Sources;

use crate::support::World;

#[tokio::test]
async fn the_texts_that_are_sent_are_those_that_were_checked() {
    let world = World::new().await;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let layout = Layout {
        root: root.to_owned(),
        schema: root.join("schema.sql"),
        queries: root.join("queries"),
        out: root.join("generated"),
    };
    let mut sources = Sources::default();
    let text = std::fs::read_to_string(root.join("sqlmill.toml")).unwrap();
    let file = sources.add("sqlmill.toml", text);
    let (config, found) = sqlmill::config::parse(&sources, file);
    assert_eq!(found, []);
    let loaded = project::load(&layout, &mut sources);
    let parsed = sqlmill::parse(&sources, &loaded.queries);
    let compiled = world.compile(&sources, &config, parsed, &Rules::all());
    let mut checked = compiled.texts_sent();
    checked.sort();
    let mut sent: Vec<(String, &str)> = database::texts_sent()
        .into_iter()
        .map(|(name, text)| (name.to_owned(), text))
        .collect();
    sent.sort();
    for (sent, checked) in sent.iter().zip(&checked) {
        assert_eq!(sent, checked);
    }
    assert_eq!(sent.len(), checked.len());
    // Filters, orders, patches, pages and many rows are among them.
    let of = |name: &str| sent.iter().filter(|(query, _)| query == name).count();
    assert!(of("reports::list_reports") > 100);
    assert!(of("organizations::list_members") > 16);
    assert_eq!(of("users::update_user"), 2);
    assert_eq!(of("users::list_users"), 5);
    assert_eq!(of("messages::link_message_files"), 1);
}
