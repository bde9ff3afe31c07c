//! Network devices by number and by name, and whether they carry packets.

use std::collections::HashMap;

use super::netlink::codes::{IFF_CARRIER, IFF_UP, IFLA_IFNAME, RTM_NEWLINK};
use super::netlink::{Attributes, Malformed, Message};

/// The devices of this network namespace.
#[derive(Debug, Default)]
pub(super) struct Links {
    by_number: HashMap<u32, Link>,
    by_name: HashMap<String, u32>,
}

#[derive(Debug)]
struct Link {
    name: String,
    usable: bool,
}

/// What a message about a device changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// It carries packets, and did not before.
    Up,
    /// It carries none any more: the kernel has dropped its next hops, and what uses them.
    Down(u32),
    /// Nothing that matters here.
    Other,
}

impl Links {
    /// The name of a device.
    pub(super) fn name(&self, number: u32) -> Option<&str> {
        self.by_number.get(&number).map(|link| link.name.as_str())
    }

    /// The number of a device.
    pub(super) fn number(&self, name: &str) -> Option<u32> {
        self.by_name.get(name).copied()
    }

    /// Whether a device is there and carries packets.
    pub(super) fn usable(&self, number: u32) -> bool {
        self.by_number.get(&number).is_some_and(|link| link.usable)
    }

    /// Takes in what the kernel says of a device.
    ///
    /// # Errors
    /// The message does not add up.
    pub(super) fn take(&mut self, message: &Message<'_>) -> Result<Change, Malformed> {
        let (fixed, attributes) = message.parts::<16>()?;
        let four = |at: usize| u32::from_ne_bytes([fixed[at], fixed[at + 1], fixed[at + 2], fixed[at + 3]]);
        let (family, number, flags) = (fixed[0], four(4), four(8));
        // Bridges tell of their ports in messages of their own.
        if family != 0 {
            return Ok(Change::Other);
        }
        let named = if message.kind == RTM_NEWLINK { name_in(attributes)? } else { None };
        let was_usable = self.usable(number);
        let former = self.by_number.remove(&number);
        if let Some(former) = &former {
            self.by_name.remove(&former.name);
        }
        if message.kind != RTM_NEWLINK {
            return Ok(if former.is_some() { Change::Down(number) } else { Change::Other });
        }
        let name = named.or(former.map(|link| link.name)).unwrap_or_default();
        let usable = flags & IFF_UP != 0 && flags & IFF_CARRIER != 0;
        self.by_name.insert(name.clone(), number);
        self.by_number.insert(number, Link { name, usable });
        Ok(match (was_usable, usable) {
            (false, true) => Change::Up,
            (true, false) => Change::Down(number),
            (true, true) | (false, false) => Change::Other,
        })
    }
}

fn name_in(attributes: Attributes<'_>) -> Result<Option<String>, Malformed> {
    let mut name = None;
    for attribute in attributes {
        let (kind, value) = attribute?;
        if kind == IFLA_IFNAME {
            name = Some(String::from_utf8_lossy(value).trim_end_matches('\0').to_owned());
        }
    }
    Ok(name)
}
