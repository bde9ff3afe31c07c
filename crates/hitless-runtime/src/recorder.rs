//! The recorder: every input of a core, in order, as lines that a simulator can replay. Off unless configured.
//!
//! It never holds up the core: lines go to a thread through a bounded queue, and recording stops with a notice where the
//! queue is full, the file cannot be written, or the configured size is reached.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Lines, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{Builder, JoinHandle};

use hitless_proto::ids::{Party, Time};
use hitless_proto::input::{Input, LineError, PartyStart, Recorded};
use thiserror::Error;

use crate::limits::{RECORD_BYTES, RECORD_LINES, RECORD_QUEUE_BYTES};
use crate::observe;

/// Where to record, and how much.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recording {
    /// The file; replaced if it exists.
    pub path: PathBuf,
    /// Recording stops before the file is longer.
    pub max_bytes: u64,
}

impl Recording {
    /// Records to `path`, up to the default bound.
    #[must_use]
    pub fn to(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), max_bytes: RECORD_BYTES }
    }
}

/// The running recorder of one core.
pub(crate) struct Recorder {
    own: Party,
    lines: Option<SyncSender<String>>,
    thread: Option<JoinHandle<()>>,
    /// Bytes that may still be recorded.
    left: u64,
    /// Bytes that wait for the thread.
    queued: Arc<AtomicU64>,
}

impl Recorder {
    /// Creates the file, and writes what the core was started with.
    pub(crate) fn start(recording: &Recording, start: &PartyStart) -> Result<Self, RecordingError> {
        let failed = |cause| RecordingError::Io { path: recording.path.clone(), cause };
        let mut file = BufWriter::new(File::create(&recording.path).map_err(failed)?);
        let line = start.to_line();
        writeln!(file, "{line}").map_err(failed)?;
        let own = start.party;
        let (lines, queue) = sync_channel(RECORD_LINES);
        let queued = Arc::new(AtomicU64::new(0));
        let written = queued.clone();
        let write = move || write_all(own, file, &queue, &written);
        let thread = Builder::new().name(format!("{own} recorder")).spawn(write).map_err(failed)?;
        let left = recording.max_bytes.saturating_sub(line.len() as u64 + 1);
        Ok(Self { own, lines: Some(lines), thread: Some(thread), left, queued })
    }

    /// Records what a core is about to be given.
    pub(crate) fn record(&mut self, at: Time, input: &Input) {
        let Some(lines) = &self.lines else { return };
        let line = input.to_line(at);
        let bytes = line.len() as u64 + 1;
        if bytes > self.left {
            return self.stop("the configured size is reached");
        }
        if self.queued.fetch_add(bytes, Ordering::Relaxed) > RECORD_QUEUE_BYTES {
            return self.stop("the disk is too slow");
        }
        match lines.try_send(line) {
            Ok(()) => self.left -= bytes,
            Err(TrySendError::Full(_)) => self.stop("the disk is too slow"),
            // The thread has said why.
            Err(TrySendError::Disconnected(_)) => self.lines = None,
        }
    }

    fn stop(&mut self, why: &str) {
        self.lines = None;
        observe::recording_stopped(self.own, why);
    }

    /// Writes what is queued, and closes the file.
    pub(crate) fn finish(mut self) {
        self.lines = None;
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}

fn write_all(own: Party, mut file: BufWriter<File>, queue: &Receiver<String>, queued: &AtomicU64) {
    let mut put = || -> std::io::Result<()> {
        while let Ok(first) = queue.recv() {
            let mut line = Some(first);
            while let Some(text) = line {
                writeln!(file, "{text}")?;
                queued.fetch_sub(text.len() as u64 + 1, Ordering::Relaxed);
                line = queue.try_recv().ok();
            }
            // Nothing more at hand: leave whole lines behind, in case the process is killed.
            file.flush()?;
        }
        Ok(())
    };
    if let Err(cause) = put() {
        observe::recording_stopped(own, &cause.to_string());
    }
}

/// A recording could not be written or read.
#[derive(Debug, Error)]
pub enum RecordingError {
    /// The system refused.
    #[error("recording {}: {cause}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// A line is not one of a recording.
    #[error("recording {}, line {line}: {cause}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: u64,
        /// What is wrong with it.
        cause: LineError,
    },
    /// There is not even a first line.
    #[error("recording {} is empty", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
}

/// Reads a recording back: the start, then the inputs in order.
pub struct RecordingReader {
    path: PathBuf,
    lines: Lines<BufReader<File>>,
    start: PartyStart,
    line: u64,
}

impl RecordingReader {
    /// Opens a recording, and reads its start.
    ///
    /// # Errors
    /// The file cannot be read, or does not begin as a recording does.
    pub fn open(path: &Path) -> Result<Self, RecordingError> {
        let failed = |cause| RecordingError::Io { path: path.to_owned(), cause };
        let mut lines = BufReader::new(File::open(path).map_err(failed)?).lines();
        let first = lines.next().ok_or_else(|| RecordingError::Empty { path: path.to_owned() })?;
        let start = PartyStart::from_line(&first.map_err(failed)?);
        let start = start.map_err(|cause| RecordingError::Line { path: path.to_owned(), line: 1, cause })?;
        Ok(Self { path: path.to_owned(), lines, start, line: 1 })
    }

    /// What the core was started with.
    #[must_use]
    pub fn start(&self) -> &PartyStart {
        &self.start
    }
}

impl Iterator for RecordingReader {
    type Item = Result<Recorded, RecordingError>;

    fn next(&mut self) -> Option<Self::Item> {
        let text = self.lines.next()?;
        self.line += 1;
        Some(match text {
            Ok(text) => Recorded::from_line(&text).map_err(|cause| RecordingError::Line {
                path: self.path.clone(),
                line: self.line,
                cause,
            }),
            Err(cause) => Err(RecordingError::Io { path: self.path.clone(), cause }),
        })
    }
}

#[cfg(test)]
mod tests {
    use hitless_proto::config::{AckPath, ArbiterKind, Chassis, OutputRule, Timing};
    use hitless_proto::ids::{CardId, Life, Party, Time};
    use hitless_proto::input::{Input, PartyStart, Recorded};
    use hitless_proto::io::Durable;

    use super::{Recorder, Recording, RecordingError, RecordingReader};

    fn start() -> PartyStart {
        let chassis = Chassis {
            name: "box".to_owned(),
            digest_key: 1,
            units: vec![],
            cards: vec![CardId(1)],
            arbiter: ArbiterKind::External,
            ack_path: AckPath::Direct,
            output_rule: OutputRule::Parallel,
            timing: Timing::default(),
        };
        let party = Party::Card(CardId(1));
        let (life, durable) = (Life(1), Durable::default());
        PartyStart { chassis, party, processes: vec![], life, durable, entropy: 5, now: Time(3) }
    }

    #[test]
    fn a_recording_stops_at_its_bound_and_is_whole_up_to_there() {
        let directory = tempfile::tempdir().unwrap();
        let recording = Recording { path: directory.path().join("card"), max_bytes: 2000 };
        let mut recorder = Recorder::start(&recording, &start()).unwrap();
        for token in 0..1000 {
            recorder.record(Time(token), &Input::Persisted { token });
        }
        recorder.finish();
        assert!(recording.path.metadata().unwrap().len() <= 2000);
        let reader = RecordingReader::open(&recording.path).unwrap();
        assert_eq!(*reader.start(), start());
        let inputs: Vec<Recorded> = reader.map(Result::unwrap).collect();
        assert!(inputs.len() > 10, "{}", inputs.len());
        for (token, recorded) in (0..).zip(&inputs) {
            assert_eq!(*recorded, Recorded { at: Time(token), input: Input::Persisted { token } });
        }
    }

    #[test]
    fn a_damaged_recording_is_named_by_file_and_line() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("card");
        std::fs::write(&path, format!("{}\n{{\"at\":1,\"kind\":\"timeout\"}}\n{{\"at\":", start().to_line()))
            .unwrap();
        let mut reader = RecordingReader::open(&path).unwrap();
        assert!(reader.next().unwrap().is_ok());
        let error = reader.next().unwrap().unwrap_err();
        assert!(matches!(error, RecordingError::Line { line: 3, .. }), "{error}");
        std::fs::write(&path, "").unwrap();
        assert!(matches!(RecordingReader::open(&path), Err(RecordingError::Empty { .. })));
    }

    #[test]
    fn a_recording_that_cannot_be_written_is_refused_at_the_start() {
        let directory = tempfile::tempdir().unwrap();
        let recording = Recording::to(directory.path().join("missing").join("card"));
        assert!(matches!(Recorder::start(&recording, &start()), Err(RecordingError::Io { .. })));
    }
}
