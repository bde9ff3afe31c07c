//! Writes the first inputs of every target into `corpus/TARGET`: what the golden bytes of the wire say, and small samples of
//! everything else. Each is good: a seed that its parser refuses ends the program.

mod binary;
mod lines;
mod netlink;
mod wire;

use std::fs;
use std::path::Path;

/// One target's seeds.
type Seeds = (&'static str, Vec<Vec<u8>>);

fn main() -> std::io::Result<()> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let all: Vec<Seeds> = [wire::seeds(), lines::seeds(), binary::seeds(), netlink::seeds()].concat();
    for (target, seeds) in all {
        let folder = corpus.join(target);
        fs::create_dir_all(&folder)?;
        for (number, seed) in seeds.iter().enumerate() {
            fs::write(folder.join(format!("seed-{number:03}")), seed)?;
        }
    }
    Ok(())
}

// What is built for fuzzing calls into libFuzzer, so it is linked here too.
use libfuzzer_sys as _;
