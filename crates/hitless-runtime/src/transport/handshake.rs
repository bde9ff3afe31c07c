//! Who is there: both ends say `Hello`, and each refuses what does not belong to its chassis.

use hitless_proto::config::Chassis;
use hitless_proto::ids::{Life, Party, UnitId};
use hitless_proto::message::{Hello, Purpose};
use hitless_proto::wire::Wire;
use thiserror::Error;
use tokio::time::timeout;

use super::Stream;
use super::connection::{Connection, FrameSink, FrameSource, frames};
use super::link::LinkEnd;
use crate::limits::{GOODBYE_TIMEOUT, HANDSHAKE_TIMEOUT};

/// Why a connection came to nothing.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(super) enum HandshakeError {
    /// Nothing, or not enough, was said in time.
    #[error("no hello within {} s: not a hitless party, or one that is stopped", HANDSHAKE_TIMEOUT.as_secs())]
    TimedOut,
    /// The connection ended, or what came is not the protocol.
    #[error("{0}")]
    Ended(LinkEnd),
    /// The peer refused us.
    #[error("it refused this party: {0}")]
    RefusedByPeer(String),
    /// We refused the peer, and told it why.
    #[error("refused: {0}")]
    Refused(Refusal),
}

/// Why a peer is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(super) enum Refusal {
    /// It belongs to another chassis.
    #[error(
        "it belongs to chassis \"{theirs}\", this is chassis \"{ours}\": check the addresses in the configuration"
    )]
    Chassis {
        /// Its chassis.
        theirs: String,
        /// Ours.
        ours: String,
    },
    /// It says that it is us.
    #[error("it says that it is {0}, as this party is: two processes were started with the same identity")]
    OwnId(Party),
    /// The configuration does not name it.
    #[error("{0} is not in this chassis: every party must have the same configuration file")]
    Unknown(Party),
    /// Another party than the one that was dialled.
    #[error("{found} answered where {wanted} was dialled: check the addresses in the configuration")]
    NotTheOne {
        /// Who was dialled.
        wanted: Party,
        /// Who answered.
        found: Party,
    },
    /// These two are linked the other way round, or not at all.
    #[error("{0} must not dial this party: cards dial units, and a unit dials those with smaller ids")]
    Direction(Party),
    /// The connection is for something else than what was dialled.
    #[error("it takes the connection for {0:?}")]
    Purpose(Purpose),
    /// A protocol connection came, and none for heartbeats of the same life.
    #[error("no connection for heartbeats came with it")]
    NoLiveness,
    /// It restarted between two connections of one link.
    #[error("it restarted meanwhile")]
    Restarted,
}

/// Who we are, and who may talk to us.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    pub(super) chassis: Chassis,
    pub(super) own: Party,
    pub(super) life: Life,
}

/// Whether `own` is the end that dials `unit`.
pub(super) fn dials(own: Party, unit: UnitId) -> bool {
    match own {
        Party::Card(_) => true,
        Party::Unit(own) => own > unit,
    }
}

impl Identity {
    pub(super) fn hello(&self, purpose: Purpose) -> Hello {
        Hello { chassis: self.chassis.name.clone(), party: self.own, life: self.life, purpose }
    }

    fn belongs(&self, hello: &Hello) -> Result<(), Refusal> {
        if hello.chassis != self.chassis.name {
            return Err(Refusal::Chassis { theirs: hello.chassis.clone(), ours: self.chassis.name.clone() });
        }
        if hello.party == self.own {
            return Err(Refusal::OwnId(self.own));
        }
        let known = match hello.party {
            Party::Unit(unit) => self.chassis.units.contains(&unit),
            Party::Card(card) => self.chassis.cards.contains(&card),
        };
        if known { Ok(()) } else { Err(Refusal::Unknown(hello.party)) }
    }

    /// Judges who dialled us.
    pub(super) fn admits(&self, hello: &Hello) -> Result<(), Refusal> {
        self.belongs(hello)?;
        match self.own {
            Party::Unit(own) if dials(hello.party, own) => Ok(()),
            Party::Unit(_) | Party::Card(_) => Err(Refusal::Direction(hello.party)),
        }
    }

    /// Judges who answered where we dialled `wanted`.
    fn expects(&self, wanted: Party, purpose: Purpose, hello: &Hello) -> Result<(), Refusal> {
        self.belongs(hello)?;
        if hello.party != wanted {
            return Err(Refusal::NotTheOne { wanted, found: hello.party });
        }
        if hello.purpose != purpose {
            return Err(Refusal::Purpose(hello.purpose));
        }
        Ok(())
    }

    /// The dialling end: says hello, and waits to be let in.
    pub(super) async fn call(
        &self,
        stream: Stream,
        wanted: Party,
        purpose: Purpose,
    ) -> Result<Connection, HandshakeError> {
        let (mut source, mut sink) = frames(stream);
        let talk = async {
            sink.frame(&Wire::Hello(self.hello(purpose))).await.map_err(HandshakeError::Ended)?;
            hear(&mut source).await
        };
        let heard = timeout(HANDSHAKE_TIMEOUT, talk).await.unwrap_or(Err(HandshakeError::TimedOut));
        let hello = match heard {
            Ok(hello) => hello,
            Err(error) => return Err(turn_away(&mut source, &mut sink, error).await),
        };
        match self.expects(wanted, purpose, &hello) {
            Ok(()) => Ok(Connection { source, sink, hello }),
            Err(refusal) => Err(turn_away(&mut source, &mut sink, HandshakeError::Refused(refusal)).await),
        }
    }

    /// The called end, first half: hears who calls, and judges it. It is let in by [`Self::welcome`].
    pub(super) async fn answer(&self, stream: Stream) -> Result<Connection, HandshakeError> {
        let (mut source, mut sink) = frames(stream);
        let heard =
            timeout(HANDSHAKE_TIMEOUT, hear(&mut source)).await.unwrap_or(Err(HandshakeError::TimedOut));
        let judged = heard.and_then(|hello| match self.admits(&hello) {
            Ok(()) => Ok(hello),
            Err(refusal) => Err(HandshakeError::Refused(refusal)),
        });
        match judged {
            Ok(hello) => Ok(Connection { source, sink, hello }),
            Err(error) => Err(turn_away(&mut source, &mut sink, error).await),
        }
    }

    /// The called end, second half: lets the caller in.
    pub(super) async fn welcome(&self, connection: &mut Connection) -> Result<(), HandshakeError> {
        let hello = Wire::Hello(self.hello(connection.hello.purpose));
        match timeout(HANDSHAKE_TIMEOUT, connection.sink.frame(&hello)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(end)) => Err(HandshakeError::Ended(end)),
            Err(_elapsed) => Err(HandshakeError::TimedOut),
        }
    }
}

async fn hear(source: &mut FrameSource) -> Result<Hello, HandshakeError> {
    match source.next().await {
        Ok((Wire::Hello(hello), _)) => {
            source.greeted();
            Ok(hello)
        }
        Ok((Wire::Goodbye { reason }, _)) => Err(HandshakeError::RefusedByPeer(reason)),
        Ok((Wire::Heartbeat { .. } | Wire::Message(_), _)) => {
            Err(HandshakeError::Ended(LinkEnd::Garbage("something else before the hello".to_owned())))
        }
        Err(end) => Err(HandshakeError::Ended(end)),
    }
}

/// Tells the peer why it is refused, where it may listen, and gives it time to read that.
async fn turn_away(source: &mut FrameSource, sink: &mut FrameSink, error: HandshakeError) -> HandshakeError {
    match &error {
        HandshakeError::Refused(refusal) => {
            sink.goodbye(&refusal.to_string()).await;
            source.linger(GOODBYE_TIMEOUT).await;
        }
        HandshakeError::Ended(LinkEnd::Garbage(reason)) => {
            sink.goodbye(reason).await;
            source.linger(GOODBYE_TIMEOUT).await;
        }
        HandshakeError::TimedOut | HandshakeError::Ended(_) | HandshakeError::RefusedByPeer(_) => {}
    }
    error
}

/// Refuses a connection whose hello was admitted.
pub(super) async fn refuse(mut connection: Connection, refusal: Refusal) -> HandshakeError {
    turn_away(&mut connection.source, &mut connection.sink, HandshakeError::Refused(refusal)).await
}
