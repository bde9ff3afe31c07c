//! Messages against a second opinion, and against what no kernel would send. Needs no root.

use std::net::IpAddr;

use ipnet::IpNet;
use netlink_packet_core::{NetlinkMessage, NetlinkPayload};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::route::{RouteAddress, RouteAttribute, RouteProtocol, RouteType};
use proptest::prelude::*;

use super::super::PROTOCOL;
use super::super::examine::examine;
use super::super::links::Links;
use super::super::mirror::{HeldRoute, RouteKey, RouteKind};
use super::super::netlink::codes::{
    IFLA_IFNAME, NLM_F_ACK, NLM_F_ACK_TLVS, NLM_F_CAPPED, NLM_F_CREATE, NLM_F_REPLACE, NLM_F_REQUEST,
    NLMSG_DONE, NLMSG_ERROR, RTM_NEWLINK, RTM_NEWNEXTHOP, RTM_NEWROUTE,
};
use super::super::netlink::{Encoder, Malformed, messages, refusal};
use super::super::next_hop::{self, Form, KernelHop};
use super::super::route::{self, KernelRoute};
use hitless_proto::process::fib::{Member, NextHop};

fn sample(net: &str, table: u32, metric: u32) -> (RouteKey, HeldRoute) {
    let key = RouteKey { table, net: net.parse().expect("a prefix") };
    (key, HeldRoute { kind: RouteKind::NextHop, next_hop: 77, metric, given: true, round: 0 })
}

fn encoded(samples: &[(RouteKey, HeldRoute)]) -> Vec<u8> {
    let mut encoder = Encoder::default();
    for (at, (key, held)) in samples.iter().enumerate() {
        route::encode_put(
            &mut encoder,
            (RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE),
            at as u32 + 5,
            (key, held),
            201,
        );
    }
    encoder.acknowledge_last();
    encoder.bytes().to_vec()
}

fn samples() -> Vec<(RouteKey, HeldRoute)> {
    vec![
        sample("0.0.0.0/0", 254, 0),
        sample("10.0.0.0/8", 254, 20),
        sample("192.0.2.1/32", 100_000, 0),
        sample("::/0", 255, 1024),
        sample("2001:db8::/33", 254, 1024),
        sample("2001:db8::1/128", 256, 7),
    ]
}

#[test]
fn routes_mean_the_same_to_another_reader() {
    let (bytes, samples) = (encoded(&samples()), samples());
    let mut at = 0;
    for (index, (key, held)) in samples.iter().enumerate() {
        let message = NetlinkMessage::<RouteNetlinkMessage>::deserialize(&bytes[at..]).expect("a message");
        at += message.header.length as usize;
        assert_eq!(message.header.sequence_number, index as u32 + 5);
        let last = if index + 1 == samples.len() { NLM_F_ACK } else { 0 };
        assert_eq!(message.header.flags, NLM_F_REQUEST | NLM_F_CREATE | NLM_F_REPLACE | last);
        let NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewRoute(read)) = message.payload else {
            panic!("not a route: {message:?}")
        };
        assert_eq!(read.header.protocol, RouteProtocol::Other(201));
        assert_eq!(
            (read.header.kind, read.header.destination_prefix_length),
            (RouteType::Unicast, key.net.prefix_len())
        );
        let table = read.attributes.iter().find_map(|attribute| match attribute {
            RouteAttribute::Table(table) => Some(*table),
            _other => None,
        });
        assert_eq!(table.unwrap_or(u32::from(read.header.table)), key.table);
        let destination = match key.net.network() {
            IpAddr::V4(address) => RouteAddress::Inet(address),
            IpAddr::V6(address) => RouteAddress::Inet6(address),
        };
        assert!(read.attributes.contains(&RouteAttribute::Destination(destination)));
        assert!(read.attributes.contains(&RouteAttribute::NhId(77)));
        let metric = read.attributes.contains(&RouteAttribute::Priority(held.metric));
        assert!(metric || held.metric == 0);
    }
    assert_eq!(at, bytes.len());
}

#[test]
fn routes_come_back_from_what_another_writer_makes_of_them() {
    for (key, held) in samples() {
        let bytes = encoded(&[(key, held)]);
        let message = NetlinkMessage::<RouteNetlinkMessage>::deserialize(&bytes).expect("a message");
        let mut again = vec![0; message.buffer_len()];
        message.serialize(&mut again);
        let read = messages(&again).next().expect("a message").expect("it adds up");
        let expected = KernelRoute { key, protocol: 201, metric: held.metric, kind: held.kind, next_hop: 77 };
        assert_eq!(route::decode(&read), Ok(Some(expected)));
    }
}

#[test]
fn next_hops_come_back() {
    let links = Links::default();
    let member = |next_hop, weight| Member { next_hop, weight };
    let via =
        |gateway: &str| Form::Via { gateway: gateway.parse().expect("an address"), link: 3, found: true };
    for (form, part, link) in [
        (Form::Blackhole { family: 10 }, Some(NextHop::Blackhole), None),
        (via("192.0.2.1"), NextHop::via("192.0.2.1".parse().unwrap(), None).ok(), Some(3)),
        (via("fd00::1"), NextHop::via("fd00::1".parse().unwrap(), None).ok(), Some(3)),
        // No such link: no card part can say it.
        (Form::Link { link: 3, family: 10 }, None, Some(3)),
        (
            // Without the kernel's word that it is there, the high byte of a weight is not read.
            Form::Group(vec![member(1, 1), member(2, 256), member(3, 258)]),
            NextHop::group(vec![member(1, 1), member(2, 256), member(3, 2)]).ok(),
            None,
        ),
    ] {
        let mut encoder = Encoder::default();
        next_hop::encode_put(&mut encoder, (RTM_NEWNEXTHOP, NLM_F_CREATE), 1, (9, &form), 201);
        let read = messages(encoder.bytes()).next().expect("a message").expect("it adds up");
        assert_eq!(
            next_hop::decode(&read, &links),
            Ok(KernelHop { id: 9, protocol: 201, part, link }),
            "{form:?}"
        );
    }
}

#[test]
fn a_refusal_has_the_kernels_words() {
    let mut encoder = Encoder::default();
    let mut body = (-22_i32).to_ne_bytes().to_vec();
    body.extend_from_slice(&[0; 16]);
    encoder.begin((NLMSG_ERROR, NLM_F_CAPPED | NLM_F_ACK_TLVS), 7, &body);
    encoder.attribute(1, b"Nexthop id does not exist\0");
    let message = messages(encoder.bytes()).next().expect("a message").expect("it adds up");
    let text = refusal(&message).expect("it adds up").expect("an error").to_string();
    assert_eq!(text, "the kernel refuses: Nexthop id does not exist (Invalid argument (os error 22))");
}

#[test]
fn a_message_that_does_not_add_up_is_refused_with_its_place() {
    let bytes = encoded(&samples()[..2]);
    let second = bytes.len() / 2;
    let complaint = |bytes: &[u8]| messages(bytes).filter_map(Result::err).collect::<Vec<_>>();
    assert_eq!(complaint(&bytes), []);
    let cut = Malformed { offset: bytes.len() - 7, what: "a header cut short" };
    assert_eq!(complaint(&[&bytes[..], &[0; 7]].concat()), [Malformed { offset: bytes.len(), ..cut }]);
    let mut long = bytes.clone();
    let at = bytes.windows(2).rposition(|pair| pair == RTM_NEWROUTE.to_ne_bytes()).expect("the second") - 4;
    assert!(at >= second - 8);
    long[at..at + 4].copy_from_slice(&5_u32.to_ne_bytes());
    assert_eq!(complaint(&long), [Malformed { offset: at, what: "a length that does not fit" }]);
}

/// What a kernel with one link, one next hop and two routes of ours dumps, as answers to question 1.
fn dumps() -> Vec<u8> {
    let mut encoder = Encoder::default();
    let done = |encoder: &mut Encoder| encoder.begin((NLMSG_DONE, 0), 1, &[0; 4]);
    let mut link = [0; 16];
    (link[4], link[8]) = (3, 1);
    encoder.begin((RTM_NEWLINK, 0), 1, &link);
    encoder.attribute(IFLA_IFNAME, b"v0\0");
    done(&mut encoder);
    let on_link = Form::Link { link: 3, family: 10 };
    next_hop::encode_put(&mut encoder, (RTM_NEWNEXTHOP, 0), 1, (77, &on_link), PROTOCOL);
    done(&mut encoder);
    for (key, held) in [sample("10.0.0.0/8", 254, 20), sample("2001:db8::/33", 254, 1024)] {
        route::encode_put(&mut encoder, (RTM_NEWROUTE, 0), 1, (&key, &held), PROTOCOL);
        done(&mut encoder);
    }
    encoder.bytes().to_vec()
}

#[test]
fn a_survey_of_what_was_dumped_finds_it_once() {
    let whole = dumps();
    let found = examine(&whole);
    assert_eq!((found.messages, found.surveyed, found.found), (8, true, 3), "{found:?}");
    assert_eq!((found.unlike, found.found_again), (0, 0));
    assert!(!examine(&whole[..whole.len() - 20]).surveyed, "the last dump has no end");
}

fn read_everything(bytes: &[u8]) {
    let found = examine(bytes);
    assert_eq!((found.unlike, found.found_again), (0, 0), "{found:?}");
}

proptest! {
    #[test]
    fn no_bytes_make_a_reader_panic_or_hang(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        read_everything(&bytes);
    }

    #[test]
    fn no_damage_to_a_message_makes_a_reader_panic_or_hang(at in 0_usize..700, value in any::<u8>(), cut in 0_usize..700) {
        let mut bytes = [encoded(&samples()), dumps()].concat();
        let at = at % bytes.len();
        bytes[at] = value;
        read_everything(&bytes);
        bytes.truncate(cut);
        read_everything(&bytes);
    }

    #[test]
    fn any_route_comes_back(octets in any::<[u8; 16]>(), length in 0_u8..=128, table in 1_u32.., metric in any::<u32>(), next_hop in 1_u32..) {
        let v4 = IpNet::new(IpAddr::from([octets[0], octets[1], octets[2], octets[3]]), length % 33).expect("fits").trunc();
        let v6 = IpNet::new(IpAddr::from(octets), length).expect("fits").trunc();
        for net in [v4, v6] {
            let (key, held) = (RouteKey { table, net }, HeldRoute { kind: RouteKind::NextHop, next_hop, metric, given: true, round: 0 });
            let bytes = encoded(&[(key, held)]);
            let read = messages(&bytes).next().expect("a message").expect("it adds up");
            let decoded = route::decode(&read).expect("it adds up");
            let expected = KernelRoute { key, protocol: 201, metric, kind: RouteKind::NextHop, next_hop };
            prop_assert!(decoded.is_none() || decoded == Some(expected));
        }
    }
}
