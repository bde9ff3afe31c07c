//! What the watching socket hears, taken into what is known.

use std::io;
use std::time::Duration;

use foldhash::HashSet;
use hitless_proto::process::fib::ID as FIB;
use hitless_runtime::{Finding, Findings};

use super::LinuxTable;
use super::known::Cause;
use super::limits::{EVENTS_AT_ONCE, PARTS_AT_ONCE};
use super::links::Change;
use super::mirror::Key;
use super::netlink::codes::{
    NLM_F_REPLACE, NLMSG_OVERRUN, RTM_DELLINK, RTM_DELNEXTHOP, RTM_DELROUTE, RTM_NEWADDR, RTM_NEWLINK,
    RTM_NEWNEXTHOP, RTM_NEWROUTE,
};
use super::netlink::{Malformed, Message, Received, messages};
use super::survey::Scope;
use super::{next_hop, route};

/// What a row of notifications asks for beyond what each says by itself.
#[derive(Debug, Default)]
struct Heard {
    /// Next hops that are gone, with who took them.
    lost: HashSet<u32>,
    lost_to_kernel: HashSet<u32>,
    /// Next hops are to be dumped: notifications do not tell all.
    hops_due: bool,
    overrun: bool,
}

impl LinuxTable {
    /// Reads what was heard, before anything is written on what is known: it is then as the kernel is.
    pub(super) fn take_events(&mut self) {
        let mut heard = Heard::default();
        if let Err(error) = self.read_events(&mut heard) {
            self.blind.push(format!("changes of others are not heard: {error}"));
            heard.overrun = true;
        }
        self.crossed.clear();
        self.known.lost(std::mem::take(&mut heard.lost_to_kernel), Cause::Kernel);
        self.known.lost(std::mem::take(&mut heard.lost), Cause::Others);
        if heard.overrun {
            self.survey_due = true;
        } else if heard.hops_due
            && let Err(error) = self.survey_now(Scope::NextHops)
        {
            self.blind.push(error.to_string());
            self.survey_due = true;
        }
    }

    fn read_events(&mut self, heard: &mut Heard) -> io::Result<()> {
        let Some(mut watch) = self.watch.take() else { return Ok(()) };
        let mut result = Ok(());
        for _ in 0..EVENTS_AT_ONCE {
            match watch.socket.receive(Duration::ZERO) {
                Ok(Received::Datagram(datagram)) => {
                    for message in messages(datagram) {
                        let taken = message.and_then(|message| self.hear(&message, heard));
                        result = result.and(taken.map_err(io::Error::from));
                    }
                }
                Ok(Received::Overrun) => heard.overrun = true,
                Ok(Received::Nothing) => break,
                Err(error) => {
                    result = Err(error);
                    break;
                }
            }
        }
        self.watch = Some(watch);
        result
    }

    fn hear(&mut self, message: &Message<'_>, heard: &mut Heard) -> Result<(), Malformed> {
        if message.port == self.socket.port() {
            // Of links and addresses it cannot be; of the rest our own answers told.
            return Ok(());
        }
        match message.kind {
            RTM_NEWLINK | RTM_DELLINK => match self.known.links.take(message)? {
                Change::Up => self.curable = true,
                Change::Down(link) => {
                    heard.lost_to_kernel.extend(self.known.hops_on(link));
                    heard.hops_due |= !heard.lost_to_kernel.is_empty();
                }
                Change::Other => {}
            },
            // A gateway may be within reach now.
            RTM_NEWADDR => self.curable = true,
            RTM_NEWROUTE | RTM_DELROUTE => self.hear_route(message)?,
            RTM_NEWNEXTHOP | RTM_DELNEXTHOP => {
                let hop = next_hop::decode(message, &self.known.links)?;
                let known = self.known.mirror().hop(hop.id).is_some();
                if known && message.kind == RTM_DELNEXTHOP {
                    heard.lost.insert(hop.id);
                }
                heard.hops_due |= known || hop.protocol == self.settings.protocol;
            }
            NLMSG_OVERRUN => heard.overrun = true,
            _other => {}
        }
        Ok(())
    }

    fn hear_route(&mut self, message: &Message<'_>) -> Result<(), Malformed> {
        let Some(seen) = route::decode(message)? else { return Ok(()) };
        let key = seen.key;
        if !self.known.keeps(key.table) {
            return Ok(());
        }
        let held = self.known.mirror().route(&key).copied();
        let ours = seen.protocol == self.settings.protocol;
        let cause = if message.port == 0 { Cause::Kernel } else { Cause::Others };
        let crossed = self.crossed.contains(&Key::Route(key));
        let route = seen.held();
        let same_place = held.is_some_and(|held| held.metric == seen.metric);
        match (message.kind, ours) {
            (RTM_NEWROUTE, true) => {
                if held.is_none_or(|held| !held.same_as(&route)) {
                    self.known.notified_route(key, Some(route), cause, crossed);
                }
            }
            (RTM_NEWROUTE, false) => {
                // In the kernel a replacement asks nobody whose route it was.
                if same_place && message.flags & NLM_F_REPLACE != 0 {
                    self.known.notified_route(key, None, cause, crossed);
                }
            }
            (_, true) => {
                if held.is_some_and(|held| held.same_as(&route)) {
                    self.known.notified_route(key, None, cause, crossed);
                }
            }
            // Who was in our way is gone.
            (_, false) => self.curable |= self.conflicts.remove(&key),
        }
        Ok(())
    }

    /// What was found since the last call: what was heard, and a piece of a survey.
    pub(super) fn find(&mut self, most: usize) -> Findings {
        if let Some(watch) = &self.watch
            && watch.read()
        {
            self.survey_due = true;
        }
        self.take_events();
        if let Err(error) = self.survey_on(PARTS_AT_ONCE) {
            self.blind.push(error.to_string());
        }
        let mut list = self.known.take_untold(most);
        list.extend(self.blind.drain(..).map(Finding::Blind));
        if std::mem::take(&mut self.curable) {
            list.push(Finding::Curable { process: FIB });
        }
        Findings { list, more: self.known.has_untold() || self.survey.is_some() }
    }

    /// Makes sure that somebody asks for findings.
    pub(super) fn wake_if_found(&self) {
        let found = self.known.has_untold() || self.curable || self.survey_due || !self.blind.is_empty();
        if let Some(watch) = self.watch.as_ref().filter(|_| found) {
            watch.wake();
        }
    }
}
