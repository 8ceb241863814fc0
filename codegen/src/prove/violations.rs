//! The constraints that a write can break.

use super::Input;
use crate::facts::Violation;

pub fn violations(_input: &Input<'_>) -> Vec<Violation> {
    Vec::new()
}
