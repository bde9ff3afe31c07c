//! Nobody is accused wrongly: in a world where no party breaks the protocol, none is said to.

use hitless_proto::io::Event;

use super::{Checker, Scene, Seen};

pub(super) struct Accused;

impl Checker for Accused {
    fn property(&self) -> &'static str {
        "nobody is accused wrongly"
    }

    fn see(&mut self, _scene: &Scene<'_>, seen: &Seen<'_>) -> Result<(), String> {
        let Seen::Event { party, event: Event::Misbehaved { peer, error } } = seen else { return Ok(()) };
        Err(format!("{party} says that {peer} broke the protocol: {error}"))
    }
}
