//! What the kernel says of a process: its memory, its time on processors.

use std::fs;

use anyhow::{Context, Result};

/// Ticks of `/proc/PID/stat` in a second: `USER_HZ`, the same on every Linux that matters.
const TICKS: f64 = 100.0;

/// Resident memory in bytes.
pub(crate) fn resident(pid: u32) -> Result<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).context("a process that has ended")?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    let kilobytes: u64 = line.trim().trim_end_matches(" kB").parse().context("VmRSS is no number")?;
    Ok(kilobytes * 1024)
}

/// Seconds on processors so far, in user and kernel mode, over all threads; ended ones too.
pub(crate) fn on_processor(pid: u32) -> Result<f64> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).context("a process that has ended")?;
    // The name in parentheses may hold anything.
    let (_, rest) = text.rsplit_once(')').context("no process")?;
    let numbers: Vec<f64> = rest.split_whitespace().map(|word| word.parse().unwrap_or_default()).collect();
    Ok((numbers[11] + numbers[12]) / TICKS)
}

/// Seconds on processors of the calling thread.
pub(crate) fn of_this_thread() -> Result<f64> {
    let text = fs::read_to_string("/proc/thread-self/schedstat").context("no schedstat")?;
    let nanoseconds: f64 = text.split(' ').next().unwrap_or_default().parse().context("no number")?;
    Ok(nanoseconds / 1e9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_knows_this_process() {
        let own = std::process::id();
        assert!(resident(own).unwrap() > 100_000);
        let before = of_this_thread().unwrap();
        while of_this_thread().unwrap() < before + 0.03 {}
        assert!(on_processor(own).unwrap() > 0.0);
        assert!(resident(0).is_err());
    }
}
