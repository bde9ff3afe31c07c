//! The BGP messages of a speaker that only announces (RFC 4271, 4760, 4724).

use std::net::{IpAddr, Ipv4Addr};

use bgpkit_parser::models::capabilities::{
    BgpCapabilityType, FourOctetAsCapability, MultiprotocolExtensionsCapability,
};
use bgpkit_parser::models::{
    Afi, AsPath, Asn, AsnLength, AttrFlags, Attribute, AttributeValue, Attributes, BgpMessage,
    BgpOpenMessage, BgpUpdateMessage, Capability, CapabilityValue, NetworkPrefix, NextHopAddress, Nlri,
    OptParam, Origin, ParamValue, Safi,
};
use ipnet::IpNet;

use super::plan::AS;

/// Seconds without a message after which either side gives up: longer than any event of the demo.
pub(super) const HOLD: u16 = 180;
/// Bytes of a message's header: 16 of marker, length, type.
pub(super) const HEADER: usize = 19;
/// Bytes of a message at most.
pub(super) const MAX_MESSAGE: usize = 4096;
/// Prefixes of a message, by family: so many fit, with all attributes, when each is as long as it can be.
const MOST: [usize; 2] = [700, 220];
/// Optional parameter that holds capabilities.
const CAPABILITIES: u8 = 2;

/// Types of messages that matter to a speaker.
pub(super) const OPEN: u8 = 1;
pub(super) const NOTIFICATION: u8 = 3;
pub(super) const KEEPALIVE: u8 = 4;

/// Opens a session.
pub(super) fn open(id: Ipv4Addr, out: &mut Vec<u8>) -> Result<(), String> {
    let families = [Afi::Ipv4, Afi::Ipv6].map(|afi| Capability {
        ty: BgpCapabilityType::MULTIPROTOCOL_EXTENSIONS_FOR_BGP_4,
        value: CapabilityValue::MultiprotocolExtensions(MultiprotocolExtensionsCapability::new(
            afi,
            Safi::Unicast,
        )),
    });
    let mut capabilities = families.to_vec();
    capabilities.push(Capability {
        ty: BgpCapabilityType::SUPPORT_FOR_4_OCTET_AS_NUMBER_CAPABILITY,
        value: CapabilityValue::FourOctetAs(FourOctetAsCapability::new(AS)),
    });
    let open = BgpOpenMessage {
        version: 4,
        asn: Asn::from(AS),
        hold_time: HOLD,
        bgp_identifier: id,
        extended_length: false,
        opt_params: vec![OptParam {
            param_type: CAPABILITIES,
            param_value: ParamValue::Capacities(capabilities),
        }],
    };
    put(&BgpMessage::Open(open), out)
}

/// Says that we are there.
pub(super) fn keepalive(out: &mut Vec<u8>) -> Result<(), String> {
    put(&BgpMessage::KeepAlive, out)
}

/// Announces prefixes of one family behind one next hop.
pub(super) fn announce(next_hop: IpAddr, prefixes: &[IpNet], out: &mut Vec<u8>) -> Result<(), String> {
    let common = [
        AttributeValue::Origin(Origin::IGP),
        AttributeValue::AsPath(AsPath::new()),
        AttributeValue::LocalPreference(100),
    ];
    for some in prefixes.chunks(MOST[usize::from(next_hop.is_ipv6())]) {
        let some: Vec<NetworkPrefix> = some.iter().map(|net| NetworkPrefix::new(*net, None)).collect();
        let mut attributes: Vec<Attribute> = common.iter().cloned().map(Attribute::from).collect();
        let announced = if next_hop.is_ipv4() {
            attributes.push(AttributeValue::NextHop(next_hop).into());
            some
        } else {
            attributes.push(wide(AttributeValue::MpReachNlri(nlri(Some(next_hop), some))));
            Vec::new()
        };
        let update = BgpUpdateMessage {
            withdrawn_prefixes: Vec::new(),
            attributes: Attributes::from(attributes),
            announced_prefixes: announced,
        };
        put(&BgpMessage::Update(update), out)?;
    }
    Ok(())
}

/// Withdraws prefixes of one family; without any it is the family's end-of-RIB.
pub(super) fn withdraw(v4: bool, prefixes: &[IpNet], out: &mut Vec<u8>) -> Result<(), String> {
    let whole = [prefixes];
    let chunks =
        if prefixes.is_empty() { whole.to_vec() } else { prefixes.chunks(MOST[usize::from(!v4)]).collect() };
    for some in chunks {
        let some: Vec<NetworkPrefix> = some.iter().map(|net| NetworkPrefix::new(*net, None)).collect();
        let (withdrawn, attributes) = if v4 {
            (some, Vec::new())
        } else {
            (Vec::new(), vec![wide(AttributeValue::MpUnreachNlri(nlri(None, some)))])
        };
        let update = BgpUpdateMessage {
            withdrawn_prefixes: withdrawn,
            attributes: Attributes::from(attributes),
            announced_prefixes: Vec::new(),
        };
        put(&BgpMessage::Update(update), out)?;
    }
    Ok(())
}

fn nlri(next_hop: Option<IpAddr>, prefixes: Vec<NetworkPrefix>) -> Nlri {
    Nlri {
        afi: Afi::Ipv6,
        safi: Safi::Unicast,
        next_hop: next_hop.map(NextHopAddress::from),
        prefixes,
        labeled_prefixes: None,
        link_state_nlris: None,
        flowspec_nlris: None,
    }
}

/// An attribute that may be longer than 255 bytes.
fn wide(value: AttributeValue) -> Attribute {
    let mut attribute = Attribute::from(value);
    attribute.flag |= AttrFlags::EXTENDED;
    attribute
}

fn put(message: &BgpMessage, out: &mut Vec<u8>) -> Result<(), String> {
    let bytes = message.encode(AsnLength::Bits32).map_err(|error| error.to_string())?;
    if bytes.len() > MAX_MESSAGE {
        return Err(format!("a message of {} bytes", bytes.len()));
    }
    out.extend_from_slice(&bytes);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(mut bytes: &[u8]) -> Vec<(u8, usize)> {
        let mut found = Vec::new();
        while !bytes.is_empty() {
            assert!(bytes[..16].iter().all(|byte| *byte == 255));
            let length = usize::from(u16::from_be_bytes([bytes[16], bytes[17]]));
            found.push((bytes[18], length));
            bytes = &bytes[length..];
        }
        found
    }

    #[test]
    fn an_announcement_is_the_bytes_of_the_standard() {
        let mut out = Vec::new();
        announce([192, 0, 2, 1].into(), &["10.1.0.0/16".parse().unwrap()], &mut out).unwrap();
        #[rustfmt::skip]
        let body = [
            0, 0,                             // nothing is withdrawn
            0, 21,                            // attributes
            0x40, 1, 1, 0,                    // origin: IGP
            0x40, 2, 0,                       // AS path: empty
            0x40, 5, 4, 0, 0, 0, 100,         // local preference
            0x40, 3, 4, 192, 0, 2, 1,         // next hop
            16, 10, 1,
        ];
        assert_eq!(out[HEADER..], body);
    }

    #[test]
    fn the_longest_prefixes_fit_and_none_is_left_out() {
        for (next_hop, text) in [("192.0.2.1", "10.0.0.1/32"), ("2001:db8::1", "2001:db8::1/128")] {
            let next_hop: IpAddr = next_hop.parse().unwrap();
            let prefixes = vec![text.parse().unwrap(); 1_500];
            let mut out = Vec::new();
            announce(next_hop, &prefixes, &mut out).unwrap();
            let most = MOST[usize::from(next_hop.is_ipv6())];
            assert_eq!(lengths(&out).len(), 1_500_usize.div_ceil(most));
            out.clear();
            withdraw(next_hop.is_ipv4(), &prefixes, &mut out).unwrap();
            assert_eq!(lengths(&out).len(), 1_500_usize.div_ceil(most));
        }
    }

    #[test]
    fn the_end_of_each_family_is_told() {
        let mut out = Vec::new();
        withdraw(true, &[], &mut out).unwrap();
        withdraw(false, &[], &mut out).unwrap();
        assert_eq!(lengths(&out), [(2, 23), (2, 30)]);
    }
}
