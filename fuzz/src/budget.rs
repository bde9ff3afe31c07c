//! How much a target may allocate: so much, plus so many bytes for each byte of its input.

use peak_alloc::PeakAlloc;

/// Counts every allocation of the process but those of libFuzzer itself, which is C++.
#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// A bound on the memory that is in use at once.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// Bytes whatever the input: fixed buffers, and what the limits of the product allow a few bytes to ask for.
    pub base: usize,
    /// Bytes for each byte of the input.
    pub per_byte: usize,
}

impl Budget {
    /// Runs `target` on `input`, and panics if more was in use at once than the budget allows.
    pub fn watch(self, input: &[u8], target: impl FnOnce(&[u8])) {
        MEMORY.reset_peak_usage();
        let before = MEMORY.current_usage();
        target(input);
        let used = MEMORY.peak_usage().saturating_sub(before);
        let allowed = self.base + self.per_byte * input.len();
        assert!(
            used <= allowed,
            "{used} bytes in use for an input of {} bytes: at most {allowed}",
            input.len()
        );
    }
}
