//! Every reader of what the kernel sends, without a kernel: for tests on arbitrary input.

use super::PROTOCOL;
use super::known::Known;
use super::limits::BATCH_MESSAGES;
use super::links::Links;
use super::mirror::RouteKind;
use super::netlink::codes::{NLM_F_CREATE, RTM_NEWROUTE};
use super::netlink::{Encoder, Message, messages, refusal};
use super::resolve::link_in;
use super::route::KernelRoute;
use super::{MAIN_TABLE, next_hop, route, survey};

/// What is in some bytes, as far as they can be followed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Examined {
    /// Whole messages.
    pub messages: usize,
    /// Messages that are a route to one reader at least.
    pub routes: usize,
    /// Messages that are a next hop.
    pub next_hops: usize,
    /// Messages that say something of a link.
    pub links: usize,
    /// Messages that are an error with a number.
    pub refusals: usize,
    /// Routes that read otherwise once they are written: there must be none.
    pub unlike: usize,
    /// All that a survey asks for was there.
    pub surveyed: bool,
    /// Keys that a survey found, and could tell a card of.
    pub found: usize,
    /// Keys that the same survey found once more, though nothing had changed: there must be none.
    pub found_again: usize,
}

/// Reads bytes as answers, as notifications, and as all that a survey is told.
#[must_use]
pub fn examine(bytes: &[u8]) -> Examined {
    let (mut links, mut found) = (Links::default(), Examined::default());
    for message in messages(bytes).map_while(Result::ok) {
        found.messages += 1;
        found.links += usize::from(links.take(&message).is_ok());
        found.next_hops += usize::from(next_hop::decode(&message, &links).is_ok());
        found.refusals += usize::from(matches!(refusal(&message), Ok(Some(_))));
        if let Ok(Some(seen)) = route::decode(&message) {
            found.routes += 1;
            found.unlike += usize::from(!comes_back(&seen));
        }
    }
    let _not_asked = link_in(bytes);
    let mut known = Known::new(MAIN_TABLE, true);
    found.surveyed = survey_on(&mut known, bytes);
    found.found = untold(&mut known);
    if found.surveyed && survey_on(&mut known, bytes) {
        found.found_again = untold(&mut known);
    }
    found
}

fn survey_on(known: &mut Known, bytes: &[u8]) -> bool {
    let said = messages(bytes).map_while(Result::ok);
    survey::rehearse(known, PROTOCOL, said).unwrap_or(false)
}

fn untold(known: &mut Known) -> usize {
    let batches =
        std::iter::from_fn(|| Some(known.take_untold(BATCH_MESSAGES).len()).filter(|count| *count > 0));
    batches.sum()
}

/// Whether a route that is written as it was read is the same. Nothing is written of kinds that are not ours.
fn comes_back(seen: &KernelRoute) -> bool {
    if seen.kind == RouteKind::Other {
        return true;
    }
    let mut encoder = Encoder::default();
    let held = seen.held();
    route::encode_put(&mut encoder, (RTM_NEWROUTE, NLM_F_CREATE), 1, (&seen.key, &held), seen.protocol);
    let read = |message: Message<'_>| route::decode(&message) == Ok(Some(*seen));
    messages(encoder.bytes()).next().and_then(Result::ok).is_some_and(read)
}
