//! MRT updates (`BGP4MP`, `BGP4MP_ET`), each due at its own time from the first one on.
//!
//! A collector hears every change from many peers. There is no best-path selection here: whatever a peer announces is
//! put, whatever one withdraws is deleted. That is more churn than one router's table sees, which is the point of it.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Duration;

use bgpkit_parser::models::{
    Attributes, Bgp4MpEnum, BgpMessage, BgpUpdateMessage, CommonHeader, MrtMessage, NetworkPrefix,
    NextHopAddress, Nlri, Safi,
};
use hitless_proto::entry::Change;
use hitless_proto::process::Process;
use hitless_proto::process::fib::{self, Fib, FibKey};
use hitless_runtime::source::{BadInput, Source, SourceItem};

use super::input::Input;
use super::mrt::{Records, path_note};
use super::next_hops::{AssignedNextHops, announce};

/// Reads an update file. The caller paces by [`SourceItem::at`], divided by how many times faster it wants to be.
pub struct MrtUpdates {
    records: Records,
    next_hops: AssignedNextHops,
    due: VecDeque<Result<SourceItem, BadInput>>,
    /// Time of the first record, and how far the latest is behind it.
    start: Option<Duration>,
    at: Duration,
    /// Of prefixes, of all peers.
    announced: u64,
    withdrawn: u64,
}

impl MrtUpdates {
    /// Reads `input`; `name` names it in errors.
    #[must_use]
    pub fn new(name: String, input: Input) -> Self {
        let (records, next_hops) = (Records::new(name, input), AssignedNextHops::default());
        let (due, at) = (VecDeque::new(), Duration::ZERO);
        Self { records, next_hops, due, start: None, at, announced: 0, withdrawn: 0 }
    }

    /// Sets the time from a record's header. Collectors write in order; where one did not, time stands still.
    fn set_time(&mut self, header: &CommonHeader) {
        let micros = u64::from(header.microsecond_timestamp.unwrap_or(0));
        let time = Duration::from_secs(u64::from(header.timestamp)) + Duration::from_micros(micros);
        let start = *self.start.get_or_insert(time);
        self.at = self.at.max(time.saturating_sub(start));
    }

    fn take(&mut self, message: MrtMessage) {
        match message {
            MrtMessage::Bgp4Mp(Bgp4MpEnum::Message(message)) => match message.bgp_message {
                BgpMessage::Update(update) => self.update(&update),
                BgpMessage::Open(_)
                | BgpMessage::Notification(_)
                | BgpMessage::KeepAlive
                | BgpMessage::RouteRefresh(_) => {}
            },
            MrtMessage::Bgp4Mp(Bgp4MpEnum::StateChange(_)) => {}
            MrtMessage::TableDumpMessage(_)
            | MrtMessage::TableDumpMessageBatch(_)
            | MrtMessage::TableDumpV2Message(_)
            | MrtMessage::LegacyBgp(_) => self.due.push_back(Err(self.records.bad("not a BGP4MP record"))),
        }
    }

    fn update(&mut self, update: &BgpUpdateMessage) {
        let attributes = &update.attributes;
        self.withdraw(&update.withdrawn_prefixes);
        if let Some(nlri) = attributes.get_unreachable_nlri().filter(|nlri| is_unicast(nlri)) {
            self.withdraw(&nlri.prefixes);
        }
        self.announce(&update.announced_prefixes, attributes.next_hop(), attributes);
        if let Some(nlri) = attributes.get_reachable_nlri().filter(|nlri| is_unicast(nlri)) {
            self.announce(
                &nlri.prefixes,
                nlri.next_hop.as_ref().map(NextHopAddress::global_addr),
                attributes,
            );
        }
    }

    fn withdraw(&mut self, prefixes: &[NetworkPrefix]) {
        for prefix in prefixes {
            self.withdrawn += 1;
            let change = FibKey::main(prefix.prefix.trunc()).delete();
            let valid = Fib.validate(&change).map_err(|reason| format!("{}: {reason}", prefix.prefix));
            self.push(valid.map(|()| [change]));
        }
    }

    fn announce(&mut self, prefixes: &[NetworkPrefix], gateway: Option<IpAddr>, attributes: &Attributes) {
        if prefixes.is_empty() {
            return;
        }
        let note = path_note(attributes);
        for prefix in prefixes {
            self.announced += 1;
            let net = prefix.prefix.trunc();
            let gateway = gateway.ok_or_else(|| "no next hop".to_owned());
            let changes =
                gateway.and_then(|gateway| announce(&mut self.next_hops, net, gateway, note.clone()));
            self.push(changes.map_err(|reason| format!("{net}: {reason}")));
        }
    }

    fn push(&mut self, changes: Result<impl IntoIterator<Item = Change>, String>) {
        let at = Some(self.at);
        match changes {
            Ok(changes) => {
                let item = |change| Ok(SourceItem { at, process: fib::ID, change });
                self.due.extend(changes.into_iter().map(item));
            }
            Err(reason) => self.due.push_back(Err(self.records.bad(reason))),
        }
    }
}

fn is_unicast(nlri: &Nlri) -> bool {
    matches!(nlri.safi, Safi::Unicast)
}

impl Source for MrtUpdates {
    fn next(&mut self) -> Option<Result<SourceItem, BadInput>> {
        loop {
            if let Some(item) = self.due.pop_front() {
                return Some(item);
            }
            match self.records.next()? {
                Ok((header, message)) => {
                    self.set_time(&header);
                    self.take(message);
                }
                Err(error) => return Some(Err(error)),
            }
        }
    }

    fn progress(&self) -> (u64, Option<u64>) {
        self.records.progress()
    }

    fn describe(&self) -> String {
        let (announced, withdrawn) = (self.announced, self.withdrawn);
        format!("{} (MRT updates, {announced} announcements, {withdrawn} withdrawals)", self.records.name())
    }
}
