//! What is malformed is refused by name and place; what is held stays, and so does what stands beside it.

use super::bench::{Bench, attribute, group, message, number, object, route, route_head};
use crate::fpm::{FpmSettings, FrameFault, FrameReader, frame_of};

fn fault(bytes: &[u8]) -> (u64, FrameFault) {
    let mut reader = FrameReader::default();
    reader.push(bytes);
    loop {
        match reader.next_frame() {
            Ok(Some(_)) => {}
            Ok(None) => panic!("it is taken"),
            Err(error) => return (error.offset, error.fault),
        }
    }
}

#[test]
fn heads_of_frames() {
    assert_eq!(fault(&[0]), (0, FrameFault::Version(0)));
    assert_eq!(fault(b"GET / HTTP/1.1"), (0, FrameFault::Version(b'G')));
    assert_eq!(fault(&[1, 2]), (0, FrameFault::Protobuf));
    assert_eq!(fault(&[1, 3]), (0, FrameFault::Type(3)));
    assert_eq!(fault(&[1, 1, 0, 0]), (0, FrameFault::Length(0)));
    assert_eq!(fault(&[1, 1, 0, 3]), (0, FrameFault::Length(3)));
    assert_eq!(fault(&[1, 1, 0, 4, 1, 1, 0, 4, 2]), (8, FrameFault::Version(2)));
}

#[test]
fn empty_frames_and_the_longest_one_are_taken() {
    let mut bench = Bench::live(FpmSettings::default());
    assert_eq!(bench.feed(&[1, 1, 0, 4].repeat(100_000)), 0);
    let whole = message(16, &[0; 65_535 - 4 - 16 - 3]);
    assert_eq!(bench.feed(&frame_of(&whole).unwrap()), 0);
    assert_eq!(frame_of(&[0; 65_532]), None);
    assert_eq!(bench.source.status().kept_out, 1);
}

/// A message that must be refused, between two that must be taken.
fn refused(bad: Vec<u8>) -> String {
    let mut bench = Bench::live(FpmSettings::default());
    let good = [object(1, "10.0.1.2", 3), bad, route("10.1.0.0/16", 1)];
    assert_eq!(bench.feed(&frame_of(&good.concat()).unwrap()), 1);
    assert_eq!(bench.settle(), ["+next-hop", "+10.1.0.0/16"]);
    let said = bench.source.status().last_refusal.unwrap();
    let place = format!("the message at byte {} of the session: ", 4 + good[0].len());
    said.strip_prefix(&place).unwrap_or_else(|| panic!("{said}")).to_owned()
}

fn route_with(attributes: &[Vec<u8>]) -> Vec<u8> {
    message(24, &[route_head("10.2.0.0/16", 254, [186, 0, 1]), attributes.concat()].concat())
}

fn route_of(fixed: [u8; 8], attributes: &[Vec<u8>]) -> Vec<u8> {
    message(24, &[fixed.to_vec(), vec![0; 4], attributes.concat()].concat())
}

fn hops(list: &[u8]) -> Vec<u8> {
    route_with(&[attribute(9, list)])
}

#[test]
fn messages() {
    let to = || number(30, 1);
    let v4 = |octets: [u8; 4]| attribute(1, &octets);
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (message(24, &[2; 11]), "the fixed part of a route of 11 bytes"),
        (message(104, &[2; 7]), "the fixed part of a next hop of 7 bytes"),
        (route_of([2, 33, 0, 0, 254, 186, 0, 1], &[v4([10, 0, 0, 0]), to()]), "prefix length 33 is over 32"),
        (
            route_of([2, 129, 0, 0, 254, 186, 0, 1], &[v4([10, 0, 0, 0]), to()]),
            "prefix length 129 is over 32",
        ),
        (
            route_of([2, 255, 0, 0, 254, 186, 0, 1], &[v4([10, 0, 0, 0]), to()]),
            "prefix length 255 is over 32",
        ),
        (route_of([2, 8, 0, 0, 254, 186, 0, 1], &[v4([10, 0, 0, 1]), to()]), "host bits are set behind /8"),
        (route_of([2, 8, 0, 0, 254, 186, 0, 1], &[v4([224, 0, 0, 0]), to()]), "multicast"),
        (route_of([10, 8, 0, 0, 254, 186, 0, 1], &[v4([10, 0, 0, 0]), to()]), "the destination of 4 bytes"),
        (route_of([2, 8, 0, 0, 254, 186, 0, 1], &[to()]), "the destination is missing"),
        (route_of([2, 8, 8, 0, 254, 186, 0, 1], &[v4([10, 0, 0, 0]), to()]), "for some sources only"),
        (route_of([2, 8, 0, 4, 254, 186, 0, 1], &[v4([10, 0, 0, 0]), to()]), "type of service"),
        (route_with(&[]), "gateway and interface is missing"),
        (route_with(&[number(30, 0)]), "the id 0"),
        (route_with(&[to(), to()]), "a next-hop object stands twice"),
        (route_with(&[to(), attribute(1, &[10, 2, 0, 0])]), "the destination stands twice"),
        (route_with(&[attribute(30, &[1, 0])]), "the id of a next-hop object of 2 bytes"),
        (route_with(&[attribute(5, &[0; 16])]), "the gateway of 16 bytes"),
        (route_with(&[attribute(5, &[0; 4]), number(4, 3)]), "0.0.0.0 cannot be a gateway"),
        (route_with(&[attribute(5, &[10, 2, 2, 2]), attribute(22, &[0; 8])]), "an encapsulation"),
        (route_with(&[attribute(18, &[9, 0, 1, 2, 3, 4])]), "the gateway of 4 bytes"),
        (route_with(&[attribute(18, &[9])]), "the gateway of 1 bytes"),
        (route_with(&[vec![3, 0, 30, 0]]), "attribute 30 of 3 bytes, where 4 are left"),
        (route_with(&[vec![0, 0, 30, 0]]), "attribute 30 of 0 bytes"),
        (route_with(&[vec![9, 0, 30, 0, 1, 0, 0, 0]]), "attribute 30 of 9 bytes, where 8 are left"),
        (hops(&[]), "every hop of the list is missing"),
        (hops(&[8, 0, 0, 0, 0, 0, 0, 0]), "gateway and interface of a hop is missing"),
        (hops(&[7, 0, 0, 0, 3, 0, 0, 0]), "attribute 9 of 7 bytes"),
        (hops(&[9, 0, 0, 0, 3, 0, 0, 0]), "attribute 9 of 9 bytes, where 8 are left"),
        (hops(&[8, 0, 0, 0]), "4 bytes that are no attribute"),
        (hops(&[8, 0, 0, 0, 3, 0, 0, 0].repeat(257)), "more than 256 hops"),
        (hops(&[16, 0, 0, 0, 3, 0, 0, 0, 8, 0, 22, 0, 0, 0, 0, 0]), "an encapsulation"),
        (message(104, &[vec![0; 8], number(5, 3)].concat()), "the id is missing"),
        (message(104, &[vec![0; 8], number(1, 0), number(5, 3)].concat()), "the id 0"),
        (message(104, &[vec![0; 8], number(1, 7)].concat()), "group, gateway and interface is missing"),
        (
            message(104, &[vec![0; 8], number(1, 7), attribute(4, &[]), number(5, 3)].concat()),
            "more than one of",
        ),
        (message(104, &[vec![0; 8], number(1, 7), attribute(2, &[])].concat()), "every member of the group"),
        (message(104, &[vec![0; 8], number(1, 7), attribute(2, &[1; 12])].concat()), "a group of 12 bytes"),
        (message(104, &[vec![0; 8], number(1, 7), attribute(2, &[0; 8])].concat()), "the id 0"),
        (
            message(104, &[vec![0; 8], number(1, 7), attribute(2, &[1; 8 * 257])].concat()),
            "more than 256 members",
        ),
        (message(105, &[0; 8]), "the id is missing"),
    ];
    for (bad, expected) in cases {
        let said = refused(bad.clone());
        assert!(said.contains(expected), "{expected}: {said} ({bad:?})");
    }
}

#[test]
fn a_broken_length_loses_the_rest_of_its_frame_and_no_more() {
    for length in [0_u32, 15, 60, u32::MAX] {
        let mut bench = Bench::live(FpmSettings::default());
        let mut broken = route("10.2.0.0/16", 1);
        broken[..4].copy_from_slice(&length.to_ne_bytes());
        let lost = route("10.3.0.0/16", 1);
        let frame = [object(1, "10.0.1.2", 3), route("10.1.0.0/16", 1), broken, lost].concat();
        // A length that leads into the next message is not told apart from a right one here.
        let refused = bench.feed(&frame_of(&frame).unwrap());
        bench.say(&[route("10.4.0.0/16", 1)]);
        bench.settle();
        assert!(refused >= 1, "{length}");
        assert!(
            bench.routes()[0].starts_with("10.1.0.0/16")
                && bench.routes().last().unwrap().starts_with("10.4")
        );
        assert_eq!(bench.routes().len(), 2, "{length}: {:?}", bench.routes());
    }
}

#[test]
fn a_group_within_a_group_or_with_itself_is_refused_and_its_routes_wait() {
    let mut bench = Bench::live(FpmSettings::default());
    bench.say(&[object(1, "10.0.1.2", 3), object(2, "10.0.2.2", 5), group(3, &[(1, 1), (2, 1)])]);
    assert_eq!(bench.feed(&frame_of(&group(4, &[(1, 1), (3, 1)])).unwrap()), 1);
    assert!(bench.source.status().last_refusal.unwrap().contains("cannot be a member of a group"));
    bench.say(&[group(5, &[(5, 1)]), route("10.4.0.0/16", 4), route("10.5.0.0/16", 5)]);
    assert_eq!((bench.settle(), bench.source.status().waiting), (vec![], 2));
    bench.say(&[group(4, &[(1, 1), (2, 3)])]);
    assert_eq!(bench.settle().last().unwrap(), "+10.4.0.0/16");
}

#[test]
fn what_is_not_known_is_passed_over_without_losing_the_message() {
    let mut bench = Bench::live(FpmSettings::default());
    let extra =
        [attribute(7, &[10, 0, 0, 1]), attribute(8, &[8, 0, 2, 0, 220, 5, 0, 0]), attribute(999, &[1, 2, 3])];
    let body = [route_head("10.1.0.0/16", 254, [186, 0, 1]), extra.concat(), number(30, 1)].concat();
    let nexthop = [vec![2, 0, 11, 0, 0, 0, 0, 0], attribute(99, b"x"), number(1, 1), number(5, 3)].concat();
    bench.say(&[message(104, &nexthop), message(24, &body), message(16, &[]), message(4000, b"?")]);
    assert_eq!(bench.settle(), ["+next-hop", "+10.1.0.0/16"]);
    assert_eq!((bench.source.status().skipped, bench.source.status().kept_out), (4, 2));
    let mpls = message(24, &[28, 20, 0, 0, 254, 186, 0, 1, 0, 0, 0, 0]);
    let local = message(24, &route_head("10.9.0.0/16", 255, [2, 254, 2]));
    bench.say(&[mpls, local]);
    assert_eq!((bench.settle(), bench.source.status().kept_out), (vec![], 4));
}
