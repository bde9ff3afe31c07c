//! A whole chassis in one process, over loopback.
#![allow(missing_docs, unreachable_pub, dead_code)] // Shared by tests, none of which needs all of it.

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hitless_proto::config::{AckPath, ArbiterKind, Chassis, OutputRule, Timing};
use hitless_proto::entry::{Blob, Change, Content};
use hitless_proto::ids::{CardId, Party, ProcessId, UnitId, Version};
use hitless_proto::io::{Durable, Event, Outcome, Role, Write};
use hitless_proto::process::table::{ID, Table};
use hitless_proto::status::ChannelState;
use hitless_runtime::transport::{Liveness, Tcp};
use hitless_runtime::{
    CardHandle, CardSetup, Events, Finding, Findings, ForwardingTable, NoEvent, Recording, RunningCard,
    RunningUnit, Store, StoreError, UnitHandle, UnitSetup, Wake, Wording,
};
use tokio::time::{sleep, timeout};

pub const LIMIT: Duration = Duration::from_secs(30);
pub const TABLE: ProcessId = ID;

/// Survives the party, as a disk would.
#[derive(Clone, Default)]
pub struct SharedStore(Arc<Mutex<Option<Durable>>>);

impl Store for SharedStore {
    fn load(&mut self) -> Result<Option<Durable>, StoreError> {
        Ok(self.0.lock().unwrap().clone())
    }

    fn save(&mut self, durable: &Durable) -> Result<(), StoreError> {
        *self.0.lock().unwrap() = Some(durable.clone());
        Ok(())
    }
}

/// Survives the party, as a kernel's table would.
#[derive(Clone, Default)]
pub struct SharedTable {
    entries: Arc<Mutex<BTreeMap<Blob, Blob>>>,
    /// How long a batch takes.
    pub pause: Duration,
    /// It takes what it would refuse.
    pub lenient: Arc<AtomicBool>,
    found: Arc<Mutex<Vec<Finding>>>,
    wake: Arc<Mutex<Option<Wake>>>,
}

impl SharedTable {
    pub fn entries(&self) -> BTreeMap<Blob, Blob> {
        self.entries.lock().unwrap().clone()
    }

    /// Changes it behind the card's back, and tells of it as a watching table does.
    pub fn tamper(&self, key: &str, part: Option<&str>, mend: bool) {
        let (key, part) = (Blob::from(key), part.map(Blob::from));
        match &part {
            Some(part) => self.entries.lock().unwrap().insert(key.clone(), part.clone()),
            None => self.entries.lock().unwrap().remove(&key),
        };
        self.find(Finding::Held { process: TABLE, key, part, mend });
    }

    /// Has something to tell.
    pub fn find(&self, finding: Finding) {
        self.found.lock().unwrap().push(finding);
        let wake = self.wake.lock().unwrap().clone().expect("it is watched");
        wake();
    }
}

impl ForwardingTable for SharedTable {
    fn name(&self) -> &str {
        "shared"
    }

    fn apply(&mut self, _process: ProcessId, writes: &[Write]) -> Vec<Outcome> {
        std::thread::sleep(self.pause);
        let mut entries = self.entries.lock().unwrap();
        let apply = |write: &Write| {
            if write.key.starts_with(b"refused") && !self.lenient.load(Ordering::Relaxed) {
                return Err("refused by the test".to_owned());
            }
            match &write.part {
                Some(part) => entries.insert(write.key.clone(), part.clone()),
                None => entries.remove(&write.key),
            };
            Ok(())
        };
        writes.iter().map(apply).collect()
    }

    fn dump(&mut self, _process: ProcessId) -> io::Result<Vec<(Blob, Blob)>> {
        Ok(self.entries().into_iter().collect())
    }

    fn watch(&mut self, wake: Wake) -> io::Result<()> {
        *self.wake.lock().unwrap() = Some(wake);
        Ok(())
    }

    fn findings(&mut self, most: usize) -> Findings {
        let mut found = self.found.lock().unwrap();
        let count = found.len().min(most);
        let list = found.drain(..count).collect();
        Findings { list, more: !found.is_empty() }
    }
}

pub fn chassis() -> Chassis {
    let voters = vec![Party::Unit(UnitId(1)), Party::Unit(UnitId(2)), Party::Card(CardId(1))];
    Chassis {
        name: "loopback".to_owned(),
        digest_key: 99,
        units: vec![UnitId(1), UnitId(2)],
        cards: vec![CardId(1), CardId(2)],
        arbiter: ArbiterKind::Voters(voters),
        ack_path: AckPath::Direct,
        output_rule: OutputRule::Parallel,
        timing: Timing::default(),
    }
}

/// Parties, and what outlives them.
pub struct Loopback {
    pub chassis: Chassis,
    pub units: BTreeMap<UnitId, RunningUnit>,
    pub cards: BTreeMap<CardId, RunningCard>,
    pub tables: BTreeMap<CardId, SharedTable>,
    stores: BTreeMap<Party, SharedStore>,
    addresses: Vec<(UnitId, String)>,
    pub recordings: BTreeMap<Party, Recording>,
}

impl Loopback {
    /// Nothing runs yet.
    pub fn new() -> Self {
        Self {
            chassis: chassis(),
            units: BTreeMap::new(),
            cards: BTreeMap::new(),
            tables: BTreeMap::new(),
            stores: BTreeMap::new(),
            addresses: Vec::new(),
            recordings: BTreeMap::new(),
        }
    }

    /// Two units and two cards, one unit primary.
    pub async fn started() -> Self {
        let mut loopback = Self::new();
        loopback.start_all().await;
        loopback
    }

    pub async fn start_all(&mut self) {
        for unit in [1, 2] {
            self.start_unit(unit).await;
        }
        for card in [1, 2] {
            self.start_card(card).await;
        }
    }

    pub async fn start_unit(&mut self, id: u8) {
        let unit = UnitId(id);
        let known =
            self.addresses.iter().find(|(known, _)| *known == unit).map(|(_, address)| address.clone());
        let setup = UnitSetup {
            chassis: self.chassis.clone(),
            unit,
            processes: vec![Box::new(Table)],
            listen: known.unwrap_or_else(|| "127.0.0.1:0".to_owned()),
            units: self.addresses.clone(),
            liveness: Liveness { interval: Duration::from_millis(100), missed: 30 },
            transport: Arc::new(Tcp),
            store: Box::new(self.stores.entry(Party::Unit(unit)).or_default().clone()),
            keep: None,
            arbiter: None,
            recording: self.recordings.get(&Party::Unit(unit)).cloned(),
            wording: Wording::default(),
        };
        let running = RunningUnit::start(setup).await.expect("it can start");
        if !self.addresses.iter().any(|(known, _)| *known == unit) {
            self.addresses.push((unit, running.address().expect("it listens").to_string()));
        }
        self.units.insert(unit, running);
    }

    pub async fn start_card(&mut self, id: u16) {
        let card = CardId(id);
        let setup = CardSetup {
            chassis: self.chassis.clone(),
            card,
            processes: vec![TABLE],
            units: self.addresses.clone(),
            liveness: Liveness { interval: Duration::from_millis(100), missed: 30 },
            transport: Arc::new(Tcp),
            store: Box::new(self.stores.entry(Party::Card(card)).or_default().clone()),
            table: Box::new(self.tables.entry(card).or_default().clone()),
            recording: self.recordings.get(&Party::Card(card)).cloned(),
            wording: Wording::default(),
        };
        self.cards.insert(card, RunningCard::start(setup).await.expect("it can start"));
    }

    pub fn unit(&self, id: u8) -> UnitHandle {
        self.units[&UnitId(id)].handle()
    }

    pub fn card(&self, id: u16) -> CardHandle {
        self.cards[&CardId(id)].handle()
    }

    /// The one unit that is primary; waits for it.
    pub async fn primary(&self) -> UnitHandle {
        until("a primary", || async {
            for unit in self.units.values() {
                if unit.handle().status().await.unwrap().role == Role::Primary {
                    return Some(unit.handle());
                }
            }
            None
        })
        .await
    }

    /// Waits until every unit that runs is primary or standby and has a link with everybody, and every channel is in step.
    pub async fn all_in_sync(&self) {
        until("all in sync", || async {
            let mut in_step = 0;
            for unit in self.units.values() {
                let status = unit.handle().status().await.unwrap();
                // Without all its links a unit declines to take over.
                if status.connected.len() < self.units.len() - 1 + self.cards.len() {
                    return None;
                }
                match status.role {
                    Role::Primary => {
                        let channels = status.channels.iter();
                        in_step += channels.filter(|channel| channel.state == ChannelState::InStep).count();
                    }
                    Role::Standby => {}
                    Role::Joining | Role::TakingOver | Role::HandingOver => return None,
                }
            }
            (in_step == self.units.len() - 1 + self.cards.len()).then_some(())
        })
        .await;
    }

    /// Waits until every card's forwarding table holds exactly what the primary holds.
    pub async fn cards_agree(&self, primary: &UnitHandle) -> BTreeMap<Blob, Blob> {
        until("the cards agree with the primary", || async {
            let held = primary.entries(TABLE).await.unwrap();
            let held: BTreeMap<Blob, Blob> =
                held.into_iter().map(|(key, _, content)| (key, content.card_part)).collect();
            for card in self.cards.values() {
                let dumped: BTreeMap<Blob, Blob> =
                    card.handle().dump(TABLE).await.unwrap().into_iter().collect();
                if dumped != held {
                    return None;
                }
            }
            Some(held)
        })
        .await
    }
}

/// Asks until there is an answer.
pub async fn until<T, F: Future<Output = Option<T>>>(what: &str, ask: impl Fn() -> F) -> T {
    let poll = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(LIMIT, poll).await.unwrap_or_else(|_| panic!("not in time: {what}"))
}

pub fn put(key: String, part: u64) -> Change {
    let content = Content {
        card_part: Blob::new(&part.to_be_bytes()),
        standby_part: Some("by a test".into()),
        ..Content::default()
    };
    Change { key: Blob::from(key.as_str()), content: Some(content) }
}

/// Submits all changes in batches; every one must be accepted. The last version.
pub async fn submit_all(primary: &UnitHandle, changes: Vec<Change>) -> Version {
    let mut last = Version::ZERO;
    for batch in changes.chunks(1000) {
        let results =
            timeout(LIMIT, primary.submit_batch(TABLE, batch.to_vec())).await.expect("there is room in time");
        let results = results.expect("it runs");
        assert_eq!(results.len(), batch.len());
        for result in results {
            let version = result.expect("accepted");
            assert!(version > last, "versions rise");
            last = version;
        }
    }
    last
}

/// The next event that `pick` takes.
pub async fn event<T>(events: &mut Events, pick: impl Fn(&Event) -> Option<T>) -> T {
    let wait = async {
        loop {
            match events.next().await {
                Ok(event) => {
                    if let Some(picked) = pick(&event) {
                        return picked;
                    }
                }
                Err(NoEvent::Missed(_)) => {}
                Err(NoEvent::Stopped) => panic!("stopped"),
            }
        }
    };
    timeout(LIMIT, wait).await.expect("the event in time")
}

/// Waits until everything up to `version` is safe.
pub async fn safe(unit: &UnitHandle, version: Version) {
    until("safe", || async {
        let status = unit.status().await.unwrap();
        status
            .processes
            .iter()
            .find(|process| process.process == TABLE && process.safe >= version.seq)
            .map(|_| ())
    })
    .await;
}
