//! A socket that hears of what others change, and a thread that says when there is something to hear.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::Builder;
use std::time::{Duration, Instant};

use hitless_runtime::Wake;

use super::limits::{WATCH_BUFFER, WATCH_PAUSE};
use super::netlink::codes::{
    GROUP_IPV4_ADDRESS, GROUP_IPV4_ROUTE, GROUP_IPV6_ADDRESS, GROUP_IPV6_ROUTE, GROUP_LINK, GROUP_NEXT_HOP,
};
use super::netlink::{Socket, readable};

/// The watching end.
pub(super) struct Watch {
    pub(super) socket: Socket,
    shared: Arc<Shared>,
    wake: Wake,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

/// What the two threads tell each other.
#[derive(Debug, Default)]
struct State {
    /// The table was woken, and has not read yet.
    woken: bool,
    /// It is time to survey.
    audit_due: bool,
    stop: bool,
}

impl Watch {
    /// Hears of changes from now on, but for those that this port makes; wakes for them, and each time the period of audits is
    /// over.
    ///
    /// # Errors
    /// No socket, or no thread.
    pub(super) fn start(own_port: u32, audit: Option<Duration>, wake: Wake) -> io::Result<Self> {
        let socket = open(own_port)?;
        let shared = Arc::new(Shared::default());
        let (waiter, other_end, waker) = (socket.waiter()?, Arc::clone(&shared), Arc::clone(&wake));
        // It ends by itself, soon after the table is gone: nobody waits for it.
        Builder::new()
            .name("linux watch".to_owned())
            .spawn(move || wait(&waiter, &other_end, audit, &waker))?;
        Ok(Self { socket, shared, wake })
    }

    /// Wakes whoever asks for findings.
    pub(super) fn wake(&self) {
        (self.wake)();
    }

    /// Everything was read: wake again at the next change. Says whether an audit is due, once.
    pub(super) fn read(&self) -> bool {
        let mut state = self.shared.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.woken = false;
        self.shared.changed.notify_all();
        std::mem::take(&mut state.audit_due)
    }

    /// Does not hear of what this port writes, instead of the former one.
    ///
    /// # Errors
    /// The kernel takes no filters.
    pub(super) fn ignore(&self, own_port: u32) -> io::Result<()> {
        self.socket.ignore_writes_of(own_port)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner).stop = true;
        self.shared.changed.notify_all();
    }
}

fn open(own_port: u32) -> io::Result<Socket> {
    let mut socket = Socket::open(WATCH_BUFFER)?;
    socket.ignore_writes_of(own_port)?;
    for group in [GROUP_LINK, GROUP_NEXT_HOP, GROUP_IPV4_ADDRESS, GROUP_IPV4_ROUTE] {
        socket.join(group)?;
    }
    for group in [GROUP_IPV6_ADDRESS, GROUP_IPV6_ROUTE] {
        // A kernel without IPv6 has nothing to tell there.
        let _absent = socket.join(group);
    }
    Ok(socket)
}

fn wait(socket: &OwnedFd, shared: &Shared, audit: Option<Duration>, wake: &Wake) {
    let mut audited = Instant::now();
    loop {
        let heard = readable(socket, WATCH_PAUSE).unwrap_or_else(|_| {
            std::thread::sleep(WATCH_PAUSE);
            false
        });
        let mut state = shared.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.stop {
            return;
        }
        if audit.is_some_and(|period| audited.elapsed() >= period) {
            (state.audit_due, audited) = (true, Instant::now());
        }
        if !heard && !state.audit_due {
            continue;
        }
        state.woken = true;
        wake();
        while state.woken && !state.stop {
            state = shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}
