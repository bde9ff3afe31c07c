//! Both MRT sources on records made here byte by byte, good and damaged.

use std::time::Duration;

use hitless_proto::process::Process;
use hitless_proto::process::fib::{Fib, FibKey, NextHop, Route};
use hitless_runtime::source::{BadInput, SourceItem};

use super::super::Format;
use super::super::input::Input;
use super::super::random::Random;
use crate::source;

const ORIGIN: &[u8] = &[0x40, 1, 1, 0];
const TABLE_DUMP: u16 = 12;
const TABLE_DUMP_V2: u16 = 13;
const BGP4MP: u16 = 16;
const BGP4MP_ET: u16 = 17;

fn record(time: u32, kind: u16, subtype: u16, body: &[u8]) -> Vec<u8> {
    let mut bytes = time.to_be_bytes().to_vec();
    bytes.extend(kind.to_be_bytes());
    bytes.extend(subtype.to_be_bytes());
    bytes.extend(u32::try_from(body.len()).unwrap().to_be_bytes());
    bytes.extend(body);
    bytes
}

fn attribute(flags: u8, kind: u8, value: &[u8]) -> Vec<u8> {
    [&[flags, kind, u8::try_from(value.len()).unwrap()], value].concat()
}

fn sized(bytes: &[u8]) -> Vec<u8> {
    [&u16::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat()
}

/// Attributes with a path of 4-byte AS numbers.
fn attributes(path: &[u32], next_hop: &[u8]) -> Vec<u8> {
    let mut segment = vec![2, u8::try_from(path.len()).unwrap()];
    segment.extend(path.iter().flat_map(|asn| asn.to_be_bytes()));
    let next_hop = match next_hop.len() {
        4 => attribute(0x40, 3, next_hop),
        0 => Vec::new(),
        _ => attribute(0x80, 14, &[&[16], next_hop].concat()),
    };
    [ORIGIN, &attribute(0x40, 2, &segment), &next_hop].concat()
}

/// A TABLE_DUMP record: the old format, with 2-byte AS numbers.
fn table_dump(prefix: [u8; 4], length: u8, peer: u8, next_hop: [u8; 4]) -> Vec<u8> {
    let path = attribute(0x40, 2, &[2, 2, 0x0d, 0x05, 0x04, 0x4f]);
    let attributes = sized(&[ORIGIN, &path, &attribute(0x40, 3, &next_hop)].concat());
    let entry = [
        &[0, 0, 0, 1],
        &prefix[..],
        &[length, 1, 0, 0, 0, 9],
        &[198, 51, 100, peer],
        &[0x0d, 0x05],
        &attributes,
    ];
    record(9, TABLE_DUMP, 1, &entry.concat())
}

fn peer_index() -> Vec<u8> {
    let peer = [&[2][..], &[192, 0, 2, 9], &[198, 51, 100, 1], &[0, 0, 0x0d, 0x05]].concat();
    record(9, TABLE_DUMP_V2, 1, &[&[192, 0, 2, 9, 0, 0, 0, 1], &peer[..]].concat())
}

/// A TABLE_DUMP_V2 record with one entry for each of these attributes.
fn rib(subtype: u16, length: u8, prefix: &[u8], entries: &[Vec<u8>]) -> Vec<u8> {
    let mut body = [&[0, 0, 0, 1, length], prefix].concat();
    body.extend(u16::try_from(entries.len()).unwrap().to_be_bytes());
    for attributes in entries {
        body.extend([&[0, 0, 0, 0, 0, 9], &sized(attributes)[..]].concat());
    }
    record(9, TABLE_DUMP_V2, subtype, &body)
}

fn update(withdrawn: &[u8], attributes: &[u8], announced: &[u8]) -> Vec<u8> {
    let body = [&sized(withdrawn), &sized(attributes), announced].concat();
    let length = u16::try_from(body.len() + 19).unwrap().to_be_bytes();
    let peers = [0, 0, 0x0d, 0x05, 0, 0, 0x0d, 0x06, 0, 0, 0, 1, 198, 51, 100, 1, 198, 51, 100, 2];
    [&peers[..], &[0xff; 16], &length, &[2], &body].concat()
}

fn read(bytes: &[u8]) -> Vec<Result<SourceItem, BadInput>> {
    let input = Input::new(std::io::Cursor::new(bytes.to_vec())).unwrap();
    let mut source = source::read("dump".into(), input).unwrap();
    std::iter::from_fn(|| source.next()).collect()
}

/// What an item changes, as text: `10.0.0.0/8 -> via 192.0.2.1`, `10.0.0.0/8 deleted`.
fn texts(items: Vec<Result<SourceItem, BadInput>>) -> Vec<String> {
    let mut next_hops = std::collections::HashMap::new();
    let mut text = |item: SourceItem| {
        assert_eq!(Fib.validate(&item.change), Ok(()));
        let key = FibKey::decode(&item.change.key).unwrap();
        let Some(content) = item.change.content else { return Some(format!("{key} deleted")) };
        let note = String::from_utf8(content.standby_part.unwrap().to_vec()).unwrap();
        match key {
            FibKey::NextHop(id) => {
                assert!(next_hops.insert(id, NextHop::decode(&content.card_part).unwrap()).is_none());
                None
            }
            FibKey::Route { net, .. } => {
                let route = Route::decode(&content.card_part).unwrap();
                Some(format!("{net} {} ({note})", next_hops[&route.next_hop]))
            }
        }
    };
    items
        .into_iter()
        .filter_map(|item| item.map_or_else(|error| Some(error.to_string()), &mut text))
        .collect()
}

#[test]
fn the_first_path_of_a_table_dump_counts() {
    let file = [
        table_dump([10, 0, 0, 0], 8, 1, [192, 0, 2, 1]),
        table_dump([10, 0, 0, 0], 8, 2, [192, 0, 2, 2]),
        table_dump([11, 0, 0, 0], 8, 2, [192, 0, 2, 2]),
        table_dump([10, 0, 0, 0], 8, 3, [192, 0, 2, 3]),
    ];
    let expected =
        ["10.0.0.0/8 via 192.0.2.1 (as-path 3333 1103)", "11.0.0.0/8 via 192.0.2.2 (as-path 3333 1103)"];
    assert_eq!(texts(read(&file.concat())), expected);
}

/// As RIS wrote them until 2001: view and sequence once, then entries to the end.
#[test]
fn a_bad_entry_of_a_historical_record_costs_only_itself() {
    let entry = |first, next_hop| table_dump([first, 0, 0, 0], 8, 1, next_hop)[16..].to_vec();
    let good = [192, 0, 2, 1];
    let body =
        [vec![0, 0, 0, 1], entry(10, good), entry(224, good), entry(11, [0; 4]), entry(12, good)].concat();
    let texts = texts(read(&record(9, TABLE_DUMP, 1, &body)));
    assert_eq!(texts.len(), 4, "{texts:#?}");
    assert!(texts[0].starts_with("10.0.0.0/8 via") && texts[3].starts_with("12.0.0.0/8 via"));
    assert!(
        texts[1].starts_with("dump: record 1, offset 0: ") && texts[1].contains("multicast"),
        "{}",
        texts[1]
    );
    assert!(texts[2].contains("11.0.0.0/8: 0.0.0.0 cannot be a gateway"), "{}", texts[2]);
}

#[test]
fn a_table_dump_v2_holds_both_families_and_only_unicast_is_taken() {
    let v6 = [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    let path = |next_hop: &[u8]| attributes(&[3333, 4_200_000_000], next_hop);
    let file = [
        peer_index(),
        rib(2, 0, &[], &[path(&[192, 0, 2, 1])]),
        rib(2, 17, &[10, 1, 0xff], &[path(&[192, 0, 2, 2]), path(&[192, 0, 2, 1])]),
        rib(3, 8, &[10], &[path(&[192, 0, 2, 3])]),
        rib(4, 32, &[0x20, 0x01, 0x0d, 0xb8], &[path(&v6)]),
    ];
    let expected = [
        "0.0.0.0/0 via 192.0.2.1 (as-path 3333 4200000000)",
        "10.1.128.0/17 via 192.0.2.2 (as-path 3333 4200000000)",
        "2001:db8::/32 via 2001:db8::1 (as-path 3333 4200000000)",
    ];
    assert_eq!(texts(read(&file.concat())), expected);
}

#[test]
fn bad_entries_of_a_dump_are_named_and_the_rest_is_read() {
    let good = |first| rib(2, 8, &[first], &[attributes(&[1], &[192, 0, 2, 1])]);
    let file = [
        good(10),
        rib(2, 8, &[11], &[]),
        rib(2, 8, &[12], &[attributes(&[1], &[])]),
        rib(2, 8, &[13], &[attributes(&[1], &[0, 0, 0, 0])]),
        rib(2, 8, &[224], &[attributes(&[1], &[192, 0, 2, 1])]),
        rib(2, 33, &[1, 2, 3, 4, 5], &[attributes(&[1], &[192, 0, 2, 1])]),
        record(9, TABLE_DUMP_V2, 2, &[0, 0]),
        record(9, TABLE_DUMP_V2, 99, &[0, 0]),
        record(9, BGP4MP, 4, &update(&[8, 10], &[], &[])),
        good(20),
    ];
    let offset: usize = file[..2].iter().map(Vec::len).sum();
    let texts = texts(read(&file.concat()));
    assert_eq!(texts.len(), 10, "{texts:#?}");
    assert!(texts[0].starts_with("10.0.0.0/8 via") && texts[9].starts_with("20.0.0.0/8 via"));
    for (number, text) in texts[1..9].iter().enumerate() {
        assert!(text.starts_with(&format!("dump: record {}, offset ", number + 2)), "{text}");
    }
    assert!(texts[1].contains("11.0.0.0/8: no path"), "{}", texts[1]);
    assert_eq!(texts[2], format!("dump: record 3, offset {offset}: 12.0.0.0/8: no next hop"));
    assert!(texts[3].contains("0.0.0.0 cannot be a gateway") && texts[4].contains("multicast"));
    assert!(texts[8].contains("an update within a table dump"));
}

#[test]
fn updates_are_due_at_their_own_times() {
    let path = attributes(&[3333, 1103], &[192, 0, 2, 1]);
    let body = |withdrawn: &[u8], announced: &[u8]| update(withdrawn, &path, announced);
    let micros = |micros: u32, body: Vec<u8>| [&micros.to_be_bytes(), &body[..]].concat();
    let file = [
        record(1_000, BGP4MP, 4, &body(&[], &[8, 10, 8, 11])),
        record(1_000, BGP4MP_ET, 4, &micros(250_000, body(&[8, 11], &[]))),
        record(1_002, BGP4MP, 4, &body(&[], &[16, 10, 1])),
        record(999, BGP4MP, 4, &body(&[8, 10], &[])),
    ];
    let items = read(&file.concat());
    let times: Vec<Duration> = items.iter().map(|item| item.as_ref().unwrap().at.unwrap()).collect();
    let millis = [0, 0, 0, 250, 2_000, 2_000].map(Duration::from_millis);
    assert_eq!(times, millis);
    let expected = [
        "10.0.0.0/8 via 192.0.2.1 (as-path 3333 1103)",
        "11.0.0.0/8 via 192.0.2.1 (as-path 3333 1103)",
        "11.0.0.0/8 deleted",
        "10.1.0.0/16 via 192.0.2.1 (as-path 3333 1103)",
        "10.0.0.0/8 deleted",
    ];
    assert_eq!(texts(items), expected);
}

#[test]
fn a_damaged_update_costs_only_itself() {
    let path = attributes(&[1], &[192, 0, 2, 1]);
    let good = record(1, BGP4MP, 4, &update(&[], &path, &[8, 10]));
    let file = [
        good.clone(),
        record(1, BGP4MP, 4, &[0; 7]),
        record(1, BGP4MP, 4, &update(&[], &attributes(&[1], &[]), &[8, 12])),
        record(1, BGP4MP, 4, &update(&[8, 239], &path, &[8, 13])),
        peer_index(),
        record(1, 65_000, 4, &[1, 2, 3]),
        good,
    ];
    let texts = texts(read(&file.concat()));
    assert_eq!(texts.len(), 8, "{texts:#?}");
    assert!(texts[1].starts_with("dump: record 2, "), "{}", texts[1]);
    assert!(texts[2].contains("12.0.0.0/8: no next hop"), "{}", texts[2]);
    assert!(texts[3].contains("multicast") && texts[4].starts_with("13.0.0.0/8 via"));
    assert!(texts[5].contains("not a BGP4MP record") && texts[6].starts_with("dump: record 6, "));
}

#[test]
fn a_file_that_is_cut_or_no_longer_mrt_ends_with_a_fatal_error() {
    let good = record(1, BGP4MP, 4, &update(&[8, 10], &[], &[]));
    for end in [1, 11, 12, 20, good.len() - 1] {
        let items = read(&[&good[..], &good[..end]].concat());
        assert_eq!(items.len(), 2);
        let error = items[1].as_ref().unwrap_err();
        assert!(error.fatal && error.place == format!("dump: record 2, offset {}", good.len()), "{error}");
    }
    let text = b"10.0.0.0/8 this is text and no record\n";
    let items = read(&[&good[..], &text[..]].concat());
    assert!(items[1].as_ref().unwrap_err().fatal);
}

#[test]
fn the_format_is_told_by_the_first_bytes() {
    assert_eq!(Format::of(&table_dump([10, 0, 0, 0], 8, 1, [192, 0, 2, 1])), Format::MrtRib);
    assert_eq!(Format::of(&peer_index()), Format::MrtRib);
    assert_eq!(Format::of(&record(1, BGP4MP, 4, &[])), Format::MrtUpdates);
    assert_eq!(Format::of(&record(1, BGP4MP_ET, 4, &[])), Format::MrtUpdates);
    assert_eq!(Format::of(b"\n {\"process\":\"fib\"}"), Format::Json);
    assert_eq!(Format::of(b"1.0.0.0/24\n"), Format::Text);
    assert_eq!(Format::of(b""), Format::Text);
}

#[test]
fn no_damage_makes_a_reader_panic_or_give_an_invalid_change() {
    let v6 = [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    let dump = [
        table_dump([10, 0, 0, 0], 8, 1, [192, 0, 2, 1]),
        peer_index(),
        rib(2, 17, &[10, 1, 0x80], &[attributes(&[3333], &[192, 0, 2, 1])]),
        rib(4, 32, &[0x20, 0x01, 0x0d, 0xb8], &[attributes(&[1], &v6)]),
    ];
    let path = attributes(&[1, 2], &[192, 0, 2, 1]);
    let updates = record(1, BGP4MP, 4, &update(&[8, 11], &path, &[8, 10, 16, 10, 1])).repeat(3);
    let mut random = Random::new(20_260_511);
    for file in [dump.concat(), updates] {
        for _ in 0..2_000 {
            let mut damaged = file.clone();
            for _ in 0..=random.below(4) {
                let at = usize::try_from(random.below(damaged.len() as u64)).unwrap();
                damaged[at] = random.bits() as u8;
            }
            let items = read(&damaged);
            assert!(
                items.len() <= 600 && items.iter().flatten().all(|item| Fib.validate(&item.change) == Ok(()))
            );
        }
    }
}
