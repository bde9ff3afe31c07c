//! `RTM_NEWNEXTHOP` and `RTM_DELNEXTHOP`.

use hitless_proto::process::fib::{MAX_MEMBERS, NextHop};

use super::attribute::{Attribute, Attributes, Reason, Refusal, refuse};
use super::message::{Decoded, Definition, HEAD, Hop, Message, address, fixed_part};

const NHA_ID: u16 = 1;
const NHA_GROUP: u16 = 2;
const NHA_BLACKHOLE: u16 = 4;
const NHA_OIF: u16 = 5;
const NHA_GATEWAY: u16 = 6;
const NHA_ENCAP_TYPE: u16 = 7;
const NHA_ENCAP: u16 = 8;
const NHA_FDB: u16 = 11;
/// Bytes of the fixed part (`nhmsg`).
const FIXED: usize = 8;
/// Bytes of a member of a group (`nexthop_grp`).
const MEMBER: usize = 8;

#[derive(Default)]
struct Fields {
    id: Option<u32>,
    group: Option<Vec<(u32, u16)>>,
    drops: Option<()>,
    hop: Hop,
    bridge: bool,
    skipped: u32,
}

pub(super) fn decode(body: &[u8], announced: bool) -> Result<Decoded, Refusal> {
    let (fixed, attributes) = fixed_part::<FIXED>(body, "the fixed part of a next hop")?;
    let fields = read(attributes, fixed[0], announced)?;
    let skipped = fields.skipped;
    let message = match fields.id {
        None => return refuse(HEAD, Reason::Missing("the id")),
        Some(0) => return refuse(HEAD, Reason::ZeroId),
        Some(id) if !announced => Message::ObjectGone(id),
        // Where a bridge finds a MAC address: no route uses it.
        Some(_) if fields.bridge => Message::KeptOut,
        Some(id) => Message::Object { id, definition: definition(fields)? },
    };
    Ok(Decoded { message, skipped })
}

fn read(attributes: &[u8], family: u8, announced: bool) -> Result<Fields, Refusal> {
    let mut fields = Fields::default();
    let Hop { mut gateway, mut interface } = fields.hop;
    for attribute in Attributes::of(attributes, HEAD + FIXED) {
        let attribute = attribute?;
        match attribute.kind {
            NHA_ID => {
                let value = attribute.number("the id")?;
                attribute.once(&mut fields.id, value, "the id")?;
            }
            // All that a delete says.
            _ if !announced => fields.skipped += 1,
            NHA_GROUP => {
                let value = members(&attribute)?;
                attribute.once(&mut fields.group, value, "the group")?;
            }
            NHA_BLACKHOLE => attribute.once(&mut fields.drops, (), "blackhole")?,
            NHA_OIF => {
                let value = attribute.number("the interface")?;
                attribute.once(&mut interface, value, "the interface")?;
            }
            NHA_GATEWAY => {
                let value = address(&attribute, family, "the gateway")?;
                attribute.once(&mut gateway, value, "the gateway")?;
            }
            NHA_ENCAP | NHA_ENCAP_TYPE => {
                return refuse(attribute.at, Reason::Unsupported("an encapsulation (MPLS, SRv6)"));
            }
            NHA_FDB => fields.bridge = true,
            _ => fields.skipped += 1,
        }
    }
    fields.hop = Hop { gateway, interface };
    Ok(fields)
}

fn members(attribute: &Attribute<'_>) -> Result<Vec<(u32, u16)>, Refusal> {
    let (members, rest) = attribute.value.as_chunks::<MEMBER>();
    if !rest.is_empty() {
        return attribute.wrong_size("a group");
    }
    if members.is_empty() {
        return refuse(attribute.at, Reason::Missing("every member of the group"));
    }
    if members.len() > MAX_MEMBERS {
        return refuse(attribute.at, Reason::TooMany { what: "members", limit: MAX_MEMBERS });
    }
    let mut list = Vec::with_capacity(members.len());
    for &[a, b, c, d, low, high, _, _] in members {
        let id = u32::from_ne_bytes([a, b, c, d]);
        if id == 0 {
            return refuse(attribute.at, Reason::ZeroId);
        }
        // One less than the weight; the second byte is of newer kernels, and 0 before.
        let weight = u16::from_le_bytes([low, high]).saturating_add(1);
        list.push((id, weight));
    }
    Ok(list)
}

fn definition(fields: Fields) -> Result<Definition, Refusal> {
    let way = fields.hop.gateway.is_some() || fields.hop.interface.is_some();
    match (fields.group, fields.drops, way) {
        (Some(members), None, false) => Ok(Definition::Group(members)),
        (None, Some(()), false) => Ok(Definition::Drop(NextHop::Blackhole)),
        (None, None, true) => Ok(Definition::Hop(fields.hop)),
        (None, None, false) => refuse(HEAD, Reason::Missing("group, gateway and interface")),
        (Some(_), Some(()), _) | (Some(_), None, true) | (None, Some(()), true) => refuse(
            HEAD,
            Reason::Unsupported("a next hop that is more than one of group, blackhole and gateway"),
        ),
    }
}
