//! The page: what was measured, between two marks of a document whose rest is written by hand; plots and raw samples beside it.

use std::fmt::Write;
use std::path::Path;

use anyhow::{Context, Result};

use super::{plot, table};
use crate::sample::Measured;

const BEGIN: &str = "<!-- measured: begin -->";
const END: &str = "<!-- measured: end -->";
/// Of a page that is not there yet.
const EMPTY: &str = "# Performance\n\n<!-- measured: begin -->\n<!-- measured: end -->\n";

/// Writes the raw samples and the plots of one measurement into `folder`.
pub(crate) fn keep(folder: &Path, measured: &Measured) -> Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    write(&folder.join(format!("{}.json", measured.name)), &(serde_json::to_string(measured)? + "\n"))?;
    for plot in &measured.plots {
        write(&folder.join(plot_name(plot)), &plot::svg(plot))?;
    }
    Ok(())
}

/// Reads what was kept of these measurements, those that were never made left out.
pub(crate) fn kept(folder: &Path, names: &[String]) -> Result<Vec<Measured>> {
    let mut all = Vec::new();
    for name in names {
        let path = folder.join(format!("{name}.json"));
        if path.exists() {
            let text = std::fs::read_to_string(&path)?;
            all.push(serde_json::from_str(&text).with_context(|| format!("{} is damaged", path.display()))?);
        }
    }
    Ok(all)
}

/// Puts all of it into the page at `path`, which leads to `folder` by this link.
pub(crate) fn update(path: &Path, link: &str, all: &[Measured]) -> Result<()> {
    let text = if path.exists() { std::fs::read_to_string(path)? } else { EMPTY.to_owned() };
    write(path, &between(&text, &body(link, all))?)
}

fn between(text: &str, body: &str) -> Result<String> {
    let missing = "the page has no marks to write between";
    let (before, rest) = text.split_once(BEGIN).context(missing)?;
    let (_, after) = rest.split_once(END).context(missing)?;
    Ok(format!("{before}{BEGIN}\n{body}{END}{after}"))
}

fn body(link: &str, all: &[Measured]) -> String {
    let mut text = String::new();
    for measured in all {
        let machine = &measured.machine;
        // Writing to a string does not fail.
        let _ = write!(text, "\n## {}\n\n{}\n\n", measured.title, measured.method);
        let _ = write!(
            text,
            "Measured with {}; {} with {} processors and {} GB, Linux {}, load {} before; commit {}. \
             [Raw samples]({link}/{}.json).\n\n",
            measured.size,
            machine.processor,
            machine.processors,
            machine.memory_gb,
            machine.kernel,
            machine.load,
            machine.commit,
            measured.name
        );
        for plot in &measured.plots {
            let _ = write!(text, "![{}]({link}/{})\n\n", plot.title, plot_name(plot));
        }
        for table in [table::ratios(measured), table::figures(measured)] {
            if !table.is_empty() {
                text.push_str(&table);
                text.push('\n');
            }
        }
        for remark in &measured.remarks {
            let _ = write!(text, "{remark}\n\n");
        }
    }
    text
}

fn plot_name(plot: &crate::sample::Plot) -> String {
    format!("{}.svg", plot.name)
}

fn write(path: &Path, text: &str) -> Result<()> {
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_by_hand_stays() {
        let text =
            between("before\n<!-- measured: begin -->old<!-- measured: end -->\nafter\n", "new\n").unwrap();
        assert_eq!(text, "before\n<!-- measured: begin -->\nnew\n<!-- measured: end -->\nafter\n");
        assert_eq!(between(&text, "new\n").unwrap(), text);
        assert!(between("no marks", "new").is_err());
        assert!(between(EMPTY, "").is_ok());
    }
}
