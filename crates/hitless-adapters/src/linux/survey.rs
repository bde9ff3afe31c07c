//! A survey: everything that is ours in the kernel is dumped and compared with what is known. It can be done a piece at a time,
//! with writes in between.

use std::io;

use rustix::io::Errno;

use super::known::Known;
use super::limits::{ANSWER_BUFFER, ANSWER_TIMEOUT, DUMP_TRIES, MAX_DELETED};
use super::mirror::{HeldHop, HeldRoute, RouteKey};
use super::netlink::codes::{
    AF_INET, AF_INET6, AF_UNSPEC, NLM_F_DUMP, NLM_F_DUMP_INTR, NLMSG_DONE, NLMSG_ERROR, NLMSG_OVERRUN,
    RTM_GETLINK, RTM_GETNEXTHOP, RTM_GETROUTE, RTM_NEWLINK, RTM_NEWNEXTHOP, RTM_NEWROUTE,
};
use super::netlink::{Encoder, Message, Received, Refusal, Socket, messages, refusal};
use super::{next_hop, route};

/// Number of every question where no kernel is asked.
const REHEARSED: u32 = 1;

/// What is dumped, in this order: links give next hops their names, next hops say why routes are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Links,
    NextHops,
    Ipv4,
    Ipv6,
}

/// How much is surveyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// Links and next hops: few, and what routes depend on.
    NextHops,
    /// Routes too.
    All,
}

/// A survey under way.
pub(super) struct Survey {
    socket: Socket,
    progress: Progress,
}

/// How far it is.
struct Progress {
    scope: Scope,
    protocol: u8,
    phase: Phase,
    /// Number of the dump under way.
    number: u32,
    /// The dump under way does not show one state of the kernel.
    interrupted: bool,
    tries: u32,
    hops: Vec<(u32, HeldHop)>,
    /// Routes of ours beside the ones that are known: left by a change of metric that was cut short.
    spare: Vec<(RouteKey, HeldRoute)>,
}

/// What a datagram led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dump {
    More,
    Over,
}

impl Survey {
    /// Begins a survey.
    ///
    /// # Errors
    /// No socket, or the kernel takes no question.
    pub(super) fn begin(scope: Scope, protocol: u8, known: &mut Known) -> io::Result<Self> {
        known.begin_round();
        let mut survey =
            Self { socket: Socket::open(ANSWER_BUFFER)?, progress: Progress::new(scope, protocol) };
        survey.ask()?;
        Ok(survey)
    }

    /// Asks for the dump of this phase.
    fn ask(&mut self) -> io::Result<()> {
        let number = self.socket.numbers(1);
        self.socket.send(self.progress.question(number).bytes())
    }

    /// Takes so many datagrams. Says whether the survey is over.
    ///
    /// # Errors
    /// The kernel does not say what it holds; what was compared up to there counts.
    pub(super) fn step(&mut self, known: &mut Known, datagrams: usize) -> io::Result<bool> {
        for _ in 0..datagrams {
            if known.deleted() > MAX_DELETED {
                known.begin_round();
                self.progress.phase = Phase::Links;
                self.ask()?;
            }
            let dump = match self.socket.receive(ANSWER_TIMEOUT)? {
                Received::Datagram(datagram) => self.progress.take(known, datagram)?,
                Received::Overrun => {
                    self.progress.interrupted = true;
                    Dump::More
                }
                Received::Nothing => {
                    return Err(io::Error::new(io::ErrorKind::TimedOut, "a dump that does not go on"));
                }
            };
            if dump == Dump::Over {
                if self.progress.next_phase(known)? {
                    known.end_round();
                    return Ok(true);
                }
                self.ask()?;
            }
        }
        Ok(false)
    }

    /// Routes of ours that are there beside those that are known.
    pub(super) fn into_spare(self) -> Vec<(RouteKey, HeldRoute)> {
        self.progress.spare
    }
}

/// A survey of everything on these messages instead of a kernel's, for tests on arbitrary input. Whether they are enough for it
/// to be over.
pub(super) fn rehearse<'a>(
    known: &mut Known,
    protocol: u8,
    said: impl Iterator<Item = Message<'a>>,
) -> io::Result<bool> {
    known.begin_round();
    let mut progress = Progress::new(Scope::All, protocol);
    progress.question(REHEARSED);
    for message in said {
        if progress.take_message(known, &message)? == Dump::Over {
            if progress.next_phase(known)? {
                known.end_round();
                return Ok(true);
            }
            progress.question(REHEARSED);
        }
    }
    Ok(false)
}

impl Progress {
    fn new(scope: Scope, protocol: u8) -> Self {
        Self {
            scope,
            protocol,
            phase: Phase::Links,
            number: 0,
            interrupted: false,
            tries: 0,
            hops: Vec::new(),
            spare: Vec::new(),
        }
    }

    fn question(&mut self, number: u32) -> Encoder {
        (self.number, self.interrupted) = (number, false);
        self.hops.clear();
        let mut encoder = Encoder::default();
        let kind = |kind| (kind, NLM_F_DUMP);
        match self.phase {
            Phase::Links => encoder.begin(kind(RTM_GETLINK), number, &[AF_UNSPEC; 16]),
            Phase::NextHops => encoder.begin(kind(RTM_GETNEXTHOP), number, &[AF_UNSPEC; 8]),
            Phase::Ipv4 | Phase::Ipv6 => {
                let family = if self.phase == Phase::Ipv4 { AF_INET } else { AF_INET6 };
                let header = [family, 0, 0, 0, 0, self.protocol, 0, 0, 0, 0, 0, 0];
                encoder.begin(kind(RTM_GETROUTE), number, &header);
            }
        }
        encoder
    }

    fn take(&mut self, known: &mut Known, datagram: &[u8]) -> io::Result<Dump> {
        for message in messages(datagram) {
            if self.take_message(known, &message?)? == Dump::Over {
                return Ok(Dump::Over);
            }
        }
        Ok(Dump::More)
    }

    fn take_message(&mut self, known: &mut Known, message: &Message<'_>) -> io::Result<Dump> {
        if message.number != self.number {
            return Ok(Dump::More);
        }
        self.interrupted |= message.flags & NLM_F_DUMP_INTR != 0;
        match (message.kind, self.phase) {
            (NLMSG_DONE | NLMSG_ERROR, _) => {
                // Both carry an error, or zero.
                return match refusal(message)? {
                    None => Ok(Dump::Over),
                    // A kernel without IPv6 has no routes of it.
                    Some(Refusal { errno: Errno::OPNOTSUPP | Errno::AFNOSUPPORT, .. })
                        if self.phase == Phase::Ipv6 =>
                    {
                        Ok(Dump::Over)
                    }
                    Some(refusal) => Err(self.explain(&refusal)),
                };
            }
            (NLMSG_OVERRUN, _) => self.interrupted = true,
            (RTM_NEWLINK, Phase::Links) => {
                known.links.take(message)?;
            }
            (RTM_NEWNEXTHOP, Phase::NextHops) => {
                let hop = next_hop::decode(message, &known.links)?;
                if hop.protocol == self.protocol {
                    self.hops.push((hop.id, HeldHop { part: hop.part, link: hop.link, round: 0 }));
                }
            }
            (RTM_NEWROUTE, Phase::Ipv4 | Phase::Ipv6) => {
                let Some(seen) = route::decode(message)? else { return Ok(Dump::More) };
                let ipv4 = seen.key.net.network().is_ipv4();
                if seen.protocol == self.protocol
                    && known.keeps(seen.key.table)
                    && ipv4 == (self.phase == Phase::Ipv4)
                {
                    let held = seen.held();
                    if !known.surveyed_route(seen.key, held) {
                        self.spare.push((seen.key, held));
                    }
                }
            }
            _other => {}
        }
        Ok(Dump::More)
    }

    fn explain(&self, refusal: &Refusal) -> io::Error {
        let what = match self.phase {
            Phase::Links => "links",
            Phase::NextHops => "next hops (they need Linux 5.3 or later)",
            Phase::Ipv4 => "IPv4 routes",
            Phase::Ipv6 => "IPv6 routes",
        };
        io::Error::new(io::Error::from(refusal.errno).kind(), format!("dump of {what}: {refusal}"))
    }

    /// A dump is over: the next one is to be asked for, or the same again. Says whether the survey is over.
    fn next_phase(&mut self, known: &mut Known) -> io::Result<bool> {
        if self.interrupted {
            self.tries += 1;
            if self.tries >= DUMP_TRIES {
                let text = format!("{DUMP_TRIES} dumps in a row were interrupted by changes");
                return Err(io::Error::new(io::ErrorKind::Interrupted, text));
            }
            return Ok(false);
        }
        self.tries = 0;
        let next = match self.phase {
            Phase::Links => Some(Phase::NextHops),
            Phase::NextHops => {
                known.surveyed_hops(std::mem::take(&mut self.hops));
                (self.scope == Scope::All).then_some(Phase::Ipv4)
            }
            Phase::Ipv4 => {
                known.surveyed_family(true);
                Some(Phase::Ipv6)
            }
            Phase::Ipv6 => {
                known.surveyed_family(false);
                None
            }
        };
        self.phase = next.unwrap_or(self.phase);
        Ok(next.is_none())
    }
}
