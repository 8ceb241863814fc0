//! The sort keys of the result, and whether they tell every two rows apart.

use super::Input;
use crate::facts::{ColumnFacts, Order, Proved};

pub fn order(_input: &Input<'_>, _columns: &[ColumnFacts]) -> Order {
    Order {
        keys: Vec::new(),
        total: Proved::new(false, "not proved"),
    }
}
