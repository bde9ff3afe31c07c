//! No map without an order where the same input must give the same output, byte for byte.

use super::rust::words;
use crate::step::Finding;
use crate::tree::File;

/// The protocol is replayed from recorded inputs, the simulator from a seed.
const ORDERED: &[&str] = &["crates/hitless-proto/src/", "crates/hitless-sim/src/"];
/// Their iteration order differs from run to run, or from build to build.
const UNORDERED: &[&str] = &["HashMap", "HashSet", "hash_map", "hash_set", "hashbrown", "RandomState"];

pub(super) fn unordered_map(file: &File) -> Vec<Finding> {
    let Some(rust) =
        file.rust.as_ref().filter(|_| ORDERED.iter().any(|folder| file.path.starts_with(folder)))
    else {
        return Vec::new();
    };
    rust.product_code()
        .flat_map(|(line, code)| words(code).map(move |word| (line, word.text)))
        .filter(|(_, word)| UNORDERED.contains(word))
        .map(|(line, word)| {
            Finding::at(
                &file.path,
                line,
                format!("`{word}` has no order of its own: use a BTreeMap or a Vec"),
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BAD: &str = "use std::collections::HashMap;\n";

    #[test]
    fn an_unordered_map_in_the_core_or_the_simulator_fails() {
        for folder in ORDERED {
            assert_eq!(unordered_map(&File::new(&format!("{folder}a.rs"), BAD)).len(), 1);
        }
    }

    #[test]
    fn ordered_maps_tests_and_other_crates_pass() {
        let good = "use alloc::collections::BTreeMap; // not HashMap\n";
        assert_eq!(unordered_map(&File::new("crates/hitless-proto/src/a.rs", good)), []);
        let test = format!("#[cfg(test)]\nmod tests {{ {BAD} }}\n");
        assert_eq!(unordered_map(&File::new("crates/hitless-proto/src/a.rs", &test)), []);
        assert_eq!(unordered_map(&File::new("crates/hitless-runtime/src/a.rs", BAD)), []);
    }
}
