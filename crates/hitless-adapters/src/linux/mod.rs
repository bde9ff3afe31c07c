//! The forwarding table of a Linux kernel: routes and next-hop objects, by rtnetlink.
//!
//! ```text
//!    apply -> writing --- batch ------> [ kernel ] <--- others, links
//!                |                       |      |
//!                v                       | dump | notifications
//!      known (mirror, links) <- survey --+      |
//!                ^                              v
//!                +------------- events <------ watch --- wakes --> findings
//! ```
//!
//! What is ours carries our protocol number, and nothing else is touched. It is adopted at the start, and left at the end.
//!
//! The kernel's ways differ from those of a switch chip, and are made up for here. It deletes what uses a next hop along with
//! that, and drops next hops and routes when their link goes down, both without a word: the mirror knows what depends on
//! what. A replacement takes the place of anybody's route: what is not known to be ours is added, which the kernel refuses
//! where somebody is. A route's metric is part of its identity: another metric is another route, added before the old one goes.

mod batch;
mod events;
mod examine;
mod known;
mod limits;
mod links;
mod mirror;
mod netlink;
mod next_hop;
mod resolve;
mod route;
mod survey;
mod surveying;
#[cfg(test)]
mod tests;
mod watch;
mod writing;

pub use self::examine::{Examined, examine};

use std::io;
use std::net::IpAddr;
use std::time::Duration;

use foldhash::HashSet;
use hitless_proto::entry::Blob;
use hitless_proto::ids::ProcessId;
use hitless_proto::io::{Outcome, Write};
use hitless_proto::process::fib::ID as FIB;
use hitless_runtime::{Findings, ForwardingTable, Wake};
use rustix::io::Errno;

use self::batch::{Batch, Failed};
use self::known::Known;
use self::limits::ANSWER_BUFFER;
use self::mirror::{Key, RouteKey};
use self::netlink::Socket;
use self::netlink::codes::RTM_DELROUTE;
use self::survey::{Scope, Survey};
use self::watch::Watch;
use crate::memory::MemoryTable;

/// The table that `ip route` shows.
pub const MAIN_TABLE: u32 = 254;
/// Free in the kernel's list (`linux/rtnetlink.h`), in iproute2's `rt_protos`, and above what FRR uses (186 to 198).
pub const PROTOCOL: u8 = 201;
/// Up to here protocol numbers belong to the kernel itself and to what administrators write by hand.
pub const MAX_RESERVED_PROTOCOL: u8 = 4;

/// How a card uses the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinuxSettings {
    /// The kernel's table for routes. Not 0.
    pub table: u32,
    /// Marks what is ours. Above [`MAX_RESERVED_PROTOCOL`], and nobody else's in this network namespace.
    pub protocol: u8,
    /// Replace routes of other protocols that are in the way, rather than refuse.
    pub take_over: bool,
    /// Write again what others changed, rather than only tell of it.
    pub repair: bool,
    /// Pause between two looks at everything; `None`: only when there is a reason.
    pub audit: Option<Duration>,
}

impl Default for LinuxSettings {
    fn default() -> Self {
        Self {
            table: MAIN_TABLE,
            protocol: PROTOCOL,
            take_over: false,
            repair: true,
            audit: Some(Duration::from_secs(300)),
        }
    }
}

/// The table. It works in the network namespace of the thread that opens it, and must be used in that.
pub struct LinuxTable {
    settings: LinuxSettings,
    /// Writes and their answers.
    socket: Socket,
    batch: Batch,
    known: Known,
    watch: Option<Watch>,
    survey: Option<Survey>,
    /// Everything was looked at once: before that nothing can be written.
    adopted: bool,
    survey_due: bool,
    /// Something changed that may let the kernel take what it refused.
    curable: bool,
    /// Why we may have missed something, for the log.
    blind: Vec<String>,
    /// Routes in whose place other programs have theirs.
    conflicts: HashSet<RouteKey>,
    /// What we wrote since changes of others were read last: theirs may have come before or after.
    crossed: HashSet<Key>,
    /// Links to gateways, as found during this call.
    gateways: Vec<(IpAddr, u32)>,
    /// Processes that the kernel knows nothing of are kept in memory.
    others: MemoryTable,
}

impl LinuxTable {
    /// Opens the kernel's table; changes nothing.
    ///
    /// # Errors
    /// The kernel does not let this process write routes, or has no netlink.
    pub fn open(settings: LinuxSettings) -> io::Result<Self> {
        let mut socket = Socket::open(ANSWER_BUFFER)?;
        may_write(&mut socket)?;
        Ok(Self {
            settings,
            socket,
            batch: Batch::new(),
            known: Known::new(settings.table, settings.repair),
            watch: None,
            survey: None,
            adopted: false,
            survey_due: false,
            curable: false,
            blind: Vec::new(),
            conflicts: HashSet::default(),
            crossed: HashSet::default(),
            gateways: Vec::new(),
            others: MemoryTable::default(),
        })
    }

    /// A new socket for writes, since answers to the former one were lost.
    fn reopen(&mut self) -> io::Result<()> {
        self.socket = Socket::open(ANSWER_BUFFER)?;
        self.watch.as_ref().map_or(Ok(()), |watch| watch.ignore(self.socket.port()))
    }

    /// Looks at everything for the first time. It is what the table holds, and nobody has changed it.
    fn adopt(&mut self) -> io::Result<()> {
        self.survey_now(Scope::All)?;
        self.known.all_told();
        self.adopted = true;
        Ok(())
    }

    fn entries(&self) -> Vec<(Blob, Blob)> {
        let mirror = self.known.mirror();
        let hops = mirror.hops().map(|(id, hop)| (Key::Hop(id), hop.part_bytes()));
        let routes = mirror.routes().map(|(key, route)| (Key::Route(key), route.part()));
        hops.chain(routes).map(|(key, part)| (key.encode(self.settings.table), part)).collect()
    }
}

/// Asks the kernel for something that it refuses to anybody without the right to write before it looks at what it is.
fn may_write(socket: &mut Socket) -> io::Result<()> {
    let mut batch = Batch::new();
    batch.begin(socket);
    let (encoder, number) = batch.next();
    encoder.begin((RTM_DELROUTE, 0), number, &[0]);
    match batch.exchange(socket) {
        Ok(answers) if answers.iter().flatten().any(|refusal| refusal.errno == Errno::PERM) => {
            let text = "this process may not write routes: it needs the capability CAP_NET_ADMIN";
            Err(io::Error::new(io::ErrorKind::PermissionDenied, text))
        }
        Ok(_) => Ok(()),
        Err(Failed::NotSent(error) | Failed::Lost(error)) => Err(error),
    }
}

impl ForwardingTable for LinuxTable {
    fn name(&self) -> &str {
        "linux"
    }

    fn apply(&mut self, process: ProcessId, writes: &[Write]) -> Vec<Outcome> {
        if process == FIB { self.write_fib(writes) } else { self.others.apply(process, writes) }
    }

    fn dump(&mut self, process: ProcessId) -> io::Result<Vec<(Blob, Blob)>> {
        if process != FIB {
            return self.others.dump(process);
        }
        if self.adopted {
            self.take_events();
            self.survey_now(Scope::All)?;
        } else {
            self.adopt()?;
        }
        self.wake_if_found();
        Ok(self.entries())
    }

    fn watch(&mut self, wake: Wake) -> io::Result<()> {
        self.watch = Some(Watch::start(self.socket.port(), self.settings.audit, wake)?);
        Ok(())
    }

    fn findings(&mut self, most: usize) -> Findings {
        self.find(most)
    }
}
