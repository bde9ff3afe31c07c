//! The links that a core's driver knows: what they tell becomes inputs, what the core transmits goes to them.

use std::collections::BTreeMap;

use hitless_proto::error::PeerError;
use hitless_proto::ids::Party;
use hitless_proto::input::Input;
use hitless_proto::message::Message;

use crate::observe;
use crate::transport::{Link, LinkEnd, LinkEvent};

/// One link per connected peer.
pub(crate) struct Switchboard {
    own: Party,
    links: BTreeMap<Party, Link>,
}

impl Switchboard {
    pub(crate) fn new(own: Party) -> Self {
        Self { own, links: BTreeMap::new() }
    }

    /// What a link tells, as the core must hear it.
    pub(crate) fn input(&mut self, event: LinkEvent) -> Input {
        match event {
            LinkEvent::Connected { peer, life, link } => {
                observe::connected(self.own, peer);
                self.links.insert(peer, link);
                Input::Connected { peer, life }
            }
            LinkEvent::Disconnected { peer, end } => {
                observe::disconnected(self.own, peer, &end);
                self.links.remove(&peer);
                Input::Disconnected { peer }
            }
            LinkEvent::Message { from, message } => Input::Message { from, message },
        }
    }

    /// Queues a message; dropped where there is no link, as the core hears by `Disconnected`.
    pub(crate) fn transmit(&self, to: Party, message: Message) {
        if let Some(link) = self.links.get(&to) {
            link.send(message);
        }
    }

    /// Closes the link with a peer that broke the protocol.
    pub(crate) fn misbehaved(&self, peer: Party, error: &PeerError) {
        if let Some(link) = self.links.get(&peer) {
            link.close(LinkEnd::Misbehaved(error.to_string()));
        }
    }
}
