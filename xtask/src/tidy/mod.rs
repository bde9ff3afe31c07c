//! Style as a test: the house rules that a program can check. One file per rule or family of rules.

pub(crate) mod crates;
mod dependencies;
mod leftovers;
mod limits;
pub(crate) mod links;
mod mask;
mod names;
pub(crate) mod purity;
pub(crate) mod rust;
mod text;
mod unordered;
mod wildcards;

use crate::step::Finding;
use crate::tree::{File, Tree};

/// Rules that look at one file at a time.
const RULES: &[fn(&File) -> Vec<Finding>] = &[
    limits::file_length,
    limits::function_length,
    names::banned,
    leftovers::unfinished,
    text::trailing_space,
    text::module_doc,
    text::machine_path,
    unordered::unordered_map,
];

/// Everything that all rules find in the tree.
pub(crate) fn tidy(tree: &Tree) -> Vec<Finding> {
    let each = tree.files.iter().flat_map(|file| RULES.iter().flat_map(move |rule| rule(file)));
    each.chain(wildcards::check(tree)).chain(dependencies::check(tree)).collect()
}
