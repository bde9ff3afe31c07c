//! Redis: a primary and a replica, pipelined SETs of the same keys and values, WAIT until the replica has them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use hitless_admin::ChangeRow;
use tempfile::TempDir;

use crate::process;
use crate::rows::pair;

/// SETs between two WAITs: as many ops as a primary of ours may have under way in one process.
const WINDOW: usize = 65_536;
/// Bytes that are written at once.
const CHUNK: usize = 256 * 1024;
const START: Duration = Duration::from_secs(10);

/// Whether there is a server; where there is none, it may be installed and we are root, Debian's package is.
pub(crate) fn available(install: bool) -> bool {
    let exists =
        || Command::new("redis-server").arg("--version").output().is_ok_and(|out| out.status.success());
    if exists() {
        return true;
    }
    if !install || !rustix::process::geteuid().is_root() {
        return false;
    }
    eprintln!("redis-server is missing: apt-get install redis-server");
    // It must not start a service of its own.
    let mut install = Command::new("apt-get");
    install.args(["install", "-y", "-q", "--no-install-recommends", "redis-server"]);
    install.env("DEBIAN_FRONTEND", "noninteractive").env("RUNLEVEL", "1").stdout(Stdio::null());
    install.status().is_ok_and(|status| status.success()) && exists()
}

/// A primary and, perhaps, a replica. They end when this is dropped.
pub(crate) struct Redis {
    primary: Server,
    replica: Option<Server>,
}

struct Server {
    child: Child,
    address: SocketAddr,
    _dir: TempDir,
}

impl Redis {
    pub(crate) fn start(with_replica: bool) -> Result<Self> {
        let primary = Server::start(&[])?;
        let replica = if with_replica {
            let (host, port) = (primary.address.ip().to_string(), primary.address.port().to_string());
            Some(Server::start(&["--replicaof", &host, &port])?)
        } else {
            None
        };
        let redis = Self { primary, replica };
        if let Some(replica) = &redis.replica {
            let begun = Instant::now();
            while !replica.ask("INFO replication")?.contains("master_link_status:up") {
                ensure!(begun.elapsed() < START, "the replica does not follow");
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        Ok(redis)
    }

    /// Sets all rows; returns the seconds until the replica, if there is one, has them all.
    pub(crate) fn set(&self, rows: &[ChangeRow]) -> Result<f64> {
        let stream = TcpStream::connect(self.primary.address)?;
        stream.set_nodelay(true)?;
        let mut writer = stream.try_clone()?;
        let replicas = usize::from(self.replica.is_some());
        let begun = Instant::now();
        std::thread::scope(|scope| {
            let write = scope.spawn(move || -> Result<()> {
                let mut buffer = Vec::with_capacity(2 * CHUNK);
                for window in rows.chunks(WINDOW) {
                    for row in window {
                        command(&mut buffer, row)?;
                        if buffer.len() >= CHUNK {
                            writer.write_all(&buffer)?;
                            buffer.clear();
                        }
                    }
                    write!(buffer, "WAIT {replicas} 0\r\n")?;
                    writer.write_all(&buffer)?;
                    buffer.clear();
                }
                Ok(())
            });
            let mut reader = BufReader::with_capacity(CHUNK, stream);
            let mut line = Vec::new();
            let answers = rows.len() + rows.len().div_ceil(WINDOW);
            for _ in 0..answers {
                line.clear();
                reader.read_until(b'\n', &mut line)?;
                let good = matches!(line.first(), Some(b'+' | b':'));
                ensure!(good, "redis answers {:?}", String::from_utf8_lossy(&line));
            }
            write.join().map_err(|_| anyhow::anyhow!("the writer has failed"))?
        })?;
        Ok(begun.elapsed().as_secs_f64())
    }

    /// Seconds on processors, of both.
    pub(crate) fn on_processor(&self) -> Result<f64> {
        let replica =
            self.replica.as_ref().map_or(Ok(0.0), |replica| process::on_processor(replica.child.id()))?;
        Ok(process::on_processor(self.primary.child.id())? + replica)
    }

    /// Resident memory of the primary.
    pub(crate) fn resident(&self) -> Result<u64> {
        process::resident(self.primary.child.id())
    }
}

fn command(buffer: &mut Vec<u8>, row: &ChangeRow) -> Result<()> {
    let (key, value) = pair(row);
    write!(buffer, "*3\r\n$3\r\nSET\r\n${}\r\n", key.len())?;
    buffer.extend_from_slice(key);
    write!(buffer, "\r\n${}\r\n", value.len())?;
    buffer.extend_from_slice(value);
    buffer.extend_from_slice(b"\r\n");
    Ok(())
}

impl Server {
    fn start(more: &[&str]) -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("hitless-bench-redis-").tempdir()?;
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let mut command = Command::new("redis-server");
        command.args(["--bind", &address.ip().to_string(), "--port", &address.port().to_string()]);
        // No disk: what we compare with keeps no tables on disk either.
        command.args(["--save", "", "--appendonly", "no", "--daemonize", "no"]);
        // The replica is fed over the socket, and at once.
        command.args(["--repl-diskless-sync-delay", "0", "--repl-backlog-size", "64mb"]);
        command.args(["--client-output-buffer-limit", "replica 0 0 0"]);
        command.args(more).current_dir(dir.path());
        let child = command.stdout(Stdio::null()).spawn().context("redis-server cannot be started")?;
        let server = Self { child, address, _dir: dir };
        let begun = Instant::now();
        while server.ask("PING").is_err() {
            ensure!(begun.elapsed() < START, "redis-server does not answer");
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    fn ask(&self, question: &str) -> Result<String> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(START))?;
        write!(stream, "{question}\r\n")?;
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line)?;
        match line.trim_end().strip_prefix('$').map(str::parse) {
            Some(Ok(length)) => {
                let mut text = vec![0; length];
                reader.read_exact(&mut text)?;
                Ok(String::from_utf8_lossy(&text).into_owned())
            }
            Some(Err(_)) => bail!("redis answers {line:?}"),
            None => Ok(line),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
