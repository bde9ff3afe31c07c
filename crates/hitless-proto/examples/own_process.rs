//! A process of your own: `cargo run -p hitless-proto --example own_process`
//!
//! `vlan` says which VLANs each port of a switch carries. Its key is port and VLAN; its cookie is the port alone, since
//! the switch's driver reprograms a port as a whole: when an op of a port is in doubt after a takeover, all VLANs of that
//! port are replayed, and those of no other port (claims 5, 18, 32, 36, 42).

use hitless_proto::entry::{Audience, Blob, Change, Content, Cookie};
use hitless_proto::ids::{CardId, ProcessId};
use hitless_proto::process::fib::Fib;
use hitless_proto::process::{Process, Processes, Scope};

/// VLAN ids go from 1 to 4094 (IEEE 802.1Q).
const VLANS: std::ops::RangeInclusive<u16> = 1..=4094;

#[derive(Clone, Default)]
struct Vlan {
    /// How often a card was found out of sync: for a metric of the process's own.
    out_of_sync: u64,
}

impl Vlan {
    fn key(port: u16, vlan: u16) -> Blob {
        let ([a, b], [c, d]) = (port.to_be_bytes(), vlan.to_be_bytes());
        Blob::new(&[a, b, c, d])
    }

    fn put(port: u16, vlan: u16, tagged: bool, owner: &str) -> Change {
        let content = Content {
            audience: Audience::All,
            card_part: Blob::new(&[u8::from(tagged)]),
            standby_part: Some(owner.into()),
        };
        Change { key: Self::key(port, vlan), content: Some(content) }
    }
}

impl Process for Vlan {
    fn id(&self) -> ProcessId {
        // 1 and 2 are taken by the processes in the box.
        ProcessId(100)
    }

    fn name(&self) -> &'static str {
        "vlan"
    }

    fn validate(&self, change: &Change) -> Result<(), String> {
        let &[_, _, c, d] = &*change.key else {
            return Err("a vlan key has four bytes: port and VLAN".into());
        };
        let vlan = u16::from_be_bytes([c, d]);
        if !VLANS.contains(&vlan) {
            return Err(format!("VLAN {vlan} is not in 1..=4094"));
        }
        match change.content.as_ref().map(|content| &*content.card_part) {
            None | Some([0 | 1]) => Ok(()),
            Some(_) => Err("a vlan entry is one byte: 0 untagged, 1 tagged".into()),
        }
    }

    fn cookie(&self, change: &Change) -> Cookie {
        change.key.get(..2).map_or(Cookie::None, |port| Cookie::Bytes(port.into()))
    }

    fn scope(&self, cookie: &[u8]) -> Scope {
        // A cookie comes back from a card: one that this process cannot have set means "anything may be in doubt".
        let Ok(port) = cookie.try_into().map(u16::from_be_bytes) else { return Scope::Whole };
        Scope::Keys(VLANS.map(|vlan| Self::key(port, vlan)).collect())
    }

    fn out_of_sync(&mut self, _card: CardId, _scope: &Scope) {
        self.out_of_sync += 1;
    }
}

fn main() -> Result<(), String> {
    let mut vlan = Vlan::default();
    let change = Vlan::put(3, 20, true, "provisioning");
    vlan.validate(&change)?;
    println!("key {:?}, cookie {:?}", change.key, vlan.cookie(&change));

    if let Err(refusal) = vlan.validate(&Vlan::put(3, 4095, true, "provisioning")) {
        println!("refused: {refusal}");
    }

    // What a takeover asks when this op is in doubt on card 1.
    if let Cookie::Bytes(port) = vlan.cookie(&change) {
        let scope = vlan.scope(&port);
        vlan.out_of_sync(CardId(1), &scope);
        if let Scope::Keys(keys) = scope {
            println!(
                "replay is narrowed to {} keys, the changed one is among them: {}",
                keys.len(),
                keys.contains(&change.key)
            );
        }
    }
    println!("out of sync so far: {}", vlan.out_of_sync);

    // A control unit is given its processes when it is made, the built-in ones and this one alike.
    let processes: Processes = vec![Box::new(Fib), Box::new(vlan)];
    println!("{}", processes.iter().map(|process| process.name()).collect::<Vec<_>>().join(", "));
    Ok(())
}
