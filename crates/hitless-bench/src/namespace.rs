//! A network namespace for one measurement: a thread moves into a new one, and what it starts lives there.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use rustix::thread::UnshareFlags;

/// The link that routes go out by, and a router on it.
pub(crate) const LINK: &str = "left";
const SET_UP: &[&str] = &[
    "link set lo up",
    "link add left type veth peer name right",
    "addr add 192.0.2.254/24 dev left",
    "-6 addr add fd00::fe/64 dev left nodad",
    "link set left up",
    "link set right up",
];

/// Whether namespaces can be made here.
pub(crate) fn allowed() -> bool {
    rustix::process::geteuid().is_root()
}

/// What is said of a measurement where they cannot.
pub(crate) const NOT_MEASURED: &str = "Not measured: network namespaces need root.";

/// Runs `what` on a thread in a namespace of its own, with an asynchronous runtime of that thread alone.
pub(crate) async fn inside<T: Send + 'static>(
    what: impl AsyncFnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let thread = std::thread::spawn(move || {
        #[expect(deprecated, reason = "of its flags only those about open files could do harm")]
        rustix::thread::unshare(UnshareFlags::NEWNET).context("no network namespace")?;
        SET_UP.iter().try_for_each(|words| ip(words))?;
        // Everything on this thread: others would be outside.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(what())
    });
    let end = move || thread.join().map_err(|_| anyhow::anyhow!("the measurement has failed"));
    tokio::task::spawn_blocking(end).await??
}

/// Runs `ip` with these words.
pub(crate) fn ip(words: &str) -> Result<()> {
    let output = Command::new("ip").args(words.split(' ')).output().context("iproute2 is needed")?;
    ensure!(output.status.success(), "ip {words}: {}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(())
}
