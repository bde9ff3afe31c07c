//! Encoding, text and refusals of the fib.

use alloc::format;
use alloc::vec;

use proptest::prelude::*;

use super::*;
use crate::entry::Cookie;

fn key(text: &str) -> FibKey {
    text.parse().unwrap()
}

fn refusal(text: &str) -> FibError {
    text.parse::<FibKey>().unwrap_err()
}

#[test]
fn keys_have_the_documented_bytes() {
    assert_eq!(&*key("next-hop 7").encode(), &[0, 0, 0, 0, 7]);
    assert_eq!(&*key("group 7").encode(), &[0, 0x80, 0, 0, 7]);
    assert_eq!(&*key("0.0.0.0/0").encode(), &[1, 0]);
    assert_eq!(&*key("10.0.0.0/8").encode(), &[1, 8, 10]);
    assert_eq!(&*key("10.128.0.0/9").encode(), &[1, 9, 10, 128]);
    assert_eq!(&*key("2001:db8::/32").encode(), &[2, 32, 0x20, 0x01, 0x0d, 0xb8]);
    assert_eq!(key("2001:db8::1/128").encode().len(), 18);
    assert_eq!(&*key("10.0.0.0/8 table 100").encode(), &[3, 0, 0, 0, 100, 8, 10]);
    assert_eq!(&*key("2001:db8::/32 table 4294967295").encode(), b"\x04\xff\xff\xff\xff\x20\x20\x01\x0d\xb8");
    assert_eq!(key("2001:db8::1/128 table 1").encode().len(), MAX_KEY);
    assert_eq!(key("10.0.0.0/8 table 254"), key("10.0.0.0/8"));
}

#[test]
fn routes_have_the_documented_bytes() {
    assert_eq!(&*Route::to(7).encode(), &[0, 0, 0, 7]);
    assert_eq!(&*Route { next_hop: 7, metric: 0x0102_0304 }.encode(), &[0, 0, 0, 7, 1, 2, 3, 4]);
    assert_eq!(Route::decode(&[0, 0, 0, 7]), Ok(Route::to(7)));
    assert_eq!(Route::decode(&[0, 0, 0, 7, 0, 0, 0, 20]), Ok(Route { next_hop: 7, metric: 20 }));
    assert_eq!(Route::decode(&[0, 0, 0, 7, 0, 0, 0, 0]), Err(FibError::ZeroMetric));
    assert_eq!(Route::decode(&[0, 0, 0, 0, 0, 0, 0, 20]), Err(FibError::ZeroId));
    assert_eq!(Route::decode(&[0, 0, 0]), Err(FibError::WrongSize("next-hop id")));
    assert_eq!(Route::decode(&[0, 0, 0, 7, 0]), Err(FibError::WrongSize("metric")));
    assert_eq!(Route::decode(&[0, 0, 0, 7, 0, 0, 0, 20, 0]), Err(FibError::WrongSize("metric")));
}

#[test]
fn next_hops_have_the_documented_bytes() {
    let bytes = |text: &str| text.parse::<NextHop>().unwrap().encode();
    assert_eq!(&*bytes("blackhole"), &[0]);
    assert_eq!(&*bytes("unreachable"), &[5]);
    assert_eq!(&*bytes("prohibit"), &[6]);
    assert_eq!(&*bytes("via 192.0.2.1"), &[1, 192, 0, 2, 1]);
    assert_eq!(&*bytes("via 192.0.2.1 dev eth0"), b"\x01\xc0\x00\x02\x01eth0");
    assert_eq!(bytes("via 2001:db8::1").len(), 17);
    assert_eq!(&*bytes("group 2*3,1"), &[3, 0, 0, 0, 1, 0, 1, 0, 0, 0, 2, 0, 3]);
    assert_eq!(&*bytes("dev eth0"), b"\x04eth0");
}

#[test]
fn bad_prefixes_are_refused_by_name() {
    assert_eq!(refusal("10.0.0.0/33"), FibError::PrefixLength { length: 33, bits: 32 });
    assert_eq!(refusal("10.0.0.0/255"), FibError::PrefixLength { length: 255, bits: 32 });
    assert_eq!(refusal("10.0.0.0/256"), FibError::PrefixLength { length: 256, bits: 32 });
    assert_eq!(refusal("2001:db8::/129"), FibError::PrefixLength { length: 129, bits: 128 });
    assert_eq!(refusal("10.0.0.1/8"), FibError::HostBits(8));
    assert_eq!(refusal("2001:db8::1/32"), FibError::HostBits(32));
    assert_eq!(refusal("224.0.0.0/4"), FibError::Multicast);
    assert_eq!(refusal("239.1.0.0/16"), FibError::Multicast);
    assert_eq!(refusal("ff02::/16"), FibError::Multicast);
    for text in
        ["", "/", "10.0.0.0", "10.0.0.0/", "10.0.0.0/+8", "10.0.0/8", "x/8", "10.0.0.0/8 ", "10.0.0.0/-1"]
    {
        assert_eq!(refusal(text), FibError::NotPrefix(text.into()), "{text:?}");
    }
}

#[test]
fn bad_tables_are_refused_by_name() {
    assert_eq!(refusal("10.0.0.0/8 table 0"), FibError::ZeroTable);
    for text in ["", "x", "-1", "+1", "4294967296", "1 2"] {
        assert_eq!(refusal(&format!("10.0.0.0/8 table {text}")), FibError::NotTable(text.into()));
    }
    assert_eq!(TableId::new(0), Err(FibError::ZeroTable));
    assert_eq!(TableId::new(254), Ok(TableId::MAIN));
}

#[test]
fn a_prefix_that_holds_more_than_multicast_is_allowed() {
    for text in ["0.0.0.0/0", "::/0", "192.0.0.0/2", "fe00::/7", "240.0.0.0/4", "127.0.0.0/8"] {
        assert_eq!(format!("{}", key(text)), text);
    }
}

#[test]
fn bad_ids_are_refused_by_name() {
    assert_eq!(refusal("next-hop 0"), FibError::ZeroId);
    assert_eq!(refusal("group 0"), FibError::ZeroId);
    assert_eq!(refusal("next-hop 2147483648"), FibError::BadId("2147483648".into()));
    assert_eq!(refusal("next-hop -1"), FibError::BadId("-1".into()));
    assert_eq!(FibKey::decode(&[0, 0, 0, 0, 0]), Err(FibError::ZeroId));
    assert_eq!(FibKey::decode(&[0, 0x80, 0, 0, 0]), Err(FibError::ZeroId));
    assert_eq!(FibKey::group(u32::MAX), Err(FibError::BadId("4294967295".into())));
}

#[test]
fn damaged_keys_are_refused() {
    assert_eq!(FibKey::decode(&[]), Err(FibError::UnknownTag));
    assert_eq!(FibKey::decode(&[5, 0]), Err(FibError::UnknownTag));
    assert_eq!(FibKey::decode(&[3, 0, 0, 0]), Err(FibError::WrongSize("table")));
    assert_eq!(FibKey::decode(&[3, 0, 0, 0, 100]), Err(FibError::WrongSize("prefix")));
    assert_eq!(FibKey::decode(&[3, 0, 0, 0, 100, 7, 11]), Err(FibError::HostBits(7)));
    assert_eq!(FibKey::decode(&[3, 0, 0, 0, 0, 8, 10]), Err(FibError::ZeroTable));
    assert_eq!(FibKey::decode(&[3, 0, 0, 0, 254, 8, 10]), Err(FibError::MainTable));
    assert_eq!(FibKey::decode(&[4, 0, 0, 0, 254, 0]), Err(FibError::MainTable));
    assert_eq!(FibKey::decode(&[0, 0, 0, 7]), Err(FibError::WrongSize("next-hop id")));
    assert_eq!(FibKey::decode(&[1]), Err(FibError::WrongSize("prefix")));
    assert_eq!(FibKey::decode(&[1, 8]), Err(FibError::WrongSize("prefix")));
    assert_eq!(FibKey::decode(&[1, 8, 10, 0]), Err(FibError::WrongSize("prefix")));
    assert_eq!(FibKey::decode(&[1, 33, 0, 0, 0, 0, 0]), Err(FibError::PrefixLength { length: 33, bits: 32 }));
    assert_eq!(FibKey::decode(&[2, 255]), Err(FibError::PrefixLength { length: 255, bits: 128 }));
    assert_eq!(FibKey::decode(&[1, 7, 11]), Err(FibError::HostBits(7)));
}

#[test]
fn impossible_next_hops_are_refused_by_name() {
    let refusal = |text: &str| text.parse::<NextHop>().unwrap_err();
    for gateway in
        ["0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255", "240.0.0.1", "::", "::1", "ff02::1"]
    {
        assert_eq!(refusal(&format!("via {gateway}")), FibError::BadGateway(gateway.parse().unwrap()));
    }
    assert_eq!(refusal("via fe80::1"), FibError::NoDevice("fe80::1".parse().unwrap()));
    assert!("via fe80::1 dev eth0".parse::<NextHop>().is_ok());
    for device in ["a/b", "a:b", "..", "sixteen-letters-", "é"] {
        assert_eq!(refusal(&format!("dev {device}")), FibError::BadDevice(device.into()));
    }
    assert_eq!(refusal("group 1*0"), FibError::ZeroWeight);
    assert_eq!(refusal("group 1,1"), FibError::MemberOrder);
    assert_eq!(refusal("group 0"), FibError::ZeroId);
    for text in [
        "",
        "via",
        "via x",
        "via 192.0.2.1 dev",
        "blackhole now",
        "prohibit dev a",
        "dev a b",
        "group 1*x",
        "group 1*65536",
    ] {
        let error = refusal(text);
        assert!(matches!(error, FibError::NotNextHop(_)), "{text:?}: {error}");
    }
    assert_eq!(NextHop::decode(&[]), Err(FibError::WrongSize("next hop")));
    assert_eq!(NextHop::decode(&[0, 0]), Err(FibError::WrongSize("blackhole")));
    assert_eq!(NextHop::decode(&[1, 192, 0, 2]), Err(FibError::WrongSize("gateway")));
    assert_eq!(NextHop::decode(&[3]), Err(FibError::GroupSize(0)));
    assert_eq!(NextHop::decode(&[3, 0, 0, 0, 1, 0]), Err(FibError::WrongSize("group")));
    assert_eq!(NextHop::decode(&[3, 0, 0, 0, 2, 0, 1, 0, 0, 0, 1, 0, 1]), Err(FibError::MemberOrder));
    assert_eq!(NextHop::decode(&[4]), Err(FibError::BadDevice(String::new())));
    assert_eq!(NextHop::decode(&[5, 0]), Err(FibError::WrongSize("unreachable")));
    assert_eq!(NextHop::decode(&[6, 0]), Err(FibError::WrongSize("prohibit")));
    assert_eq!(NextHop::decode(&[9]), Err(FibError::UnknownKind(9)));
    let many = (1..=65_535).map(|next_hop| Member { next_hop, weight: 1 }).collect();
    assert_eq!(NextHop::group(many), Err(FibError::GroupSize(65_535)));
}

#[test]
fn a_group_cannot_hold_itself_or_another_group() {
    let member = Member { next_hop: GROUP_BASE + 7, weight: 1 };
    assert_eq!(NextHop::group(vec![member]), Err(FibError::BadMember(key("group 7"))));
    let mut bytes = vec![3];
    bytes.extend_from_slice(&[0x80, 0, 0, 7, 0, 1]);
    assert_eq!(NextHop::decode(&bytes), Err(FibError::BadMember(key("group 7"))));
}

#[test]
fn validate_refuses_a_part_that_does_not_belong_to_the_key() {
    let blackhole = || NextHop::Blackhole.encode();
    let group = NextHop::group(vec![Member { next_hop: 1, weight: 1 }]).unwrap().encode();
    let route = Route { next_hop: 7, metric: 20 }.encode();
    let note = || Blob::from("static");
    let check = |key: &str, part: &Blob| Fib.validate(&self::key(key).put(part.clone(), note()));
    assert_eq!(check("next-hop 7", &blackhole()), Ok(()));
    assert_eq!(check("group 7", &group), Ok(()));
    assert_eq!(check("10.0.0.0/8", &route), Ok(()));
    assert_eq!(check("10.0.0.0/8 table 100", &route), Ok(()));
    assert_eq!(check("next-hop 8", &NextHop::Unreachable.encode()), Ok(()));
    assert_eq!(check("next-hop 9", &NextHop::Prohibit.encode()), Ok(()));
    assert!(check("group 7", &NextHop::Prohibit.encode()).is_err());
    assert_eq!(check("next-hop 7", &group).unwrap_err(), "next-hop 7 cannot hold a group");
    assert_eq!(check("group 7", &blackhole()).unwrap_err(), "group 7 cannot hold a single next hop");
    assert!(check("10.0.0.0/8", &blackhole()).is_err());
    assert!(check("next-hop 7", &route).is_err());
    assert_eq!(check("10.0.0.0/8", &Route::to(0).encode()).unwrap_err(), "next hop 0: ids start at 1");
    assert_eq!(Fib.validate(&key("::/0").delete()), Ok(()));
    assert!(Fib.validate(&Change { key: Blob::new(&[1, 9, 10]), content: None }).is_err());
}

#[test]
fn members_go_before_groups_and_groups_before_routes() {
    let rank = |text: &str| Fib.rank(&key(text).encode());
    assert_eq!([rank("next-hop 2147483647"), rank("group 1"), rank("0.0.0.0/0"), rank("::/0")], [0, 1, 2, 2]);
    assert_eq!([rank("0.0.0.0/0 table 100"), rank("::/0 table 4294967295")], [2, 2]);
    assert!([0, 1, 2].iter().all(|&rank| rank < Fib.ranks()));
    assert!(Fib.rank(&[]) < Fib.ranks() && Fib.rank(&[0]) < Fib.ranks());
    assert_eq!(Fib.cookie(&key("::/0").delete()), Cookie::Key);
}

fn any_key() -> impl Strategy<Value = FibKey> {
    let v4 = (any::<u32>(), 0..=32_u8)
        .prop_map(|(bits, length)| IpNet::V4(Ipv4Net::new(Ipv4Addr::from(bits), length).unwrap().trunc()));
    let v6 = (any::<u128>(), 0..=128_u8)
        .prop_map(|(bits, length)| IpNet::V6(Ipv6Net::new(Ipv6Addr::from(bits), length).unwrap().trunc()));
    let table = prop_oneof![Just(TableId::MAIN), (1..=u32::MAX).prop_map(|id| TableId::new(id).unwrap())];
    let route = (table, prop_oneof![v4, v6]).prop_map(|(table, net)| FibKey::Route { table, net });
    let next_hop =
        any::<u32>().prop_filter("no id", |id| *id != 0 && *id != GROUP_BASE).prop_map(FibKey::NextHop);
    prop_oneof![route, next_hop].prop_filter("multicast", |key| match key {
        FibKey::Route { net, .. } => !is_multicast(net),
        FibKey::NextHop(_) => true,
    })
}

fn any_next_hop() -> impl Strategy<Value = NextHop> {
    let device = "[a-z][a-z0-9.]{0,14}".prop_map(|name| name.parse::<Device>().unwrap());
    let v4 = (0x0100_0000..0x7f00_0000_u32).prop_map(|bits| IpAddr::V4(Ipv4Addr::from(bits)));
    let v6 = any::<u64>().prop_map(|bits| IpAddr::V6(Ipv6Addr::from(0x2001_u128 << 112 | u128::from(bits))));
    let gateway = prop_oneof![v4, v6];
    let via = (gateway, proptest::option::of(device.clone()))
        .prop_map(|(gateway, device)| NextHop::via(gateway, device).unwrap());
    let members = proptest::collection::btree_map(1..GROUP_BASE, 1..=u16::MAX, 1..=MAX_MEMBERS);
    let group = members.prop_map(|members| {
        let members = members.into_iter().map(|(next_hop, weight)| Member { next_hop, weight });
        NextHop::group(members.collect()).unwrap()
    });
    let drops = prop_oneof![Just(NextHop::Blackhole), Just(NextHop::Unreachable), Just(NextHop::Prohibit)];
    prop_oneof![drops, device.prop_map(NextHop::Link), via, group]
}

proptest! {
    #[test]
    fn keys_survive_bytes_and_text(key in any_key()) {
        prop_assert_eq!(FibKey::decode(&key.encode()), Ok(key));
        prop_assert_eq!(format!("{key}").parse(), Ok(key));
    }

    #[test]
    fn next_hops_survive_bytes_and_text(next_hop in any_next_hop()) {
        prop_assert_eq!(NextHop::decode(&next_hop.encode()), Ok(next_hop.clone()));
        prop_assert_eq!(format!("{next_hop}").parse(), Ok(next_hop));
    }

    #[test]
    fn bytes_that_decode_are_the_canonical_ones(
        tag in 0..8_u8, rest in proptest::collection::vec(any::<u8>(), 0..24),
    ) {
        let mut bytes = vec![tag];
        bytes.extend_from_slice(&rest);
        if let Ok(key) = FibKey::decode(&bytes) {
            prop_assert_eq!(&*key.encode(), &*bytes);
        }
        if let Ok(next_hop) = NextHop::decode(&bytes) {
            prop_assert_eq!(&*next_hop.encode(), &*bytes);
        }
        if let Ok(route) = Route::decode(&rest) {
            prop_assert_eq!(&*route.encode(), &*rest);
        }
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,40}") {
        let _ = text.parse::<FibKey>();
        let _ = text.parse::<NextHop>();
    }
}
