//! `cargo xtask dist`: the archive that a release is, with the binary, completions, manual pages,
//! licences and the files for systemd, Grafana and Prometheus, and its checksum. It needs `tar` and
//! `sha256sum`, and publishes nothing.

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

/// What is copied from the repository, and to where in the archive.
const FILES: &[(&str, &str)] = &[
    ("README.md", "README.md"),
    ("CHANGELOG.md", "CHANGELOG.md"),
    ("LICENSE-APACHE", "LICENSE-APACHE"),
    ("LICENSE-MIT", "LICENSE-MIT"),
    ("docs/guide/operating.md", "operating.md"),
    ("packaging/systemd/forebay.service", "systemd/forebay.service"),
    ("packaging/grafana/forebay.json", "grafana/forebay.json"),
    ("packaging/prometheus/forebay.rules.yml", "prometheus/forebay.rules.yml"),
];

/// Shells, with the place where each looks for completions.
const COMPLETIONS: &[(&str, &str)] = &[
    ("bash", "completions/bash/forebay"),
    ("zsh", "completions/zsh/_forebay"),
    ("fish", "completions/fish/forebay.fish"),
    ("elvish", "completions/elvish/forebay.elv"),
    ("powershell", "completions/powershell/forebay.ps1"),
];

/// What was typed.
struct Wanted {
    target: String,
    /// One that is built already; none to build it.
    binary: Option<PathBuf>,
}

/// Makes the archive in `target/dist` and says where it is.
pub(crate) fn run(root: &Path, options: &[&str]) -> Result<()> {
    let wanted = Wanted::read(options)?;
    let binary = match &wanted.binary {
        Some(binary) => binary.clone(),
        None => build(root, &wanted.target)?,
    };
    let version = env!("CARGO_PKG_VERSION");
    let name = format!("forebay-{version}-{}", wanted.target);
    let dist = root.join("target/dist");
    let folder = dist.join(&name);
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot empty {name}"))?;
    }
    fs::create_dir_all(&folder)?;
    fill(root, &folder, &binary)?;
    let archive = format!("{name}.tar.gz");
    tool(&dist, Path::new("tar"), pack(root, &archive, &name)?)?;
    let sum = tool(&dist, Path::new("sha256sum"), [&archive])?;
    fs::write(dist.join(format!("{archive}.sha256")), &sum)?;
    writeln!(std::io::stdout(), "{}\n{}", dist.join(archive).display(), sum.trim_end())?;
    Ok(())
}

impl Wanted {
    fn read(options: &[&str]) -> Result<Wanted> {
        let mut wanted = Wanted { target: host()?, binary: None };
        let mut rest = options.iter();
        while let Some(option) = rest.next() {
            let value = rest.next().with_context(|| format!("{option} needs a value"))?;
            match *option {
                "--target" => wanted.target = (*value).to_owned(),
                "--binary" => wanted.binary = Some(PathBuf::from(value)),
                _ => bail!("dist takes --target TRIPLE and --binary PATH, not {option}"),
            }
        }
        Ok(wanted)
    }
}

/// The target of this toolchain.
fn host() -> Result<String> {
    let said = tool(Path::new("."), Path::new("rustc"), ["-vV"])?;
    let host = said.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc does not say for what it builds")?.to_owned())
}

/// Builds it without what only a debugger needs. What is built for musl is static.
fn build(root: &Path, target: &str) -> Result<PathBuf> {
    let commit = tool(root, Path::new("git"), ["rev-parse", "HEAD"])
        .unwrap_or_else(|_| "unknown".to_owned());
    let status = Command::new(crate::cargo())
        .args(["build", "--release", "--locked", "--package", "forebay-cli", "--target", target])
        .env("FOREBAY_COMMIT", commit.trim())
        .env("CARGO_PROFILE_RELEASE_DEBUG", "0")
        .env("CARGO_PROFILE_RELEASE_STRIP", "symbols")
        .env("CARGO_TARGET_DIR", root.join("target"))
        .current_dir(root)
        .status()
        .context("cannot run cargo build")?;
    if !status.success() {
        bail!(
            "the build for {target} failed; if its standard library is missing: `rustup target \
             add {target}` (musl needs musl-tools as well)"
        );
    }
    Ok(root.join("target").join(target).join("release/forebay"))
}

/// Puts everything in its place. Completions and pages are asked of the binary itself.
fn fill(root: &Path, folder: &Path, binary: &Path) -> Result<()> {
    copy(binary, &folder.join("forebay"))?;
    for (from, to) in FILES {
        copy(&root.join(from), &folder.join(to))?;
    }
    let program = folder.join("forebay");
    for (shell, to) in COMPLETIONS {
        let text = tool(folder, &program, ["completions", shell])?;
        place(&folder.join(to))?;
        fs::write(folder.join(to), text)?;
    }
    tool(folder, &program, ["man", "man/man1"])?;
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    place(to)?;
    fs::copy(from, to).with_context(|| format!("cannot copy {}", from.display()))?;
    Ok(())
}

/// Makes the folder that a file is to be in.
fn place(file: &Path) -> Result<()> {
    let folder = file.parent().context("a file is in a folder")?;
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))
}

/// The arguments of `tar` by which the same files give the same archive.
fn pack(root: &Path, archive: &str, name: &str) -> Result<Vec<String>> {
    let date = tool(root, Path::new("git"), ["log", "-1", "--format=%ct"])
        .unwrap_or_else(|_| "0".to_owned());
    let date = date.trim();
    Ok(["--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--mode=u+rw,go+r,go-w"]
        .into_iter()
        .map(str::to_owned)
        .chain([format!("--mtime=@{date}"), "-czf".to_owned(), archive.to_owned(), name.to_owned()])
        .collect())
}

/// Runs a tool to its end; what it has printed.
fn tool<S: AsRef<OsStr>>(
    folder: &Path,
    program: &Path,
    args: impl IntoIterator<Item = S>,
) -> Result<String> {
    let output = Command::new(program)
        .args(args)
        .current_dir(folder)
        .output()
        .with_context(|| format!("cannot run {}", program.display()))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{} failed: {}", program.display(), said.trim());
    }
    String::from_utf8(output.stdout).context("it has printed something else than text")
}
