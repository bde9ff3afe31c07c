//! `cargo xtask fuzz`: builds the targets of `fuzz/`, proves that they can fail, replays what was found before, and runs
//! them; `docs/fuzzing.md` has the list.

mod report;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::command::{cargo, loudly, output_of, quietly, rustc, watched};

/// The release that is installed where there is none.
const CARGO_FUZZ: &str = "0.13.2";
/// Seconds that a target runs if nothing else is asked for: all of them together take about 90.
const SMOKE_SECONDS: &str = "4";
/// An input that takes longer hangs.
const TIMEOUT_SECONDS: &str = "10";
/// What makes the canary fail, in each way there is; and what does not.
const CANARIES: [(&str, bool); 5] =
    [("panic", false), ("overflow", false), ("hang", false), ("memory", false), ("nothing", true)];

/// Where everything is.
struct Place {
    folder: PathBuf,
    binaries: PathBuf,
}

/// Everything: the canary, what was found before, and a bounded run of each target. True if all went well.
pub(crate) fn all() -> Result<bool> {
    let place = build()?;
    let mut good = canary(&place)?;
    for target in targets(&place.folder)? {
        good &= regressions(&place, &target)?;
        let (passed, text) = quiet_run(place.fuzzer(&target, &format!("-max_total_time={SMOKE_SECONDS}"))?)?;
        good &= report::tell(&target, passed, &text);
    }
    Ok(good)
}

/// One target for so many executions.
pub(crate) fn long(target: &str, runs: &str) -> Result<bool> {
    anyhow::ensure!(runs.parse::<u64>().is_ok(), "`{runs}` is no number of executions");
    let place = build()?;
    known(&place, target)?;
    let mut good = regressions(&place, target)?;
    let mut text = String::new();
    let mut command = place.fuzzer(target, &format!("-runs={runs}"))?;
    let passed = watched(&mut command, |line| text.extend([line, "\n"]))?;
    good &= report::tell(target, passed, &text);
    Ok(good)
}

/// These inputs only, once each.
pub(crate) fn replay(target: &str, inputs: &[&str]) -> Result<bool> {
    let place = build()?;
    known(&place, target)?;
    loudly(place.target(target)?.args(inputs))
}

impl Place {
    /// The binary of a target, with what is asked of each run.
    fn target(&self, name: &str) -> Result<Command> {
        let artifacts = self.folder.join("artifacts").join(name);
        fs::create_dir_all(&artifacts).with_context(|| format!("cannot create {}", artifacts.display()))?;
        let mut command = Command::new(self.binaries.join(name));
        command.arg(format!("-timeout={TIMEOUT_SECONDS}"));
        command.arg(format!("-artifact_prefix={}/", artifacts.display()));
        Ok(command)
    }

    /// A run of a target on its corpus, which grows.
    fn fuzzer(&self, name: &str, bound: &str) -> Result<Command> {
        let mut command = self.target(name)?;
        command.args(["-print_final_stats=1", "-rss_limit_mb=2048", bound]);
        let dictionary = self.folder.join("dictionaries").join(format!("{name}.dict"));
        if dictionary.exists() {
            command.arg(format!("-dict={}", dictionary.display()));
        }
        command.arg(self.folder.join("corpus").join(name));
        Ok(command)
    }
}

/// The names of all targets, ascending.
fn targets(folder: &Path) -> Result<Vec<String>> {
    let files = entries(&folder.join("fuzz_targets"))?;
    let name = |path: &PathBuf| Some(path.file_stem()?.to_string_lossy().into_owned());
    Ok(files.iter().filter_map(name).collect())
}

fn known(place: &Place, target: &str) -> Result<()> {
    let targets = targets(&place.folder)?;
    anyhow::ensure!(
        targets.iter().any(|name| name == target),
        "no target `{target}`: there are {}",
        targets.join(", ")
    );
    Ok(())
}

/// The files of a folder, ascending; none where there is no folder.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let read = fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let mut paths = read.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

/// Builds all targets, and writes the seeds of their corpora.
fn build() -> Result<Place> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("fuzz");
    if !cargo(&["fuzz", "--version"]).output().context("cannot start cargo")?.status.success() {
        let install = ["install", "cargo-fuzz", "--locked", "--version", CARGO_FUZZ];
        anyhow::ensure!(loudly(&mut cargo(&install))?, "cargo-fuzz {CARGO_FUZZ} cannot be installed");
    }
    // cargo-fuzz itself would silently write a lock file anew.
    let metadata = ["metadata", "--locked", "--format-version", "1", "--manifest-path"];
    output_of(cargo(&metadata).arg(folder.join("Cargo.toml")))
        .context("fuzz/Cargo.lock is not up to date")?;
    // Sanitizers need a nightly compiler; panics, sizes and time are what is looked for, and there is no `unsafe`. Seeds and
    // dictionaries find what traced compares would, and the targets are four times as fast without them.
    let build = ["fuzz", "build", "--sanitizer", "none", "--no-trace-compares"];
    let built = loudly(cargo(&build).current_dir(&folder))?;
    anyhow::ensure!(
        built,
        "the targets cannot be built: they need a C++ compiler, as in `apt-get install g++`"
    );
    let version = output_of(&mut rustc(&["-vV"]))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).context("rustc names no host")?;
    let place = Place { binaries: folder.join("target").join(host).join("release"), folder };
    anyhow::ensure!(loudly(&mut Command::new(place.binaries.join("seeds")))?, "the seeds cannot be written");
    Ok(place)
}

/// The canary must fail on each of its inputs but the last: else a target that passes says nothing.
fn canary(place: &Place) -> Result<bool> {
    let mut good = true;
    for (name, passes) in CANARIES {
        let mut command = place.target("canary")?;
        let input = place.folder.join("artifacts").join("canary").join(name);
        fs::write(&input, name).with_context(|| format!("cannot write {}", input.display()))?;
        // Of several the last wins.
        if quietly(command.arg("-timeout=1").arg(&input))?.is_empty() != passes {
            println!("canary      FAIL: `{name}` must {}", if passes { "pass" } else { "be found" });
            good = false;
        }
    }
    Ok(good)
}

/// What was found once must not come back.
fn regressions(place: &Place, target: &str) -> Result<bool> {
    let mut good = true;
    for input in entries(&place.folder.join("regressions").join(target))? {
        for finding in quietly(place.target(target)?.arg(&input))? {
            println!("{target}: {} is back\n  {finding}", input.display());
            good = false;
        }
    }
    Ok(good)
}

/// Whether it passed, and what it printed.
fn quiet_run(mut command: Command) -> Result<(bool, String)> {
    let output = command.output().with_context(|| format!("cannot start {:?}", command.get_program()))?;
    Ok((output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned()))
}
