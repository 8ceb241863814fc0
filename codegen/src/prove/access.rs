//! Does the statement write, and may it run on a shared connection?

use super::Input;
use crate::facts::{Access, Proved};

pub fn access(_input: &Input<'_>) -> Proved<Access> {
    Proved::new(Access::Write, "not proved")
}

pub fn pure_read(_input: &Input<'_>) -> Proved<bool> {
    Proved::new(false, "not proved")
}
