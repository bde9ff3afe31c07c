//! What happens, told to connections that asked for it.

use hitless_admin::{AnswerLine, Notice};
use hitless_runtime::{Events, NoEvent, UnitHandle};
use tokio::task::JoinSet;

use super::connection::Out;
use super::{Backend, convert};

/// Tells `out` of everything from now on, under the id of the request that asked for it.
pub(super) fn start(tasks: &mut JoinSet<()>, backend: &Backend, id: u64, out: Out) {
    let (events, unit) = match backend {
        Backend::Unit(unit) => (unit.handle().subscribe(), Some(unit.handle().clone())),
        Backend::Card(card) => (card.handle().subscribe(), None),
    };
    tasks.spawn(run(events, unit, id, out));
}

async fn run(mut events: Events, unit: Option<UnitHandle>, id: u64, out: Out) {
    loop {
        let goes_on = match events.next().await {
            Ok(event) => out.line(&AnswerLine::notice(id, convert::notice(&event))).await,
            Err(NoEvent::Missed(lost)) => {
                out.line(&AnswerLine::notice(id, Notice::Lagged { lost })).await
                    && catch_up(unit.as_ref(), id, &out).await
            }
            Err(NoEvent::Stopped) => return,
        };
        if !goes_on {
            return;
        }
    }
}

/// Says what the lost notices would have led to: the role first, since watermarks of another epoch mean other ops.
async fn catch_up(unit: Option<&UnitHandle>, id: u64, out: &Out) -> bool {
    let Some(unit) = unit else { return true };
    let Ok(status) = unit.status().await else { return false };
    let role = Notice::Role {
        role: convert::role(status.role),
        epoch: status.epoch.0,
        primary: status.primary.map(|unit| unit.0),
    };
    let watermarks = status.processes.iter().map(|state| Notice::Completed {
        process: state.process.0,
        programmed: state.programmed.0,
        safe: state.safe.0,
    });
    for notice in std::iter::once(role).chain(watermarks) {
        if !out.line(&AnswerLine::notice(id, notice)).await {
            return false;
        }
    }
    true
}
