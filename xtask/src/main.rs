//! `cargo xtask`: sqlmill's own commands and this repository's chores.

mod bench;
mod calls;
mod chores;
mod servers;
mod synthetic;

use std::process::ExitCode;

fn main() -> ExitCode {
    chores::main()
}
