//! What the handles must not let through does not compile, and says so in words that help.
//!
//! Each file of `refused/` is compiled against this very runtime; its `//~` lines must be in what the compiler says.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

#[test]
fn what_must_not_compile_says_why() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/refused");
    let compiler = Compiler::new(&cases);
    let accepted = compiler.check(&cases.join("accepted/everything.rs"));
    assert!(accepted.status.success(), "{}", stderr(&accepted));

    let mut refused = 0;
    for entry in fs::read_dir(&cases).unwrap() {
        let path = entry.unwrap().path();
        if path.extension() != Some(OsStr::new("rs")) {
            continue;
        }
        refused += 1;
        let output = compiler.check(&path);
        let said = stderr(&output);
        assert!(!output.status.success(), "{} compiles", path.display());
        let source = fs::read_to_string(&path).unwrap();
        for expected in source.lines().filter_map(|line| line.strip_prefix("//~ ")) {
            assert!(
                said.contains(expected),
                "{}: no {expected:?} in\n{said}",
                path.display()
            );
        }
    }
    assert_eq!(refused, 6);
}

struct Compiler {
    dependencies: PathBuf,
    runtime: PathBuf,
    scratch: PathBuf,
}

impl Compiler {
    fn new(cases: &Path) -> Self {
        // This test was linked against the runtime a moment ago: it is the newest one beside it.
        let dependencies = std::env::current_exe()
            .unwrap()
            .parent()
            .unwrap()
            .to_owned();
        let runtime = fs::read_dir(&dependencies)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| {
                let name = path.file_name().unwrap().to_string_lossy();
                name.starts_with("libsqlmill_runtime-") && name.ends_with(".rlib")
            })
            .max_by_key(|path| fs::metadata(path).unwrap().modified().unwrap())
            .unwrap();
        let compiler = Self {
            dependencies,
            runtime,
            scratch: PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("refused"),
        };
        fs::create_dir_all(&compiler.scratch).unwrap();
        let queries = compiler.check(&cases.join("case/sqlmill_case.rs"));
        assert!(queries.status.success(), "{}", stderr(&queries));
        compiler
    }

    fn check(&self, file: &Path) -> Output {
        let queries = self.scratch.join("libsqlmill_case.rmeta");
        Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
            .args(["--edition=2024", "--crate-type=lib", "--emit=metadata"])
            .arg(file)
            .arg("--out-dir")
            .arg(&self.scratch)
            .arg("-L")
            .arg(format!("dependency={}", self.dependencies.display()))
            .arg("--extern")
            .arg(format!("sqlmill_runtime={}", self.runtime.display()))
            .arg("--extern")
            .arg(format!("sqlmill_case={}", queries.display()))
            .output()
            .unwrap()
    }
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
