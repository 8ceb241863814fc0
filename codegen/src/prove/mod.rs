//! Facts from trees and the catalog. Pure.

pub mod rules;
