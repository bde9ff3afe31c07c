//! An MRT dump of a routing table: `TABLE_DUMP` (one record per prefix and peer) and `TABLE_DUMP_V2` (one per prefix).
//!
//! Of several peers' paths to a prefix the first in the file is taken. Only unicast is read.

use std::collections::{HashSet, VecDeque};
use std::net::IpAddr;

use bgpkit_parser::models::{Attributes, MrtMessage, RibAfiEntries, TableDumpMessage, TableDumpV2Message};
use bgpkit_parser::models::{NextHopAddress, TableDumpV2Type};
use hitless_proto::entry::Change;
use hitless_runtime::source::{BadInput, Source, SourceItem};
use ipnet::IpNet;

use super::fib_change;
use super::input::Input;
use super::mrt::{Records, path_note};
use super::next_hops::{AssignedNextHops, announce};

/// Prefixes of one `TABLE_DUMP` that are remembered, so that only the first path counts: eight times today's table,
/// and the format was given up when tables had a quarter of that.
const MAX_SEEN: usize = 10_000_000;

/// Reads a table dump.
pub struct MrtRib {
    records: Records,
    next_hops: AssignedNextHops,
    seen: HashSet<IpNet>,
    due: VecDeque<Result<Change, BadInput>>,
    /// Paths read, of all peers.
    paths: u64,
}

impl MrtRib {
    /// Reads `input`; `name` names it in errors.
    #[must_use]
    pub fn new(name: String, input: Input) -> Self {
        let records = Records::new(name, input);
        let (next_hops, seen, due) = (AssignedNextHops::default(), HashSet::new(), VecDeque::new());
        Self { records, next_hops, seen, due, paths: 0 }
    }

    fn take(&mut self, message: MrtMessage) -> Result<(), String> {
        match message {
            MrtMessage::TableDumpMessage(entry) => self.entry(&entry),
            MrtMessage::TableDumpMessageBatch(entries) => {
                // Historical dumps have many entries in a record: a bad one costs only itself.
                for entry in &entries {
                    if let Err(reason) = self.entry(entry) {
                        self.due.push_back(Err(self.records.bad(reason)));
                    }
                }
                Ok(())
            }
            MrtMessage::TableDumpV2Message(TableDumpV2Message::RibAfi(entries)) => self.entries(&entries),
            MrtMessage::TableDumpV2Message(
                TableDumpV2Message::PeerIndexTable(_)
                | TableDumpV2Message::GeoPeerTable(_)
                | TableDumpV2Message::RibGeneric(_),
            ) => Ok(()),
            MrtMessage::Bgp4Mp(_) | MrtMessage::LegacyBgp(_) => Err("an update within a table dump".into()),
        }
    }

    fn entry(&mut self, entry: &TableDumpMessage) -> Result<(), String> {
        self.paths += 1;
        let net = entry.prefix.prefix.trunc();
        if self.seen.contains(&net) {
            return Ok(());
        }
        if self.seen.len() >= MAX_SEEN {
            return Err(format!("{net}: more than {MAX_SEEN} prefixes in one TABLE_DUMP"));
        }
        self.route(net, &entry.attributes)?;
        self.seen.insert(net);
        Ok(())
    }

    fn entries(&mut self, entries: &RibAfiEntries) -> Result<(), String> {
        let unicast = matches!(
            entries.rib_type,
            TableDumpV2Type::RibIpv4Unicast
                | TableDumpV2Type::RibIpv6Unicast
                | TableDumpV2Type::RibIpv4UnicastAddPath
                | TableDumpV2Type::RibIpv6UnicastAddPath
        );
        if !unicast {
            return Ok(());
        }
        self.paths += entries.rib_entries.len() as u64;
        let net = entries.prefix.prefix.trunc();
        let first = entries.rib_entries.first().ok_or_else(|| format!("{net}: no path"))?;
        self.route(net, &first.attributes)
    }

    fn route(&mut self, net: IpNet, attributes: &Attributes) -> Result<(), String> {
        let gateway = next_hop(attributes).ok_or_else(|| format!("{net}: no next hop"))?;
        let changes = announce(&mut self.next_hops, net, gateway, path_note(attributes));
        let changes = changes.map_err(|reason| format!("{net}: {reason}"))?;
        self.due.extend(changes.map(Ok));
        Ok(())
    }
}

fn next_hop(attributes: &Attributes) -> Option<IpAddr> {
    let in_reach = || attributes.get_reachable_nlri()?.next_hop.as_ref().map(NextHopAddress::global_addr);
    attributes.next_hop().or_else(in_reach)
}

impl Source for MrtRib {
    fn next(&mut self) -> Option<Result<SourceItem, BadInput>> {
        loop {
            if let Some(change) = self.due.pop_front() {
                return Some(change.map(fib_change));
            }
            match self.records.next()? {
                Ok((_, message)) => {
                    if let Err(reason) = self.take(message) {
                        return Some(Err(self.records.bad(reason)));
                    }
                }
                Err(error) => return Some(Err(error)),
            }
        }
    }

    fn progress(&self) -> (u64, Option<u64>) {
        self.records.progress()
    }

    fn describe(&self) -> String {
        format!("{} (MRT table dump, {} paths of all peers)", self.records.name(), self.paths)
    }
}
