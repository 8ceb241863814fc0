//! The tables and columns that a statement reads and writes.

use std::collections::{BTreeMap, BTreeSet};

use super::Input;
use crate::catalog::Oid;
use crate::facts::Write;

pub fn reads(_input: &Input<'_>) -> BTreeMap<Oid, BTreeSet<i16>> {
    BTreeMap::new()
}

pub fn writes(_input: &Input<'_>) -> BTreeMap<Oid, Write> {
    BTreeMap::new()
}
