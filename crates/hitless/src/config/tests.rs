//! What a configuration file may say, and what is said about one that is wrong.

use std::path::Path;

use hitless_adapters::fpm::FpmSettings;
use hitless_adapters::linux::LinuxSettings;
use hitless_proto::config::Timing;
use hitless_proto::ids::{CardId, Party, UnitId};

use super::{ArbiterSettings, DEFAULT, Settings, TableSettings};

fn parse(text: &str) -> Result<Settings, String> {
    Settings::parse(text, Path::new("/etc/chassis.toml")).map_err(|error| error.to_string())
}

fn default_with(from: &str, to: &str) -> String {
    assert!(DEFAULT.contains(from), "{from}");
    DEFAULT.replacen(from, to, 1)
}

const SHORT: &str = r#"
[[unit]]
id = 1
address = "127.0.0.1:4701"
admin = "127.0.0.1:4801"
state = "state/unit-1"
[[unit]]
id = 2
address = "127.0.0.1:4702"
admin = "127.0.0.1:4802"
state = "state/unit-2"
[[card]]
id = 1
admin = "127.0.0.1:4901"
state = "state/card-1"
[[card]]
id = 2
admin = "127.0.0.1:4902"
state = "state/card-2"
"#;

#[test]
fn the_default_file_says_what_is_meant_without_it() {
    assert_eq!(parse(DEFAULT).unwrap(), parse(SHORT).unwrap());
    assert_eq!(parse(DEFAULT).unwrap().timing, Timing::default());
}

#[test]
fn default_voters_are_the_units_and_a_card() {
    let voters = vec![Party::Unit(UnitId(1)), Party::Unit(UnitId(2)), Party::Card(CardId(1))];
    assert_eq!(parse(DEFAULT).unwrap().arbiter, ArbiterSettings::Voters(voters));
}

#[test]
fn paths_are_relative_to_the_file() {
    assert_eq!(parse(DEFAULT).unwrap().units[0].state, Path::new("/etc/state/unit-1"));
}

#[test]
fn an_unknown_key_is_named_with_its_line_and_what_was_meant() {
    let error = parse(&default_with("ack_path =", "ack_pathh =")).unwrap_err();
    assert!(error.starts_with("/etc/chassis.toml:12: unknown field `ack_pathh`"), "{error}");
    assert!(error.contains("did you mean `ack_path`?"), "{error}");
}

#[test]
fn an_unknown_key_unlike_any_other_lists_those_that_are_known() {
    let error = parse(&default_with("missed = 5", "zzzzzzzz = 5")).unwrap_err();
    assert!(error.contains("known here: interval_ms, missed"), "{error}");
}

#[test]
fn an_unknown_choice_is_named() {
    let error =
        parse(&default_with("\"parallel\"\n", "\"paralel\"\n").replace("= \"parallel\"", "= \"paralel\""))
            .unwrap_err();
    assert!(error.contains("did you mean `parallel`?"), "{error}");
}

#[test]
fn each_mistake_is_an_error_that_names_its_line() {
    let cases = [
        ("\"127.0.0.1:4701\"", "\"localhost\"", "not an address"),
        ("id = 1\n# (required) Where the", "id = 0\n# (required) Where the", "1 to 9"),
        ("id = 2\naddress", "id = 10\naddress", "1 to 9"),
        ("id = 2\nadmin", "id = 1025\nadmin", "1 to 1024"),
        ("name = \"hitless\"", "name = \"a\\u0007b\"", "no control characters"),
        ("id = 2\naddress", "id = 1\naddress", "already"),
        (
            "# voters = [\"unit-1\", \"unit-2\", \"card-1\"]",
            "voters = [\"unit-9\"]",
            "not a party of this chassis",
        ),
        ("[\"fib\", \"table\"]", "[\"fob\"]", "no process `fob`"),
        ("interval_ms = 100", "interval_ms = 0", "1 to 60000"),
        ("missed = 5", "missed = -5", "chassis.toml:"),
        ("# digest_key = \"00", "digest_key = \"", "30 characters"),
        ("name = \"hitless\"", "name = \"\"", "1 to 64 bytes"),
        ("name = \"hitless\"", "name = ", "chassis.toml:10"),
    ];
    for (from, to, said) in cases {
        let error = parse(&default_with(from, to)).unwrap_err();
        assert!(error.contains(said), "{to}: {error}");
        assert!(error.starts_with("/etc/chassis.toml:"), "{to}: {error}");
    }
}

const FPM: &str = "state = \"state/unit-1\"\nfpm = { listen = \"127.0.0.1:2620\" }";

#[test]
fn fpm_needs_an_address_and_has_defaults_for_the_rest() {
    let settings = parse(&default_with("state = \"state/unit-1\"", FPM)).unwrap();
    let fpm = settings.units[0].fpm.as_ref().unwrap();
    assert_eq!((fpm.listen.port(), &fpm.source), (2620, &FpmSettings::default()));
    assert_eq!(settings.units[1].fpm, None);
    let warnings = settings.warnings().join(" ");
    assert!(warnings.contains("not every unit has `fpm`"), "{warnings}");
}

#[test]
fn the_keys_of_fpm_in_the_default_file_are_what_they_say() {
    let commented = DEFAULT.split_once("# [unit.fpm]\n").unwrap().1.split_once("\n\n").unwrap().0;
    let keys = commented.lines().filter_map(|line| line.strip_prefix("# ")).filter(|line| {
        line.split_once(" = ")
            .is_some_and(|(key, _)| key.bytes().all(|byte| byte == b'_' || byte.is_ascii_lowercase()))
    });
    let keys: Vec<&str> = keys.collect();
    assert_eq!(keys.len(), 8, "{keys:?}");
    let table = format!("state = \"state/unit-1\"\n[unit.fpm]\n{}", keys.join("\n"));
    let settings = parse(&default_with("state = \"state/unit-1\"", &table)).unwrap();
    let source = &settings.units[0].fpm.as_ref().unwrap().source;
    let sentinel = "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128".parse().ok();
    assert_eq!(source, &FpmSettings { sentinel, ..FpmSettings::default() });
}

#[test]
fn mistakes_in_fpm_are_named_and_what_is_seldom_meant_is_warned_of() {
    let with = |fpm: &str| parse(&default_with("state = \"state/unit-1\"", &FPM.replace("2620\"", fpm)));
    for (fpm, said) in [
        ("x\"", "`127.0.0.1:x` is not an address"),
        ("2620\", sentinel = \"192.0.2.255\"", "sentinel `192.0.2.255` is not a prefix"),
        ("2620\", sentinel = \"next-hop 7\"", "is not a prefix"),
        ("2620\", sentinal = \"::/0\"", "did you mean `sentinel`?"),
    ] {
        let error = with(fpm).unwrap_err();
        assert!(error.contains(said) && error.starts_with("/etc/chassis.toml:"), "{error}");
    }
    let table =
        default_with("[\"fib\", \"table\"]", "[\"table\"]").replacen("state = \"state/unit-1\"", FPM, 1);
    assert!(parse(&table).unwrap_err().contains("fpm feeds `fib`"));
    let odd = with("2620\", sentinel = \"192.0.2.255/32\", sweep_after_s = 60").unwrap().warnings().join(" ");
    assert!(
        odd.contains("announces IPv6 routes after the sentinel") && odd.contains("sweeps 60 s after"),
        "{odd}"
    );
    let open =
        parse(&default_with("state = \"state/unit-1\"", &FPM.replace("127.0.0.1:2620", "0.0.0.0:2620")));
    assert!(open.unwrap().warnings().join(" ").contains("FPM has no password"));
}

#[test]
fn what_is_wrong_as_a_whole_is_an_error() {
    let cases = [
        (default_with("127.0.0.1:4702", "127.0.0.1:4701"), "used twice"),
        (default_with("state/unit-2", "state/unit-1"), "used twice"),
        (default_with("arbiter = \"voters\"", "arbiter = \"local\""), "needs arbiter_file"),
        (default_with("processes = [\"fib\", \"table\"]", "processes = []"), "no process is named"),
        (String::new(), "control units ([[unit]]), not 0"),
    ];
    for (text, said) in cases {
        let error = parse(&text).unwrap_err();
        assert!(error.contains(said), "{said}: {error}");
    }
}

#[test]
fn a_card_may_program_the_kernel() {
    let memory = parse(DEFAULT).unwrap();
    assert_eq!(memory.cards[0].table, TableSettings::Memory);
    let linux = parse(&default_with("table = \"memory\"", "table = \"linux\"")).unwrap();
    assert_eq!(linux.cards[0].table, TableSettings::Linux(LinuxSettings::default()));
    let shown =
        default_with("# linux = {", "linux = {").replacen("table = \"memory\"", "table = \"linux\"", 1);
    assert_eq!(parse(&shown).unwrap(), linux, "the default file shows the defaults");
    let own = shown.replacen("table = 254, protocol = 201", "table = 1000, protocol = 186", 1);
    let own = own.replacen("audit_s = 300", "audit_s = 0", 1);
    let own = parse(&own).unwrap();
    let settings = LinuxSettings { table: 1000, protocol: 186, audit: None, ..LinuxSettings::default() };
    assert_eq!(own.cards[0].table, TableSettings::Linux(settings));
    assert!(
        own.warnings().iter().any(|warning| warning.contains("which is that of FRR")),
        "{:?}",
        own.warnings()
    );
}

#[test]
fn what_is_wrong_about_the_kernels_table_is_named_with_its_line() {
    let shown = default_with("# linux = {", "linux = {");
    let linux = shown.replacen("table = \"memory\"", "table = \"linux\"", 1);
    for (text, from, to, said) in [
        (&shown, "table = 254", "table = 254", "this card has the table \"memory\""),
        (&linux, "table = 254", "table = 0", "1 to 4294967295"),
        (&linux, "table = 254", "table = 255", "the kernel's own"),
        (&linux, "protocol = 201", "protocol = 4", "5 to 255"),
        (&linux, "audit_s = 300", "audit_s = -1", "0 to 86400"),
        (&linux, "repair = true", "repare = true", "did you mean `repair`?"),
    ] {
        let (before, section) = text.rsplit_once("\nlinux = {").unwrap();
        let error = parse(&format!("{before}\nlinux = {{{}", section.replacen(from, to, 1))).unwrap_err();
        assert!(error.contains(said), "{to}: {error}");
        assert!(error.starts_with("/etc/chassis.toml:"), "{to}: {error}");
    }
}
