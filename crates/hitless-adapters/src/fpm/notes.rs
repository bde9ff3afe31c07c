//! The standby-only part of what this source puts: `fpm bgp`, `fpm static`. It tells these entries from those of others.

use hitless_proto::entry::{Blob, Content};

/// Name of the source, and note of its next hops.
pub const SOURCE: &str = "fpm";

/// Who wants a route, by `rtm_protocol`: FRR's numbers, and the kernel's.
const PROTOCOLS: [(u8, &str); 16] = [
    (2, "kernel"),
    (3, "boot"),
    (4, "kernel-static"),
    (16, "dhcp"),
    (42, "babel"),
    (186, "bgp"),
    (187, "isis"),
    (188, "ospf"),
    (189, "rip"),
    (190, "ripng"),
    (191, "nhrp"),
    (192, "eigrp"),
    (193, "ldp"),
    (194, "sharp"),
    (195, "pbr"),
    (196, "static"),
];

/// The note of a route.
pub(super) fn of_protocol(protocol: u8) -> Blob {
    let named = PROTOCOLS.iter().find(|(number, _)| *number == protocol);
    Blob::from(
        match named {
            Some((_, name)) => format!("{SOURCE} {name}"),
            None => format!("{SOURCE} {protocol}"),
        }
        .as_str(),
    )
}

/// Whether an entry is this source's, and if so, who wants it. Where the note is not known (the entry came back from a
/// card), it counts as ours: what zebra names again stays, what it does not is shown as stale.
pub(super) fn owner(content: &Content) -> Option<Option<u8>> {
    let Some(note) = &content.standby_part else { return Some(None) };
    let text = std::str::from_utf8(note).ok()?;
    let rest = text.strip_prefix(SOURCE)?;
    if rest.is_empty() {
        return Some(None);
    }
    let name = rest.strip_prefix(' ')?;
    let named = PROTOCOLS.iter().find(|(_, known)| *known == name).map(|(number, _)| *number);
    named.or_else(|| name.parse().ok()).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(note: Option<&str>) -> Content {
        Content { standby_part: note.map(Blob::from), ..Content::default() }
    }

    #[test]
    fn a_note_is_read_as_it_was_written() {
        for protocol in 0..=255 {
            let content = Content { standby_part: Some(of_protocol(protocol)), ..Content::default() };
            assert_eq!(owner(&content), Some(Some(protocol)));
        }
        assert_eq!(&*of_protocol(186), b"fpm bgp");
        assert_eq!(owner(&content(Some(SOURCE))), Some(None));
    }

    #[test]
    fn what_others_put_is_theirs_and_what_nobody_knows_is_ours() {
        for note in ["", "static", "text file", "fpmx", "fpm ", "fpm 256", "fpm bgp "] {
            assert_eq!(owner(&content(Some(note))), None, "{note:?}");
        }
        assert_eq!(owner(&content(None)), Some(None));
    }
}
