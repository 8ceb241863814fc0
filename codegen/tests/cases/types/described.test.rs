//! What is serialised is what the schemas say.

use utoipa::{PartialSchema as _, ToSchema as _};

use super::tables::Account;
use super::types::{AccountId, Address, Mood};

fn fields(schema: &serde_json::Value) -> Vec<&String> {
    schema["properties"].as_object().unwrap().keys().collect()
}

#[test]
fn all_that_is_generated_has_schemas() {
    let account = schemars::schema_for!(Account).to_value();
    let same = serde_json::to_value(Account::schema()).unwrap();
    for schema in [&account, &same] {
        assert_eq!(fields(schema).len(), 41, "{schema:#}");
        let required = schema["required"].as_array().unwrap();
        assert!(required.contains(&"id".into()) && !required.contains(&"b".into()));
    }
    assert_eq!(account["properties"]["t"]["format"], "date-time");
    assert_eq!(same["properties"]["t"]["format"], "date-time");
    assert_eq!(serde_json::to_value(Mood::Sad).unwrap(), "Sad");
    assert!(account["$defs"]["Mood"].to_string().contains("Sad"), "{account:#}");
    let mut parts = Vec::new();
    Account::schemas(&mut parts);
    let mut texts = vec![same.to_string()];
    texts.extend(parts.iter().map(|(_, part)| serde_json::to_string(part).unwrap()));
    for text in &texts {
        for reference in text.split("#/components/schemas/").skip(1) {
            let name = reference.split('"').next().unwrap();
            assert!(parts.iter().any(|(part, _)| part == name), "{name}");
        }
    }
    let range = parts.iter().find(|(name, _)| name == "Range_i32").unwrap();
    let range = serde_json::to_string(&range.1).unwrap();
    assert!(range.contains("Included") && range.contains("int32"), "{range}");

    let address = Address {
        street: Some("Main".to_owned()),
        zip: None,
        moods: Some(vec![Some(Mood::Happy), None]),
        net: Some("10.0.0.0/8".parse().unwrap()),
        span: None,
    };
    let written = serde_json::to_value(&address).unwrap();
    let schema = schemars::schema_for!(Address).to_value();
    assert_eq!(fields(&schema).len(), written.as_object().unwrap().len());
    assert_eq!(written["net"], "10.0.0.0/8");
    assert_eq!(schemars::schema_for!(AccountId).to_value()["type"], "integer");
    assert_eq!(serde_json::to_value(AccountId(7)).unwrap(), 7);
}
