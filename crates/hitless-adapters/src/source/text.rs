//! A text file of routes and next hops, or of changes to them.
//!
//! ```text
//! # comment
//! 10.0.0.0/8                      a route; its next hop is synthetic
//! 10.0.0.0/8 7                    a route to next hop 7
//! 10.0.0.0/8 group 7              a route to group 7
//! 10.0.0.0/8 table 100 7 metric 20    in another table, and with a metric: both may be left out
//! next-hop 7 via 192.0.2.1 dev eth0
//! group 7 1*10,2*20               a weighted group
//! +10.0.0.0/8                     announced again: where the next hop is synthetic it is another one
//! -10.0.0.0/8                     withdrawn; also -10.0.0.0/8 table 100, -next-hop 7, -group 7
//! ```

use std::collections::VecDeque;
use std::io;

use hitless_proto::entry::{Blob, Change};
use hitless_proto::process::Process;
use hitless_proto::process::fib::{Fib, FibKey, NextHop, Route, TableId};
use hitless_runtime::source::{BadInput, Source, SourceItem};
use ipnet::IpNet;

use super::input::{Input, LineError, Lines};
use super::next_hops::{SYNTHETIC_NOTE, SyntheticNextHops};
use super::{bad, failed, fib_change, quoted};

/// Bytes of one line. The longest that can mean anything is a group of 256 members.
const MAX_LINE: usize = 8 * 1024;
/// The standby-only part of what the file itself names a next hop for.
const NOTE: &str = "text file";

/// Reads a text file.
pub struct TextFile {
    name: String,
    lines: Lines<Input>,
    synthetic: SyntheticNextHops,
    /// Whether the synthetic next hops of IPv4 and IPv6 were put.
    put: [bool; 2],
    due: VecDeque<Change>,
}

impl TextFile {
    /// Reads `input`; `name` names it in errors.
    #[must_use]
    pub fn new(name: String, input: Input) -> Self {
        let synthetic = SyntheticNextHops::default();
        Self { name, lines: Lines::new(input, MAX_LINE), synthetic, put: [false; 2], due: VecDeque::new() }
    }

    fn place(&self) -> String {
        format!("{}:{}", self.name, self.lines.number())
    }

    /// Puts the synthetic next hops of this prefix's family before its first use, then the route.
    fn route(&mut self, table: TableId, net: IpNet, turn: u64) -> Change {
        let part = Route::to(self.synthetic.pick(&net, turn)).encode();
        let change = FibKey::Route { table, net }.put(part, Blob::from(SYNTHETIC_NOTE));
        let put = &mut self.put[usize::from(matches!(net, IpNet::V6(_)))];
        if std::mem::replace(put, true) {
            return change;
        }
        self.due.extend(SyntheticNextHops::puts(&net));
        self.due.push_back(change.clone());
        self.due.pop_front().unwrap_or(change)
    }

    fn unreadable(&self, error: &io::Error) -> BadInput {
        failed(self.place(), error)
    }
}

impl Source for TextFile {
    fn next(&mut self) -> Option<Result<SourceItem, BadInput>> {
        if let Some(change) = self.due.pop_front() {
            return Some(Ok(fib_change(change)));
        }
        loop {
            let line = self.lines.next()?.map(parse);
            return Some(match line {
                Ok(Ok(Line::Nothing)) => continue,
                Ok(Ok(Line::Change(change))) => Ok(fib_change(change)),
                Ok(Ok(Line::Synthetic { table, net, again })) => {
                    let turn = if again { self.lines.number() } else { 0 };
                    Ok(fib_change(self.route(table, net, turn)))
                }
                Ok(Err(reason)) => Err(bad(self.place(), reason)),
                Err(LineError::TooLong) => {
                    Err(bad(self.place(), format!("the line is longer than {MAX_LINE} bytes")))
                }
                Err(LineError::NotUtf8) => Err(bad(self.place(), "not UTF-8 text")),
                Err(LineError::Io(error)) => Err(self.unreadable(&error)),
            });
        }
    }

    fn progress(&self) -> (u64, Option<u64>) {
        self.lines.reader().progress()
    }

    fn describe(&self) -> String {
        let synthetic = if self.put == [false; 2] { "" } else { " (next hops synthetic)" };
        format!("{}{synthetic}", self.name)
    }
}

/// What one line says.
enum Line {
    Nothing,
    Change(Change),
    /// A route without a next hop of its own; `again`: the line began with a plus sign.
    Synthetic {
        table: TableId,
        net: IpNet,
        again: bool,
    },
}

fn parse(line: &str) -> Result<Line, String> {
    let line = line.split_once('#').map_or(line, |(before, _)| before).trim();
    if line.is_empty() {
        return Ok(Line::Nothing);
    }
    let parsed = if let Some(withdrawn) = line.strip_prefix('-') {
        withdrawn
            .trim_start()
            .parse()
            .map(|key: FibKey| Line::Change(key.delete()))
            .map_err(|error| error.to_string())
    } else {
        let announced = line.strip_prefix('+');
        parse_put(announced.unwrap_or(line).trim_start(), announced.is_some())
    };
    let parsed = parsed.map_err(|reason| format!("{reason} (in {})", quoted(line)))?;
    if let Line::Change(change) = &parsed {
        Fib.validate(change).map_err(|reason| format!("{reason} (in {})", quoted(line)))?;
    }
    Ok(parsed)
}

fn parse_put(text: &str, again: bool) -> Result<Line, String> {
    let (first, rest) = split_word(text);
    if matches!(first, "next-hop" | "group") {
        let (id, spec) = split_word(rest);
        let key: FibKey = format!("{first} {id}").parse().map_err(display)?;
        let spec = if first == "group" { format!("group {spec}") } else { spec.into() };
        let next_hop: NextHop = spec.parse().map_err(display)?;
        return Ok(Line::Change(key.put(next_hop.encode(), Blob::from(NOTE))));
    }
    let (key, rest) = parse_prefix(first, rest)?;
    let FibKey::Route { table, net } = key else { return Err("expected a prefix".into()) };
    if rest.is_empty() {
        return Ok(Line::Synthetic { table, net, again });
    }
    let (target, metric) = rest
        .split_once(" metric ")
        .map_or((rest, Ok(0)), |(target, metric)| (target.trim_end(), parse_metric(metric.trim())));
    let named = if target.starts_with("group ") { target.to_owned() } else { format!("next-hop {target}") };
    let FibKey::NextHop(next_hop) = named.parse().map_err(display)? else {
        return Err(format!("{} is not a next hop", quoted(target)));
    };
    Ok(Line::Change(key.put(Route { next_hop, metric: metric? }.encode(), Blob::from(NOTE))))
}

fn parse_metric(text: &str) -> Result<u32, String> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten().ok_or_else(|| format!("{} is not a metric", quoted(text)))
}

/// The key of a route, and what follows it.
fn parse_prefix<'a>(prefix: &str, rest: &'a str) -> Result<(FibKey, &'a str), String> {
    let (word, after) = split_word(rest);
    if word != "table" {
        return Ok((prefix.parse().map_err(display)?, rest));
    }
    let (number, after) = split_word(after);
    Ok((format!("{prefix} table {number}").parse().map_err(display)?, after))
}

fn display(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn split_word(text: &str) -> (&str, &str) {
    text.split_once(char::is_whitespace).map_or((text, ""), |(first, rest)| (first, rest.trim_start()))
}

#[cfg(test)]
mod tests {
    use super::super::open;
    use super::*;
    use hitless_proto::process::fib::ID;

    fn read(content: &[u8]) -> Vec<Result<Change, String>> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("routes.txt");
        std::fs::write(&path, content).unwrap();
        let mut source = open(&path).unwrap();
        let items: Vec<_> = std::iter::from_fn(|| source.next())
            .map(|item| {
                item.map(|item| {
                    assert_eq!((item.process, item.at), (ID, None));
                    item.change
                })
                .map_err(|error| error.to_string())
            })
            .collect();
        let size = content.len() as u64;
        assert_eq!(source.progress(), (size, Some(size).filter(|&size| size > 0)));
        items
    }

    fn key(text: &str) -> FibKey {
        text.parse().unwrap()
    }

    fn target(change: &Change) -> u32 {
        Route::decode(&change.content.as_ref().unwrap().card_part).unwrap().next_hop
    }

    #[test]
    fn synthetic_next_hops_come_once_and_before_their_routes() {
        let items: Vec<Change> = read(b"# a table\n10.0.0.0/8\n\n10.1.0.0/16 # inner\n2001:db8::/32\r\n")
            .into_iter()
            .map(Result::unwrap)
            .collect();
        assert_eq!(items.len(), 64 + 2 + 64 + 1);
        assert_eq!(items[64].key, key("10.0.0.0/8").encode());
        assert!(
            items[..64]
                .iter()
                .any(|put| put.key == key(&format!("next-hop {}", target(&items[64]))).encode())
        );
        assert_eq!(items[130].key, key("2001:db8::/32").encode());
        assert!((65..=128).contains(&target(&items[130])));
        let note = items[64].content.as_ref().and_then(|content| content.standby_part.clone());
        assert_eq!(note, Some(Blob::from(SYNTHETIC_NOTE)));
    }

    #[test]
    fn a_file_with_its_own_next_hops_gets_no_others() {
        let items = read(b"next-hop 7 via 192.0.2.1 dev eth0\ngroup 1 7*3\n10.0.0.0/8 7\n::/0 group 1\n10.0.0.0/8 table 100 7 metric 20\n-10.0.0.0/8 table 100\n-10.0.0.0/8\n-next-hop 7\n");
        let put = |key: &str, spec: &str| {
            let part = spec.parse::<NextHop>().unwrap().encode();
            Ok(self::key(key).put(part, Blob::from(NOTE)))
        };
        let route =
            |key: &str, next_hop| Ok(self::key(key).put(Route::to(next_hop).encode(), Blob::from(NOTE)));
        let part = Route { next_hop: 7, metric: 20 }.encode();
        let expected = [
            put("next-hop 7", "via 192.0.2.1 dev eth0"),
            put("group 1", "group 7*3"),
            route("10.0.0.0/8", 7),
            route("::/0", (1 << 31) + 1),
            Ok(key("10.0.0.0/8 table 100").put(part, Blob::from(NOTE))),
            Ok(key("10.0.0.0/8 table 100").delete()),
            Ok(key("10.0.0.0/8").delete()),
            Ok(key("next-hop 7").delete()),
        ];
        assert_eq!(items, expected);
    }

    #[test]
    fn an_announcement_moves_a_prefix_and_a_withdrawal_deletes_it() {
        let lines: String = (0..50).map(|_| "+10.0.0.0/8\n").collect();
        let items: Vec<Change> =
            read(format!("{lines}-10.0.0.0/8\n").as_bytes()).into_iter().map(Result::unwrap).collect();
        let targets: std::collections::HashSet<u32> = items[64..114].iter().map(target).collect();
        assert!(targets.len() > 5, "{targets:?}");
        assert_eq!(items[114], key("10.0.0.0/8").delete());
    }

    #[test]
    fn bad_lines_are_named_by_file_and_line_and_the_rest_goes_on() {
        let long = "1".repeat(MAX_LINE + 1);
        let input = format!(
            "10.0.0.0/33\n10.0.0.1/8\n10.0.0.0\nrubbish\n224.0.0.0/4\n10.0.0.0/8 0\n10.0.0.0/8 x\n+\n-\n-10.0.0.0/40\n\
             next-hop 0 blackhole\nnext-hop 1\ngroup 1 1*0\nnext-hop 1 via 0.0.0.0\n10.0.0.0/8 7 8\nnext-hop 5 group 1\n10.0.0.0/8 table 0 7\n10.0.0.0/8 table\n10.0.0.0/8 7 metric x\n10.0.0.0/8 metric 7\n{long}\n9.0.0.0/8 1\n"
        );
        let items = read(input.as_bytes());
        assert_eq!(items.len(), 22);
        for (at, item) in items[..21].iter().enumerate() {
            let error = item.as_ref().unwrap_err();
            assert!(error.starts_with(&format!("routes.txt:{}: ", at + 1)), "{error}");
            assert!(error.len() < 400, "{error}");
        }
        assert!(items[0].as_ref().unwrap_err().contains("prefix length 33"));
        assert!(items[1].as_ref().unwrap_err().contains("host bits"));
        assert!(items[21].is_ok());
        let terminal = read(format!("\x1b[2J{}\n", "9".repeat(MAX_LINE - 10)).as_bytes());
        let error = terminal[0].as_ref().unwrap_err();
        assert!(error.len() < 450 && !error.contains('\x1b'), "{error}");
        let not_text = read(b"\xff\xfe\n9.0.0.0/8 1\n");
        assert!(not_text[0].as_ref().unwrap_err().contains("UTF-8") && not_text[1].is_ok());
        assert_eq!(read(b""), []);
    }

    #[test]
    fn a_cut_gzip_file_ends_with_a_fatal_error() {
        use std::io::Write;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("routes.txt.gz");
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
        packed.write_all(&b"9.0.0.0/8 1\n".repeat(100_000)).unwrap();
        let packed = packed.finish().unwrap();
        std::fs::write(&path, &packed[..packed.len() / 2]).unwrap();
        let mut source = open(&path).unwrap();
        let items: Vec<_> = std::iter::from_fn(|| source.next()).collect();
        let (last, good) = items.split_last().unwrap();
        assert!(last.as_ref().unwrap_err().fatal);
        assert!(good.len() > 40_000 && good.iter().all(Result::is_ok));
    }
}
