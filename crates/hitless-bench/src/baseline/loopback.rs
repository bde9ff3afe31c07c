//! A message to another thread and back over TCP on loopback, with nothing done to it: the least that an answer can take.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::Instant;

use anyhow::Result;

/// Microseconds of each of so many round trips of a message of so many bytes.
pub(crate) fn round_trips(count: usize, bytes: usize) -> Result<Vec<f64>> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let echo = std::thread::spawn(move || -> Result<()> {
        let (mut stream, _) = listener.accept()?;
        stream.set_nodelay(true)?;
        let mut buffer = vec![0; bytes];
        // Ends when the other end closes.
        while stream.read_exact(&mut buffer).is_ok() {
            stream.write_all(&buffer)?;
        }
        Ok(())
    });
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    let mut buffer = vec![0; bytes];
    let mut samples = Vec::with_capacity(count);
    for _ in 0..count {
        let begun = Instant::now();
        stream.write_all(&buffer)?;
        stream.read_exact(&mut buffer)?;
        samples.push(begun.elapsed().as_secs_f64() * 1e6);
    }
    drop(stream);
    echo.join().map_err(|_| anyhow::anyhow!("the echo has failed"))??;
    Ok(samples)
}

#[cfg(test)]
mod tests {
    #[test]
    fn each_round_trip_is_a_sample() {
        let samples = super::round_trips(10, 100).unwrap();
        assert!(samples.len() == 10 && samples.iter().all(|micros| *micros > 0.0));
    }
}
