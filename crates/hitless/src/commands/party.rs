//! `hitless control` and `hitless card`: one party of a chassis.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use hitless_adapters::fjall_store::FjallStore;
use hitless_adapters::linux::LinuxTable;
use hitless_adapters::local_arbiter::LocalArbiter;
use hitless_adapters::memory::{FaultHandle, MemoryTable};
use hitless_adapters::redb_store::{FILE, RedbStore};
use hitless_proto::ids::{CardId, Party, ProcessId, UnitId};
use hitless_proto::process::Process;
use hitless_proto::process::fib::Fib;
use hitless_proto::process::table::Table;
use hitless_runtime::transport::{Liveness, Tcp};
use hitless_runtime::{
    Arbiter, CardSetup, ForwardingTable, Keep, Recording, RunningCard, RunningUnit, StartError, UnitSetup,
    Wording,
};
use rustix::process::Signal;
use tokio::io::AsyncReadExt;
use tokio::signal::unix::{SignalKind, signal};

use crate::admin_server::{Backend, CardBackend, UnitBackend, bind, introduce, serve};
use crate::config::{ArbiterSettings, CardSettings, ProcessKind, Settings, TableSettings};
use crate::failure::{Exit, Failure};
use crate::{fpm, render};

/// Arguments of `hitless control`.
#[derive(Debug, Args)]
pub struct ControlArgs {
    /// Which control unit of the chassis file this is.
    #[arg(long, value_name = "UNIT", value_parser = super::switchover::unit)]
    unit: u8,
    #[command(flatten)]
    party: PartyArgs,
}

/// Arguments of `hitless card`.
#[derive(Debug, Args)]
pub struct CardArgs {
    /// Which card of the chassis file this is.
    #[arg(long, value_name = "CARD", value_parser = super::recover::card)]
    card: u16,
    #[command(flatten)]
    party: PartyArgs,
}

#[derive(Debug, Args)]
struct PartyArgs {
    /// The chassis file.
    #[arg(long, env = "HITLESS_CONFIG", default_value = "chassis.toml", value_name = "FILE")]
    config: PathBuf,
    /// Make the state directory if it is missing: for the first start of this party only.
    #[arg(long)]
    init: bool,
    /// Record all inputs of the protocol to this file, for the simulator to replay.
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// End when standard input is closed, as it is when the parent dies.
    #[arg(long)]
    exit_with_parent: bool,
}

/// Runs a control unit until it is told to stop.
///
/// # Errors
/// It cannot be started, or its core has stopped of itself.
pub async fn run_control(args: &ControlArgs) -> Result<(), Failure> {
    let settings = Settings::load(&args.party.config)?;
    survive_full_files();
    settings.warnings().iter().for_each(|warning| tracing::warn!("{warning}"));
    let id = UnitId(args.unit);
    let unit = settings.unit(id).ok_or_else(|| not_configured(Party::Unit(id), &args.party.config))?;
    let store = open_store(&settings, &unit.state, Party::Unit(id), args.party.init)?;
    let listener = bind(unit.admin).await?;
    let arbiter: Option<Box<dyn Arbiter>> = match &settings.arbiter {
        ArbiterSettings::Voters(_) => None,
        ArbiterSettings::Local(path) => Some(Box::new(LocalArbiter::new(path.clone(), &settings.name))),
    };
    let setup = UnitSetup {
        chassis: settings.chassis(),
        unit: id,
        processes: settings.processes.iter().map(|kind| process(*kind)).collect(),
        listen: unit.address.to_string(),
        units: dialled(&settings, Party::Unit(id)),
        liveness: liveness(&settings),
        transport: Arc::new(Tcp),
        store,
        keep: unit.keep_entries.then(|| -> Box<dyn Keep> {
            Box::new(FjallStore::new(&unit.state, &settings.name, Party::Unit(id)))
        }),
        arbiter,
        recording: args.party.record.clone().map(Recording::to),
        wording: wording(),
    };
    let mut running = RunningUnit::start(setup).await.map_err(|error| cannot_start(&error))?;
    let parties = settings.admin_addresses().map(|(party, _)| party).collect();
    let fpm = match &unit.fpm {
        Some(fpm) => Some(fpm::start(fpm, running.handle()).await?),
        None => None,
    };
    let backend = UnitBackend::new(running.handle(), process_ids(&settings), parties, fpm);
    let server =
        tokio::spawn(serve(listener, introduce(&settings.name, Party::Unit(id)), Backend::Unit(backend)));
    tracing::info!(unit = %id, address = %unit.address, admin = %unit.admin, "control unit runs");
    tokio::select! {
        () = told_to_stop(args.party.exit_with_parent) => {}
        () = running.stopped() => return Err(core_failed(Party::Unit(id))),
    }
    server.abort();
    running.shutdown().await;
    Ok(())
}

/// Runs a card until it is told to stop.
///
/// # Errors
/// It cannot be started, or its core has stopped of itself.
pub async fn run_card(args: &CardArgs) -> Result<(), Failure> {
    let settings = Settings::load(&args.party.config)?;
    survive_full_files();
    settings.warnings().iter().for_each(|warning| tracing::warn!("{warning}"));
    let id = CardId(args.card);
    let card = settings.card(id).ok_or_else(|| not_configured(Party::Card(id), &args.party.config))?;
    let store = open_store(&settings, &card.state, Party::Card(id), args.party.init)?;
    let listener = bind(card.admin).await?;
    let (table, faults) = forwarding_table(card)?;
    let setup = CardSetup {
        chassis: settings.chassis(),
        card: id,
        processes: process_ids(&settings),
        units: dialled(&settings, Party::Card(id)),
        liveness: liveness(&settings),
        transport: Arc::new(Tcp),
        store,
        table,
        recording: args.party.record.clone().map(Recording::to),
        wording: wording(),
    };
    let mut running = RunningCard::start(setup).await.map_err(|error| cannot_start(&error))?;
    let backend = CardBackend::new(running.handle(), process_ids(&settings), faults);
    let server =
        tokio::spawn(serve(listener, introduce(&settings.name, Party::Card(id)), Backend::Card(backend)));
    tracing::info!(card = %id, admin = %card.admin, "card runs");
    tokio::select! {
        () = told_to_stop(args.party.exit_with_parent) => {}
        () = running.stopped() => return Err(core_failed(Party::Card(id))),
    }
    server.abort();
    running.shutdown().await;
    Ok(())
}

/// What forwards, and the handle on its faults, where it has one.
fn forwarding_table(card: &CardSettings) -> Result<(Box<dyn ForwardingTable>, Option<FaultHandle>), Failure> {
    match card.table {
        TableSettings::Memory => {
            let faults = FaultHandle::default();
            Ok((Box::new(MemoryTable::new(faults.clone())), Some(faults)))
        }
        TableSettings::Linux(settings) => match LinuxTable::open(settings) {
            Ok(table) => Ok((Box::new(table), None)),
            Err(error) => Err(no_kernel_table(card, &error)),
        },
    }
}

fn no_kernel_table(card: &CardSettings, error: &std::io::Error) -> Failure {
    let failure = Failure::new(Exit::Failed, format!("{}: the kernel's forwarding table: {error}", card.id));
    if error.kind() == std::io::ErrorKind::PermissionDenied {
        return failure.hint(
            "start the card as root; or give the right to the file, once: `setcap cap_net_admin+ep hitless`; or to the \
             service, in its systemd unit: `AmbientCapabilities=CAP_NET_ADMIN`",
        );
    }
    failure
}

fn process(kind: ProcessKind) -> Box<dyn Process> {
    match kind {
        ProcessKind::Fib => Box::new(Fib),
        ProcessKind::Table => Box::new(Table),
    }
}

fn wording() -> Wording {
    Wording { process: |id| render::process(id.0), key: |id, key| render::key::text(id.0, key) }
}

fn process_ids(settings: &Settings) -> Vec<ProcessId> {
    settings.processes.iter().map(|kind| ProcessId(kind.number())).collect()
}

fn dialled(settings: &Settings, own: Party) -> Vec<(UnitId, String)> {
    let others = settings.units.iter().filter(|unit| Party::Unit(unit.id) != own);
    others.map(|unit| (unit.id, unit.address_for(own).to_string())).collect()
}

fn liveness(settings: &Settings) -> Liveness {
    Liveness { interval: settings.heartbeat, missed: settings.missed }
}

fn not_configured(party: Party, config: &Path) -> Failure {
    Failure::new(Exit::Usage, format!("{} has no {party}", config.display()))
        .hint("add a [[unit]] or [[card]] with that id, or name another one")
}

fn open_store(settings: &Settings, dir: &Path, party: Party, init: bool) -> Result<Box<RedbStore>, Failure> {
    // A voter that comes back without its promises could help two primaries into office: never by accident.
    let file = dir.join(FILE);
    if !init && !file.is_file() {
        let what = if dir.is_dir() { "holds no state (no file hitless.redb)" } else { "is missing" };
        let message = format!("{party}: state directory {} {what}", dir.display());
        return Err(Failure::new(Exit::Failed, message).hint(
            "for the first start of this party, use --init; if it ran before, bring the file back (is a disk not mounted?): \
             it holds what the party promised",
        ));
    }
    let store = RedbStore::open(dir, &settings.name, party);
    store.map(Box::new).map_err(|error| Failure::new(Exit::Failed, format!("{party}: {error}")))
}

fn cannot_start(error: &StartError) -> Failure {
    let failure = Failure::new(Exit::Failed, error.to_string());
    match error {
        StartError::Links(_) => failure.hint("`address` of this unit's [[unit]] section is where it listens"),
        StartError::Store(_)
        | StartError::Recording(_)
        | StartError::Table { .. }
        | StartError::Thread(_) => failure,
    }
}

fn core_failed(party: Party) -> Failure {
    Failure::new(Exit::Failed, format!("the core of {party} has stopped of itself: the log above says why"))
        .hint("this is a defect of hitless; `--record` on the next start would show what led to it")
}

/// A write beyond the limit on file sizes fails then, and ends the recording; without a handler it would end the process.
fn survive_full_files() {
    if let Err(error) = signal(SignalKind::from_raw(Signal::XFSZ.as_raw())) {
        tracing::warn!(%error, "SIGXFSZ cannot be caught: a file that reaches the size limit ends this party");
    }
}

/// Returns on SIGTERM, SIGINT and, if wanted, the end of standard input.
async fn told_to_stop(with_parent: bool) {
    let terminated = async {
        match signal(SignalKind::terminate()) {
            Ok(mut terminate) => {
                terminate.recv().await;
            }
            Err(error) => {
                tracing::warn!(%error, "SIGTERM cannot be caught");
                std::future::pending().await
            }
        }
    };
    let orphaned = async {
        let mut stdin = tokio::io::stdin();
        let mut buffer = [0; 64];
        while with_parent && matches!(stdin.read(&mut buffer).await, Ok(count) if count > 0) {}
        if !with_parent {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = terminated => {}
        () = orphaned => {}
        _ = tokio::signal::ctrl_c() => {}
    }
}
