//! When surveys are made, and what is done when one is over.

use std::io;

use super::LinuxTable;
use super::batch::Batch;
use super::mirror::{HeldRoute, RouteKey};
use super::netlink::codes::RTM_DELROUTE;
use super::route;
use super::survey::{Scope, Survey};

impl LinuxTable {
    /// Surveys at once, to the end. One that was under way is left off, and made anew later.
    ///
    /// # Errors
    /// The kernel does not say what it holds.
    pub(super) fn survey_now(&mut self, scope: Scope) -> io::Result<()> {
        self.survey_due |= self.survey.take().is_some() && scope == Scope::NextHops;
        let mut survey = Survey::begin(scope, self.settings.protocol, &mut self.known)?;
        // As many steps as there are datagrams, and each of those comes in time or not at all.
        while !survey.step(&mut self.known, usize::MAX).inspect_err(|_| self.known.end_round())? {}
        if scope == Scope::All {
            self.survey_due = false;
        }
        self.sweep(survey.into_spare());
        Ok(())
    }

    /// A piece of a survey, if one is due or under way.
    ///
    /// # Errors
    /// The kernel does not say what it holds; the next audit tries again.
    pub(super) fn survey_on(&mut self, datagrams: usize) -> io::Result<()> {
        if self.survey.is_none() && std::mem::take(&mut self.survey_due) {
            self.survey = Some(Survey::begin(Scope::All, self.settings.protocol, &mut self.known)?);
        }
        let Some(mut survey) = self.survey.take() else { return Ok(()) };
        if survey.step(&mut self.known, datagrams).inspect_err(|_| self.known.end_round())? {
            self.sweep(survey.into_spare());
        } else {
            self.survey = Some(survey);
        }
        Ok(())
    }

    /// Deletes routes of ours that are there beside those that are known: the same destination under another metric.
    fn sweep(&mut self, spare: Vec<(RouteKey, HeldRoute)>) {
        let mut batch = Batch::new();
        for chunk in spare.chunks(super::limits::BATCH_MESSAGES) {
            batch.begin(&mut self.socket);
            for (key, route) in chunk {
                let held = self.known.mirror().route(key);
                if held.is_some_and(|held| !held.same_as(route)) {
                    let (encoder, number) = batch.next();
                    route::encode_delete(
                        encoder,
                        (RTM_DELROUTE, 0),
                        number,
                        (key, route),
                        self.settings.protocol,
                    );
                }
            }
            // What is left of them is seen by the next survey.
            let _left = batch.exchange(&mut self.socket);
        }
    }
}
