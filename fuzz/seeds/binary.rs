//! Everything else that is binary: MRT records, packed files, entries of `fib`, and actions upon a chassis.

use std::io::Write;

use hitless_proto::process::fib::{FibKey, NextHop, Route};

use super::Seeds;

pub(super) fn seeds() -> Vec<Seeds> {
    vec![("mrt", mrt()), ("packed", packed()), ("fib", fib()), ("chassis", chassis())]
}

/// `(time 9, kind, subtype, length) body`, behind the byte by which the target chooses its source.
fn record(source: u8, kind: u8, subtype: u8, body: &[u8]) -> Vec<u8> {
    let head = [source, 0, 0, 0, 9, 0, kind, 0, subtype, 0, 0, 0];
    [&head, &[u8::try_from(body.len()).expect("a small record")][..], body].concat()
}

fn sized(bytes: &[u8]) -> Vec<u8> {
    [&[0, bytes.len() as u8][..], bytes].concat()
}

fn mrt() -> Vec<Vec<u8>> {
    let origin = [0x40, 1, 1, 0];
    let next_hop = [0x40, 3, 4, 192, 0, 2, 1];
    let path = |octets: &[u8]| [&[0x40, 2, octets.len() as u8 + 2, 2, 2], octets].concat();
    let wide = [&origin[..], &path(&[0, 0, 0x0d, 5, 0, 0, 4, 0x4f]), &next_hop].concat();
    let narrow = [&origin[..], &path(&[0x0d, 5, 4, 0x4f]), &next_hop].concat();
    let v6 = [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    let reach = [&[0x80, 14, 26, 0, 2, 1, 16], &v6[..], &[0, 32, 0x20, 1, 0x0d, 0xb8]].concat();
    let unreach = [0x80, 15, 8, 0, 2, 1, 32, 0x20, 1, 0x0d, 0xb8];
    let dump = [&[0, 0, 0, 1, 10, 0, 0, 0, 8, 1, 0, 0, 0, 9, 198, 51, 100, 1, 0x0d, 5], &sized(&narrow)[..]]
        .concat();
    let peers = [192, 0, 2, 9, 0, 0, 0, 1, 2, 192, 0, 2, 9, 198, 51, 100, 1, 0, 0, 0x0d, 5];
    let entry = |prefix: &[u8]| [&[0, 0, 0, 1], prefix, &[0, 1, 0, 0, 0, 0, 0, 9], &sized(&wide)].concat();
    let update = |withdrawn: &[u8], attributes: &[u8], announced: &[u8]| {
        let body = [&sized(withdrawn), &sized(attributes), announced].concat();
        let peer = [0, 0, 0x0d, 5, 0, 0, 0x0d, 6, 0, 0, 0, 1, 198, 51, 100, 1, 198, 51, 100, 2];
        [&peer[..], &[0xff; 16], &[0, body.len() as u8 + 19, 2], &body].concat()
    };
    let both = update(&[8, 11], &wide, &[8, 10, 16, 10, 1]);
    vec![
        record(0, 12, 1, &dump),
        record(0, 13, 1, &peers),
        record(0, 13, 2, &entry(&[16, 10, 1])),
        record(0, 13, 4, &entry(&[32, 0x20, 1, 0x0d, 0xb8])),
        record(1, 16, 4, &both),
        record(1, 17, 4, &[&[0, 3, 0x82, 0x70], &both[..]].concat()),
        record(1, 16, 4, &update(&[], &[&origin[..], &reach, &unreach].concat(), &[])),
    ]
}

fn packed() -> Vec<Vec<u8>> {
    let text = b"10.0.0.0/8\n";
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(text).expect("memory can be written");
    // `printf '10.0.0.0/8\n'`, through `bzip2 -1` and through `xz`.
    let hex = |text: &str| -> Vec<u8> {
        let byte = |at| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal");
        (0..text.len()).step_by(2).map(byte).collect()
    };
    let bzip2 =
        "425a6831314159265359bfd60807000004d80000100001e040200030c0069a3ca248983e2ee48a70a1217fac100e";
    let xz = "fd377a585a000004e6d6b4460200210116000000742fe5a301000a31302e302e302e302f380a00\
              00fd60568f0a08700d0001230bc21bfd091fb6f37d010000000004595a";
    vec![gzip.finish().expect("memory can be written"), hex(bzip2), hex(xz), text.to_vec()]
}

/// One write each, as bytes and as text.
fn fib() -> Vec<Vec<u8>> {
    let seed = |flag: u8, key: &[u8], part: &[u8]| {
        [&[flag, key.len() as u8][..], key, &[part.len() as u8], part].concat()
    };
    let mut seeds = Vec::new();
    for text in ["via 192.0.2.1 dev eth0", "via 2001:db8::1", "dev eth1", "blackhole", "group 1*10,2*20"] {
        let next_hop: NextHop = text.parse().expect("a next hop");
        let key =
            if text.starts_with("group") { FibKey::group(1).expect("a group") } else { FibKey::NextHop(1) };
        seeds.push(seed(0, &key.encode(), &next_hop.encode()));
        seeds.push(seed(1, key.to_string().as_bytes(), text.as_bytes()));
    }
    for text in ["10.0.0.0/8", "2001:db8::/32", "0.0.0.0/0"] {
        let key: FibKey = text.parse().expect("a prefix");
        let put =
            [seed(0, &FibKey::NextHop(1).encode(), &[0]), seed(0, &key.encode(), &Route::to(1).encode())];
        seeds.push(put.concat());
        seeds.push(seed(1, text.as_bytes(), b"blackhole"));
    }
    seeds
}

/// Each golden body said by a unit to a card, the other way, and between units; and what each shape of chassis goes
/// through.
fn chassis() -> Vec<Vec<u8>> {
    let mut seeds = courses();
    for (number, body) in (0..).zip(super::wire::bodies()) {
        let parties = match body[0] {
            0x10..=0x1f => 0x20,
            0x20..=0x2f => 0x02,
            _ => 0x10,
        };
        // The shape is another one each time; epoch, process and session are those of what was said last.
        let said = [&[number % 32, 1, 20, 0, 100, parties, 3, body.len() as u8][..], &body].concat();
        seeds.push([&said[..], &[20, 0, 56, 0, 20, 0]].concat());
    }
    seeds
}

/// For each shape of chassis: it starts, fails over, is switched over, loses a card, and has links cut under load.
fn courses() -> Vec<Vec<u8>> {
    const SETTLE: [u8; 2] = [20, 0];
    const PUT: [u8; 5] = [32, 0, 1, 1, 1];
    let mut seeds = Vec::new();
    for shape in 0..32 {
        seeds.push([&[shape, 0, 21, 0][..], &SETTLE, &PUT, &SETTLE].concat());
        seeds.push([&[shape, 1][..], &PUT, &[68, 0, 21, 0], &SETTLE, &SETTLE].concat());
        seeds.push([&[shape, 1, 64, 0, 0][..], &SETTLE, &[64, 1, 0], &SETTLE].concat());
        seeds
            .push([&[shape, 1][..], &PUT, &[68, 2, 21, 0], &SETTLE, &PUT, &[67, 2, 21, 0], &SETTLE].concat());
        seeds.push([&[shape, 1, 28, 0x10, 28, 1][..], &PUT, &SETTLE, &[21, 0], &SETTLE].concat());
    }
    seeds
}
