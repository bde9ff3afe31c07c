//! The demo's chassis file: free ports on loopback, state in a directory of its own.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;

use hitless_proto::ids::{CardId, Party, UnitId};

use super::args::{Arbiter, DemoArgs};

/// Ports of a chassis.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub(super) units: Vec<UnitId>,
    pub(super) cards: Vec<CardId>,
    pub(super) protocol: BTreeMap<UnitId, SocketAddr>,
    pub(super) admin: BTreeMap<Party, SocketAddr>,
}

impl Layout {
    /// Finds free ports. Another program may take one of them before we do: then the start fails and is tried again.
    pub(super) fn probe(args: &DemoArgs) -> std::io::Result<Self> {
        let units: Vec<UnitId> = (1..=args.standbys + 1).map(UnitId).collect();
        let cards: Vec<CardId> = (1..=args.cards).map(CardId).collect();
        let listeners = (0..units.len() * 2 + cards.len())
            .map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
            .collect::<std::io::Result<Vec<_>>>()?;
        let mut free =
            listeners.iter().map(TcpListener::local_addr).collect::<std::io::Result<Vec<_>>>()?.into_iter();
        let protocol = units.iter().copied().zip(free.by_ref().take(units.len())).collect();
        let parties = units.iter().copied().map(Party::Unit).chain(cards.iter().copied().map(Party::Card));
        let admin = parties.zip(free).collect();
        Ok(Self { units, cards, protocol, admin })
    }

    /// Who dials whom: cards dial units, of two units the larger dials the smaller.
    pub(super) fn pairs(&self) -> Vec<(Party, UnitId)> {
        let mut pairs = Vec::new();
        for to in &self.units {
            pairs.extend(self.units.iter().filter(|from| *from > to).map(|from| (Party::Unit(*from), *to)));
            pairs.extend(self.cards.iter().map(|from| (Party::Card(*from), *to)));
        }
        pairs
    }

    /// The chassis file.
    pub(super) fn toml(
        &self,
        args: &DemoArgs,
        dir: &Path,
        proxies: &BTreeMap<(Party, UnitId), SocketAddr>,
    ) -> String {
        let (ack_path, output_rule) = (args.ack_path.name(), args.output_rule.name());
        let arbiter = match args.arbiter {
            Arbiter::Voters => "arbiter = \"voters\"".to_owned(),
            Arbiter::Local => format!("arbiter = \"local\"\narbiter_file = {:?}", dir.join("arbiter")),
        };
        let mut text = format!(
            "[chassis]\nname = \"demo-{}\"\nack_path = \"{ack_path}\"\noutput_rule = \"{output_rule}\"\n{arbiter}\n\n\
             [liveness]\ninterval_ms = {}\n\n",
            std::process::id(),
            args.heartbeat
        );
        for (unit, address) in &self.protocol {
            let dial: Vec<String> = proxies
                .iter()
                .filter(|((_, to), _)| to == unit)
                .map(|((from, _), proxy)| format!("{{ from = \"{from}\", address = \"{proxy}\" }}"))
                .collect();
            let party = Party::Unit(*unit);
            // Writing to a string does not fail.
            let _ = writeln!(text, "[[unit]]\nid = {}\naddress = \"{address}\"", unit.0);
            let _ = write!(text, "{}", self.place(party, dir));
            let _ = writeln!(text, "dial = [{}]\n", dial.join(", "));
        }
        for card in &self.cards {
            let _ = writeln!(text, "[[card]]\nid = {}\n{}", card.0, self.place(Party::Card(*card), dir));
        }
        text
    }

    fn place(&self, party: Party, dir: &Path) -> String {
        let admin = self.admin.get(&party).map(ToString::to_string).unwrap_or_default();
        format!("admin = \"{admin}\"\nstate = {:?}\n", dir.join(party.to_string()))
    }
}
