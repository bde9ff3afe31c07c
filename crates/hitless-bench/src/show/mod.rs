//! What was measured, for people: a table for the terminal, a page with plots for the documents.

pub(crate) mod agree;
pub(crate) mod page;
pub(crate) mod plot;
pub(crate) mod table;
