//! Names of the interfaces of this host, as seen from the network namespace in which the unit runs.

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use hitless_adapters::fpm::DeviceNames;
use hitless_proto::process::fib::Device;
use rustix::net::netdevice::index_to_name;
use rustix::net::{AddressFamily, SocketType, socket};

/// An interface may be renamed, or its number be given to another one: a name is asked for again after this.
const FRESH: Duration = Duration::from_millis(500);

/// Asks the kernel, and remembers for a moment.
pub(super) struct Interfaces {
    /// Any socket will do: it says in which namespace to look.
    socket: Option<OwnedFd>,
    known: HashMap<u32, Option<Device>>,
    since: Instant,
}

impl Interfaces {
    pub(super) fn new() -> Self {
        let socket = socket(AddressFamily::INET, SocketType::DGRAM, None);
        if let Err(error) = &socket {
            tracing::error!(%error, "fpm: names of interfaces cannot be asked for: routes will wait for them");
        }
        Self { socket: socket.ok(), known: HashMap::new(), since: Instant::now() }
    }

    fn ask(&self, index: u32) -> Option<Device> {
        let name = index_to_name(self.socket.as_ref()?, index).ok()?;
        name.parse()
            .inspect_err(|error| tracing::warn!(index, %error, "fpm: an interface cannot be named"))
            .ok()
    }
}

impl DeviceNames for Interfaces {
    fn name(&mut self, index: u32) -> Option<Device> {
        if self.since.elapsed() > FRESH {
            self.known.clear();
            self.since = Instant::now();
        }
        if let Some(known) = self.known.get(&index) {
            return known.clone();
        }
        let name = self.ask(index);
        self.known.insert(index, name.clone());
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_interface_has_a_name_and_others_have_none() {
        let mut names = Interfaces::new();
        assert_eq!(names.name(1).map(|name| name.to_string()), Some("lo".to_owned()));
        assert_eq!(names.name(4_000_000_000), None);
        assert_eq!(names.name(0), None);
    }
}
