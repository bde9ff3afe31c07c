//! What a new primary does that knows nothing of what a card holds: it sends everything again (as FPM does), or reads
//! everything back and compares. Raw: keys and parts over TCP on loopback, nothing else.

use std::collections::HashMap;
use std::io::{BufReader, BufWriter, Read, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use hitless_adapters::memory::MemoryTable;
use hitless_admin::ChangeRow;
use hitless_proto::entry::Blob;
use hitless_proto::io::Write;
use hitless_proto::limits::BATCH_OPS;
use hitless_proto::process::fib::ID as FIB;
use hitless_runtime::ForwardingTable;

use crate::rows::{pair, write};

/// Bytes that are read and written at once.
const BUFFER: usize = 256 * 1024;

/// Milliseconds until a card that holds all of it has been sent all of it again, and has said so.
pub(crate) fn resend(next_hops: &[ChangeRow], routes: &[ChangeRow]) -> Result<f64> {
    let mut table = filled(next_hops, routes)?;
    let (mut here, there) = connection()?;
    let count = routes.len();
    let card = std::thread::spawn(move || -> Result<()> {
        let mut reader = BufReader::with_capacity(BUFFER, there);
        let mut left = count;
        while left > 0 {
            let batch = left.min(BATCH_OPS);
            let writes = (0..batch)
                .map(|_| Ok(Write { key: read_blob(&mut reader)?, part: Some(read_blob(&mut reader)?) }))
                .collect::<Result<Vec<_>>>()?;
            ensure!(table.apply(FIB, &writes).iter().all(Result::is_ok), "the table refuses");
            left -= batch;
        }
        reader.get_mut().write_all(b"!")?;
        Ok(())
    });
    let begun = Instant::now();
    let mut writer = BufWriter::with_capacity(BUFFER, here.try_clone()?);
    for (key, part) in routes.iter().map(pair) {
        write_blob(&mut writer, key)?;
        write_blob(&mut writer, part)?;
    }
    writer.flush()?;
    here.read_exact(&mut [0])?;
    let took = begun.elapsed().as_secs_f64() * 1e3;
    card.join().map_err(|_| anyhow::anyhow!("the card has failed"))??;
    Ok(took)
}

/// Milliseconds until all that a card holds has been read back and compared with what it should hold.
pub(crate) fn reconcile(next_hops: &[ChangeRow], routes: &[ChangeRow]) -> Result<f64> {
    let mut table = filled(next_hops, routes)?;
    let wanted: HashMap<&[u8], &[u8]> = next_hops.iter().chain(routes).map(pair).collect();
    let (here, there) = connection()?;
    let begun = Instant::now();
    let card = std::thread::spawn(move || -> Result<()> {
        let mut writer = BufWriter::with_capacity(BUFFER, there);
        for (key, part) in table.dump(FIB)? {
            write_blob(&mut writer, &key)?;
            write_blob(&mut writer, &part)?;
        }
        writer.flush()?;
        Ok(())
    });
    let mut reader = BufReader::with_capacity(BUFFER, here);
    let mut equal = 0;
    for _ in 0..wanted.len() {
        let (key, part) = (read_blob(&mut reader)?, read_blob(&mut reader)?);
        equal += usize::from(wanted.get(&*key) == Some(&&*part));
    }
    let took = begun.elapsed().as_secs_f64() * 1e3;
    ensure!(equal == wanted.len(), "{equal} of {} are equal", wanted.len());
    card.join().map_err(|_| anyhow::anyhow!("the card has failed"))??;
    Ok(took)
}

fn filled(next_hops: &[ChangeRow], routes: &[ChangeRow]) -> Result<MemoryTable> {
    let mut table = MemoryTable::default();
    let writes: Vec<Write> = next_hops.iter().chain(routes).map(write).collect();
    ensure!(table.apply(FIB, &writes).iter().all(Result::is_ok), "the table refuses");
    Ok(table)
}

fn connection() -> Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let here = TcpStream::connect(listener.local_addr()?)?;
    let (there, _) = listener.accept()?;
    Ok((here, there))
}

fn write_blob(writer: &mut impl std::io::Write, bytes: &[u8]) -> Result<()> {
    writer.write_all(&u16::try_from(bytes.len()).context("keys and parts are short")?.to_le_bytes())?;
    writer.write_all(bytes)?;
    Ok(())
}

fn read_blob(reader: &mut impl Read) -> Result<Blob> {
    let mut length = [0; 2];
    reader.read_exact(&mut length)?;
    // The longest key or part of a route has some 20 bytes.
    let mut bytes = [0; 64];
    let bytes =
        bytes.get_mut(..usize::from(u16::from_le_bytes(length))).context("keys and parts are short")?;
    reader.read_exact(bytes)?;
    Ok(Blob::new(bytes))
}

#[cfg(test)]
mod tests {
    use crate::rows::{Family, next_hops, prefixes, routes};

    #[test]
    fn both_come_to_an_end_and_find_all_equal() {
        let rows = routes(&prefixes(3_000, Family::Both), 0);
        assert!(super::resend(&next_hops(None), &rows).unwrap() > 0.0);
        assert!(super::reconcile(&next_hops(None), &rows).unwrap() > 0.0);
    }
}
