//! Drives the hitless protocol on tokio.
//!
//! The protocol itself (`hitless-proto`) has no I/O and no clock. This crate gives it both: [`transport`] carries messages
//! between parties, the drivers run one core each, and the traits say what the runtime asks of the outside world.

pub mod arbiter;
pub mod card;
mod clock;
mod entropy;
mod events;
pub mod keep;
pub mod limits;
mod observe;
mod party;
mod recorder;
pub mod source;
pub mod store;
mod switchboard;
pub mod table;
pub mod transport;
pub mod unit;
mod wording;
mod worker;

pub use arbiter::Arbiter;
pub use card::{CardHandle, CardSetup, RunningCard};
pub use events::{Events, NoEvent};
pub use keep::{Keep, TakeKept};
pub use party::{HandleError, StartError};
pub use recorder::{Recording, RecordingError, RecordingReader};
pub use source::{BadInput, Source, SourceItem};
pub use store::{Store, StoreError};
pub use table::{Finding, Findings, ForwardingTable, Wake};
pub use unit::{KeptStatus, RunningUnit, UnitHandle, UnitSetup};
pub use wording::Wording;
