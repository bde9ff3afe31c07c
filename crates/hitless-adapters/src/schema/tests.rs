//! The forms in which people write keys and changes, good and bad.

use hitless_proto::entry::Audience;
use hitless_proto::ids::CardId;
use hitless_proto::process::fib::{FibKey, NextHop, Route};
use hitless_proto::process::{fib as fib_process, table as table_process};
use serde_json::json;

use super::*;

fn change(line: &str) -> Change {
    parse_line(line).unwrap_or_else(|reason| panic!("{line}: {reason}")).1
}

fn refusal(line: &str) -> String {
    parse_line(line).expect_err(line)
}

#[test]
fn the_documented_lines_are_what_they_say() {
    let key = |text: &str| text.parse::<FibKey>().unwrap();
    let next_hop = |text: &str| text.parse::<NextHop>().unwrap().encode();
    let none = || Blob::default();
    assert_eq!(
        change(r#"{"process":"fib","next_hop":7,"via":"192.0.2.1","dev":"eth0"}"#),
        key("next-hop 7").put(next_hop("via 192.0.2.1 dev eth0"), none())
    );
    assert_eq!(
        change(r#"{"process":"fib","group":1,"members":[{"next_hop":8,"weight":10},7]}"#),
        key("group 1").put(next_hop("group 7,8*10"), none())
    );
    assert_eq!(
        change(r#"{"process":"fib","next_hop":8,"blackhole":true}"#),
        key("next-hop 8").put(next_hop("blackhole"), none())
    );
    assert_eq!(
        change(r#"{"process":"fib","prefix":"10.0.0.0/8","next_hop":7,"note":"static"}"#),
        key("10.0.0.0/8").put(Route::to(7).encode(), Blob::from("static"))
    );
    let drop = |kind: &str| change(&format!(r#"{{"process":"fib","next_hop":8,"{kind}":true}}"#));
    assert_eq!(drop("unreachable"), key("next-hop 8").put(next_hop("unreachable"), none()));
    assert_eq!(drop("prohibit"), key("next-hop 8").put(next_hop("prohibit"), none()));
    assert_eq!(
        change(r#"{"process":"fib","prefix":"10.0.0.0/8","table":100,"metric":20,"next_hop":7}"#),
        key("10.0.0.0/8 table 100").put(Route { next_hop: 7, metric: 20 }.encode(), none())
    );
    assert_eq!(
        change(r#"{"process":"fib","prefix":"10.0.0.0/8","table":254,"metric":0,"next_hop":7}"#),
        key("10.0.0.0/8").put(Route::to(7).encode(), none())
    );
    let in_table = key("10.0.0.0/8 table 100").delete();
    assert_eq!(change(r#"{"process":"fib","delete":"10.0.0.0/8","table":100}"#), in_table);
    assert_eq!(change(r#"{"process":"fib","delete":"10.0.0.0/8 table 100"}"#), in_table);
    assert_eq!(change(r#"{"process":"fib","delete":"10.0.0.0/8"}"#), key("10.0.0.0/8").delete());
    assert_eq!(change(r#"{"process":"fib","delete_next_hop":7}"#), key("next-hop 7").delete());
    assert_eq!(change(r#"{"process":"fib","delete_group":7}"#), key("group 7").delete());
    assert_eq!(change(r#"{"process":"table","delete":"k1"}"#), table_process::delete(b"k1"));
    assert_eq!(change(r#"{"process":"table","delete_hex":"00ff"}"#), table_process::delete(&[0, 255]));
    let (process, put) =
        parse_line(r#"{"process":"table","key":"k1","value":"v1","cards":[2,1,2]}"#).unwrap();
    assert_eq!((process, &*put.key), (table_process::ID, &b"k1"[..]));
    assert_eq!(put.content.unwrap().audience, Audience::cards([CardId(1), CardId(2)]));
    assert_eq!(parse_line(r#"{"process":"fib","delete":"::/0"}"#).unwrap().0, fib_process::ID);
}

#[test]
fn bad_lines_are_refused_by_name() {
    for (line, expected) in [
        ("", "not JSON"),
        ("7", "not JSON"),
        (r#"{"process":"fib""#, "not JSON"),
        (r#"{"key":"k"}"#, "no \"process\""),
        (r#"{"process":"bgp"}"#, "no process \"bgp\""),
        (r#"{"process":7}"#, "no process 7"),
        (r#"{"process":"fib"}"#, "expected \"next_hop\""),
        (r#"{"process":"fib","prefix":"10.0.0.0/8"}"#, "expected \"next_hop\""),
        (r#"{"process":"fib","prefix":"10.0.0.0/33","next_hop":7}"#, "prefix length 33"),
        (r#"{"process":"fib","prefix":"10.0.0.1/8","next_hop":7}"#, "host bits"),
        (r#"{"process":"fib","prefix":"224.0.0.0/8","next_hop":7}"#, "multicast"),
        (r#"{"process":"fib","prefix":"next-hop 8","next_hop":7}"#, "must be a prefix"),
        (r#"{"process":"fib","prefix":"10.0.0.0/8","next_hop":0}"#, "next hop 0"),
        (r#"{"process":"fib","prefix":"10.0.0.0/8","next_hop":7,"group":7}"#, "give one of them"),
        (r#"{"process":"fib","prefix":"10.0.0.0/8","next_hop":-7}"#, "whole number"),
        (r#"{"process":"fib","prefix":"10.0.0.0/8","next_hop":1.5}"#, "whole number"),
        (r#"{"process":"fib","prefix":"10.0.0.0/8","next_hop":4294967296}"#, "whole number"),
        (r#"{"process":"fib","prefix":"10.0.0.0/8","next_hop":7,"next_hop":8}"#, "stands twice"),
        (
            r#"{"process":"fib","prefix":"10.0.0.0/8","next_hop":7,"nexthop":8}"#,
            "\"nexthop\" does not belong",
        ),
        (r#"{"process":"fib","next_hop":7}"#, "needs \"via\""),
        (r#"{"process":"fib","next_hop":7,"via":"fe80::1"}"#, "link-local"),
        (r#"{"process":"fib","next_hop":7,"via":"0.0.0.0"}"#, "cannot be a gateway"),
        (r#"{"process":"fib","next_hop":7,"via":"x"}"#, "not an address"),
        (r#"{"process":"fib","next_hop":7,"dev":"a/b"}"#, "not a device name"),
        (r#"{"process":"fib","next_hop":7,"blackhole":false}"#, "must be true"),
        (r#"{"process":"fib","group":7}"#, "needs \"members\""),
        (r#"{"process":"fib","group":7,"members":[]}"#, "group of 0 members"),
        (r#"{"process":"fib","group":7,"members":[{"next_hop":1,"weight":0}]}"#, "weight 0"),
        (r#"{"process":"fib","group":7,"members":[{"next_hop":1,"weight":65536}]}"#, "1 to 65535"),
        (r#"{"process":"fib","group":7,"members":[{"next_hop":1,"note":"x"}]}"#, "does not belong"),
        (r#"{"process":"fib","group":7,"members":[2147483655]}"#, "cannot be a member"),
        (r#"{"process":"fib","delete":"10.0.0.0/8","next_hop":7}"#, "does not belong"),
        (r#"{"process":"fib","delete":"10.0.0.0/8","cards":[1]}"#, "does not belong to a delete"),
        (r#"{"process":"fib","prefix":"10.0.0.0/8","next_hop":7,"table":0}"#, "table 0"),
        (r#"{"process":"fib","prefix":"10.0.0.0/8","next_hop":7,"metric":-1}"#, "\"metric\" must be"),
        (r#"{"process":"fib","delete":"10.0.0.0/8 table 7","table":8}"#, "does not belong"),
        (r#"{"process":"fib","delete":"next-hop 7","table":8}"#, "does not belong"),
        (r#"{"process":"fib","next_hop":7,"table":8,"dev":"eth0"}"#, "does not belong"),
        (r#"{"process":"fib","next_hop":7,"prohibit":false}"#, "must be true"),
        (r#"{"process":"fib","next_hop":7,"prohibit":true,"unreachable":true}"#, "give one of them"),
        (r#"{"process":"fib","next_hop":7,"prohibit":true,"dev":"eth0"}"#, "must stand without"),
        (r#"{"process":"table","key":"k"}"#, "needs a \"value\""),
        (r#"{"process":"table","key":"","value":""}"#, "empty key"),
        (r#"{"process":"table","key":"k","key_hex":"00","value":""}"#, "give one of them"),
        (r#"{"process":"table","key_hex":"0","value":""}"#, "odd number"),
        (r#"{"process":"table","key_hex":"0g","value":""}"#, "not hexadecimal"),
        (r#"{"process":"table","key":"k","value":7}"#, "must be a text"),
        (r#"{"process":"table","key":"k","value":"v","cards":[]}"#, "\"cards\""),
        (r#"{"process":"table","key":"k","value":"v","cards":[0]}"#, "not in 1..=1024"),
        (r#"{"process":"table","key":"k","value":"v","cards":[1025]}"#, "not in 1..=1024"),
    ] {
        let reason = refusal(line);
        assert!(reason.contains(expected), "{line}: {reason}");
    }
    let deep = format!("{{\"process\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(refusal(&deep).contains("not JSON"));
    let key = "k".repeat(1025);
    assert!(
        refusal(&format!("{{\"process\":\"table\",\"delete\":\"{key}\"}}"))
            .contains("over the limit of 1024")
    );
    let value = "v".repeat(64 * 1024 + 1);
    assert!(
        refusal(&format!("{{\"process\":\"table\",\"key\":\"k\",\"value\":\"{value}\"}}"))
            .contains("over the limit")
    );
}

#[test]
fn what_is_rendered_would_put_the_same_entry() {
    for line in [
        r#"{"process":"fib","next_hop":7,"via":"192.0.2.1","dev":"eth0"}"#,
        r#"{"process":"fib","next_hop":7,"via":"2001:db8::1"}"#,
        r#"{"process":"fib","next_hop":7,"dev":"eth0"}"#,
        r#"{"process":"fib","next_hop":7,"blackhole":true}"#,
        r#"{"process":"fib","next_hop":7,"unreachable":true}"#,
        r#"{"process":"fib","next_hop":7,"prohibit":true}"#,
        r#"{"process":"fib","prefix":"10.0.0.0/8","table":100,"metric":20,"next_hop":7}"#,
        r#"{"process":"fib","prefix":"::/0","metric":4294967295,"group":7}"#,
        r#"{"process":"fib","group":1,"members":[{"next_hop":7,"weight":10},{"next_hop":8,"weight":1}]}"#,
        r#"{"process":"fib","prefix":"10.0.0.0/8","next_hop":7,"note":"static"}"#,
        r#"{"process":"fib","prefix":"::/0","group":7,"cards":[1,2]}"#,
        r#"{"process":"table","key":"k1","value":"v1","note_hex":"ff"}"#,
        r#"{"process":"table","key_hex":"00ff","value_hex":"ff"}"#,
    ] {
        let (process, change) = parse_line(line).unwrap();
        let schema = of(process).unwrap();
        let rendered = schema.render(&change.key, change.content.as_ref().unwrap());
        assert_eq!(parse_object(&rendered), Ok((process, change.clone())), "{rendered}");
        assert_eq!(schema.parse_key(&schema.render_key(&change.key)), Ok(change.key));
    }
}

#[test]
fn an_unknown_standby_part_and_damaged_bytes_are_shown_as_such() {
    let mut content = change(r#"{"process":"table","key":"k","value":"v"}"#).content.unwrap();
    content.standby_part = None;
    let expected = json!({"process": "table", "key": "k", "value": "v", "note_unknown": true});
    assert_eq!(TableSchema.render(b"k", &content), expected);
    assert_eq!(FibSchema.render_key(&[9, 9]), "0x0909");
    let damaged = FibSchema.render(&[1, 8, 10], &content);
    assert_eq!(damaged["damaged"], json!("v"));
    assert_eq!(TableSchema.render_key(b"0x00"), "0x30783030");
    assert_eq!(TableSchema.parse_key("0x30783030"), Ok(Blob::from("0x00")));
}
