//! Whatever domain the server names, the constraint is the same.

use super::numbers::{self, Add, AddConstraint};

#[tokio::test]
async fn a_constraint_is_known_under_each_domain() {
    let db = crate::database::of("emit_domain_over_domain").await;
    let add = |plain, pair, element| {
        let row = Add {
            id: 1,
            plain,
            pair,
            element,
        };
        numbers::add(&db, row)
    };
    for (params, broken) in [
        ((Some(20), Some(2), Some(2)), AddConstraint::IsSmall),
        ((Some(2), Some(20), Some(2)), AddConstraint::IsSmall),
        ((Some(2), Some(2), Some(20)), AddConstraint::IsSmall),
        ((Some(2), Some(3), Some(2)), AddConstraint::IsEven),
        ((Some(2), None, Some(2)), AddConstraint::GivenNotNull),
        ((Some(2), Some(2), None), AddConstraint::GivenNotNull),
    ] {
        let error = add(params.0, params.1, params.2).await.unwrap_err();
        assert_eq!(error.constraint(), Some(broken), "{params:?}: {error}");
    }
    assert_eq!(add(None, Some(2), Some(2)).await.unwrap(), 1);
}
