//! A step in words, for counterexamples.

use hitless_proto::message::{FromCard, FromStandby, Message, ToCard, ToStandby, UnitMessage};

use crate::choice::Choice;
use crate::step::Model;
use crate::world::World;

pub(crate) fn describe(model: &Model, world: &World, choice: Choice) -> String {
    let party = |place| model.places.party(place).to_string();
    match choice {
        Choice::Deliver { link, end } => {
            let places = world.links[link].places;
            let first = world.links[link].wires[end].queue.first();
            let what = first.map_or_else(String::new, |id| brief(model.locals.message(*id)));
            format!("{} -> {}: {what}", party(places[1 - end]), party(places[end]))
        }
        Choice::SeeEnd { link, end } => {
            let places = world.links[link].places;
            let lost = world.links[link].wires[end].queue.len();
            format!(
                "{} loses its link with {} ({lost} in flight)",
                party(places[end]),
                party(places[1 - end])
            )
        }
        Choice::Connect { link } => {
            let places = world.links[link].places;
            format!("{} and {} connect", party(places[0]), party(places[1]))
        }
        Choice::Persist(place) => format!("{}: the disk is done", party(place)),
        Choice::Apply(place) => {
            let writes = world.hosts[place].applying.map(|(_, id)| model.locals.writes(id));
            format!("{}: the forwarding table takes {:?}", party(place), writes.unwrap_or_default())
        }
        Choice::Timeout(place) => format!("{}: timeout", party(place)),
        Choice::Submit(place) => {
            let wanted = model.bounds.ops.get(usize::from(world.budget.next_op));
            format!("the source submits to {}: {wanted:?}", party(place))
        }
        Choice::Crash(place) => format!("{} dies", party(place)),
        Choice::Restart { place, kept } if place >= model.places.units => {
            format!("{} starts, its forwarding table {}", party(place), if kept { "intact" } else { "empty" })
        }
        Choice::Restart { place, .. } => format!("{} starts", party(place)),
        Choice::Cut { link, end } => {
            let places = world.links[link].places;
            format!("{} gives up its link with {}", party(places[end]), party(places[1 - end]))
        }
    }
}

/// A message in one line.
fn brief(message: &Message) -> String {
    match message {
        Message::ToCard(message) => match message {
            ToCard::Ops(ops) => {
                let named: Vec<String> =
                    ops.ops.iter().map(|op| format!("{} {:?}", op.version, op.key)).collect();
                format!("Ops {} [{}] stable {}", ops.epoch, named.join(", "), ops.stable)
            }
            ToCard::Claim(_)
            | ToCard::Start(_)
            | ToCard::Fill(_)
            | ToCard::Ask(_)
            | ToCard::InStep(_)
            | ToCard::Vote(_) => format!("{message:?}"),
        },
        Message::FromCard(message) => match message {
            FromCard::Ack(ack) => format!("Ack {} applied {}", ack.epoch, ack.applied),
            FromCard::Report(report) => format!("Report promised {}", report.promised),
            FromCard::Promise(_)
            | FromCard::Refused(_)
            | FromCard::Tell(_)
            | FromCard::Broken(_)
            | FromCard::Vote(_) => format!("{message:?}"),
        },
        Message::Unit(message) => match message {
            UnitMessage::Primary(ToStandby::Ops(ops)) => {
                let named: Vec<String> =
                    ops.ops.iter().map(|op| format!("{} {:?}", op.version, op.key)).collect();
                format!("Ops {} [{}] stable {}", ops.epoch, named.join(", "), ops.stable)
            }
            UnitMessage::Standby(FromStandby::Received { epoch, upto, .. }) => {
                format!("Received {epoch} upto {upto}")
            }
            UnitMessage::Report(report) => format!("Report {} primary {}", report.epoch, report.primary),
            UnitMessage::Vote(_)
            | UnitMessage::Voted(_)
            | UnitMessage::Primary(_)
            | UnitMessage::Standby(_)
            | UnitMessage::Refused(_) => format!("{message:?}"),
        },
    }
}
