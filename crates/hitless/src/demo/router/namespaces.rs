//! Network namespaces of the demo's own: made, entered, and removed at the end, whatever happens. What a killed demo left is
//! removed at the next start.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::plan;
use crate::failure::{Exit, Failure};

/// Where `ip netns` keeps namespaces by name.
const NAMES: &str = "/run/netns";
/// A file per demo: whoever runs holds its lock, and the kernel drops that with the process.
const LOCKS: &str = "/run/hitless-demo";
/// FRR keeps a directory for each name space of its daemons here.
pub(super) const FRR_RUN: &str = "/var/run/frr";
/// Processes that were sent SIGKILL are waited for so long.
const DYING: Duration = Duration::from_secs(10);
/// ... and looked at again after this.
const PAUSE: Duration = Duration::from_millis(20);

/// The demo's namespaces. Dropping it removes them, and kills what runs in them.
pub(super) struct Namespaces {
    prefix: String,
    lock_path: PathBuf,
    // Held for as long as the demo runs.
    _lock: File,
}

impl Namespaces {
    /// Removes what killed demos left, then lays out the namespaces with all links and addresses.
    pub(super) fn lay() -> Result<Self, Failure> {
        let failed = |what: &str, error: io::Error| Failure::new(Exit::Failed, format!("{what}: {error}"));
        fs::create_dir_all(LOCKS).map_err(|error| failed(LOCKS, error))?;
        remove_leftovers().map_err(|error| failed("what a killed demo left", error))?;
        let prefix = format!("hitless-{}-", std::process::id());
        let lock_path = Path::new(LOCKS).join(format!("{prefix}lock"));
        let lock = File::create(&lock_path).map_err(|error| failed("the demo's lock", error))?;
        lock.try_lock().map_err(|error| failed("the demo's lock", error.into()))?;
        let namespaces = Self { prefix, lock_path, _lock: lock };
        namespaces.make().map_err(|error| {
            failed("the network namespaces cannot be made", error).hint(
                "it takes root with all its rights (CAP_SYS_ADMIN, CAP_NET_ADMIN): a container needs --privileged",
            )
        })?;
        Ok(namespaces)
    }

    fn make(&self) -> io::Result<()> {
        let places = plan::places();
        let adds: Vec<String> =
            places.iter().map(|place| format!("netns add {}", self.name(&place.name))).collect();
        batch(None, &adds)?;
        for place in &places {
            self.set(&place.name, place.settings.clone())?;
        }
        batch(None, &plan::links(|name| self.name(name)))?;
        for place in &places {
            self.set(&place.name, place.link_settings.clone())?;
            batch(Some(&self.name(&place.name)), &place.lines)?;
        }
        Ok(())
    }

    /// Writes settings of the kernel.
    fn set(&self, short: &str, settings: Vec<(&'static str, &'static str)>) -> io::Result<()> {
        let write = |(key, value): (&str, &str)| {
            let path = Path::new("/proc/sys/net").join(key);
            fs::write(&path, value).map_err(|error| io::Error::other(format!("{}: {error}", path.display())))
        };
        self.inside(short, move || settings.into_iter().try_for_each(write))?
    }

    /// The full name of a namespace.
    pub(super) fn name(&self, short: &str) -> String {
        format!("{}{short}", self.prefix)
    }

    /// Runs `work` in a thread of its own that is in the namespace, as are sockets and threads that it makes.
    pub(super) fn inside<T: Send + 'static>(
        &self,
        short: &str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<T> {
        let thread = self.spawn_inside(short, work)?;
        thread.join().map_err(|_| io::Error::other("a thread of the demo has died"))?
    }

    /// The same, without waiting for its end.
    pub(super) fn spawn_inside<T: Send + 'static>(
        &self,
        short: &str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<thread::JoinHandle<io::Result<T>>> {
        let namespace = File::open(Path::new(NAMES).join(self.name(short)))?;
        thread::Builder::new().name(short.to_owned()).spawn(move || {
            use std::os::fd::AsFd;
            move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))?;
            Ok(work())
        })
    }

    /// `ip ARGUMENTS` in a namespace; what it prints.
    pub(super) fn ip(&self, short: &str, arguments: &str) -> Result<String, Failure> {
        let mut command = Command::new("ip");
        command.args(["-n", &self.name(short)]).args(arguments.split_whitespace());
        run(&mut command).map_err(|error| {
            Failure::new(Exit::Failed, format!("ip {arguments}, in the namespace of {short}: {error}"))
        })
    }

    /// Many commands of `ip` in a namespace, as fast as can be.
    pub(super) fn ip_all(&self, short: &str, lines: Vec<String>) -> Result<(), Failure> {
        batch(Some(&self.name(short)), &lines).map_err(|error| {
            Failure::new(Exit::Failed, format!("ip -batch, in the namespace of {short}: {error}"))
        })
    }
}

impl Drop for Namespaces {
    fn drop(&mut self) {
        // Nobody is left to hear of it; what stays is removed by the next demo.
        let _ = remove(&self.prefix);
        let _ = fs::remove_file(&self.lock_path);
    }
}

/// What demos left whose process is gone: nobody holds their lock.
fn remove_leftovers() -> io::Result<()> {
    for entry in fs::read_dir(LOCKS)? {
        let path = entry?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let Some(prefix) = name.strip_suffix("lock").filter(|prefix| prefix.starts_with("hitless-")) else {
            continue;
        };
        let lock = File::open(&path)?;
        if !is_free(&lock, prefix) {
            continue;
        }
        eprintln!("removing what an earlier demo left: {prefix}*");
        remove(prefix)?;
        fs::remove_file(&path)?;
    }
    Ok(())
}

/// Whether nobody holds the lock. A program that a demo was just starting when it was killed may hold it a moment longer.
fn is_free(lock: &File, prefix: &str) -> bool {
    let number = prefix.trim_start_matches("hitless-").trim_end_matches('-').parse().ok();
    let runs = number.and_then(Pid::from_raw).is_some_and(|pid| test_kill_process(pid).is_ok());
    let begun = Instant::now();
    loop {
        match lock.try_lock() {
            Ok(()) => return true,
            Err(_) if runs || begun.elapsed() > DYING => return false,
            Err(_) => thread::sleep(PAUSE),
        }
    }
}

/// Removes namespaces by their prefix, and all that runs in them.
fn remove(prefix: &str) -> io::Result<()> {
    let names = |dir: &str| -> Vec<String> {
        let entries = fs::read_dir(dir).into_iter().flatten().flatten();
        let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
        names.filter(|name| name.starts_with(prefix)).collect()
    };
    let namespaces = names(NAMES);
    for namespace in &namespaces {
        end_all_in(namespace)?;
    }
    for namespace in &namespaces {
        run(Command::new("ip").args(["netns", "delete", namespace]))?;
    }
    for name in names(FRR_RUN) {
        fs::remove_dir_all(Path::new(FRR_RUN).join(name))?;
    }
    Ok(())
}

/// Kills what runs in a namespace. Not this process: its threads are in some, and what is its own ends with it.
fn end_all_in(namespace: &str) -> io::Result<()> {
    let begun = Instant::now();
    loop {
        let listed = run(Command::new("ip").args(["netns", "pids", namespace]))?;
        let pids = listed.lines().filter_map(|line| Pid::from_raw(line.trim().parse().ok()?));
        let others: Vec<Pid> = pids.filter(|pid| *pid != rustix::process::getpid()).collect();
        if others.is_empty() || begun.elapsed() > DYING {
            return Ok(());
        }
        for pid in others {
            // It may have ended by itself since.
            let _ = kill_process(pid, Signal::KILL);
        }
        thread::sleep(PAUSE);
    }
}

/// Hands lines to `ip -batch`.
fn batch(namespace: Option<&str>, lines: &[String]) -> io::Result<()> {
    let mut command = Command::new("ip");
    if let Some(namespace) = namespace {
        command.args(["-n", namespace]);
    }
    command.args(["-batch", "-"]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        let mut text = lines.join("\n");
        text.push('\n');
        stdin.write_all(text.as_bytes())?;
    }
    finished(child.wait_with_output()?).map(drop)
}

/// Runs a command to its end; what it printed.
pub(super) fn run(command: &mut Command) -> io::Result<String> {
    finished(command.stdin(Stdio::null()).output()?)
}

fn finished(output: std::process::Output) -> io::Result<String> {
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(io::Error::other(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
}
