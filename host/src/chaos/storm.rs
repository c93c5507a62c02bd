//! The storm: which fault strikes next, and those that strike the host itself.

use colibri_engine::VenueIndex;
use colibri_model::{Millis, MonoNs};
use colibri_store::journal::DiskFault;

use super::fault::{Fault, Place};
use super::run::Run;
use super::station::PanicIn;

impl Run {
    pub(super) fn draw_fault(&mut self) {
        // A ban takes up to two minutes, and so does maintenance: between one and the next there is time to trade, or they alone would
        // show a bot that rests.
        let (between, insisting) = match self.mix.sole() {
            Some(Fault::Status418 | Fault::HandshakeSilent | Fault::Maintenance) => (90_000, 64),
            // A connector that panics again and again is made anew a minute later each time. A disk that fails within a batch
            // takes nothing more until the host was started again: the next order is what it fails at.
            Some(Fault::ConnectorPanic | Fault::DiskTorn) => (30_000, 16),
            _ => (9_000, 16),
        };
        let wait = Millis(500 + self.random.below(between));
        self.next_fault = self.now.plus(wait);
        // One fault alone, before the bot has recovered from the last, again and again, would keep it from trading at all.
        if self.mix.sole().is_some() && !self.can_trade() && self.random.below(insisting) > 0 {
            return;
        }
        let Some(fault) = self.mix.draw(&mut self.random) else {
            return;
        };
        self.trace.line(self.now, &format!("fault: {}", fault.name()));
        if fault.place() == Place::Host {
            return self.strike_host(fault);
        }
        // One in four comes in a row, so that the second attempt meets it too.
        let several = self.random.below(4) == 0 && fault.place() != Place::Handshake;
        let count = if several { 1 + self.random.below(3) } else { 1 };
        for _ in 0..count {
            self.transport.world.arm(fault);
        }
        match fault {
            // A handshake only comes where a stream has ended, and a question where an answer was lost.
            Fault::HandshakeRefused | Fault::HandshakeSilent => self.transport.world.arm(Fault::StreamCut),
            Fault::StaleRead => self.transport.world.arm(Fault::AnswerLost),
            // A snapshot is asked for where a stream has ended.
            Fault::SnapshotRepeated => self.transport.world.arm(Fault::StreamClosed),
            _ => {}
        }
    }

    fn strike_host(&mut self, fault: Fault) {
        let until = self.now.plus(Millis(1_000 + self.random.below(15_000)));
        let works = self.repair.is_none() && self.doomed.is_none();
        let disk = &self.blueprint.disk;
        match fault {
            Fault::Killed if self.process.is_some() => self.kill(),
            Fault::DiskFull if works => {
                let room = usize::try_from(self.random.below(4_000)).unwrap_or(0);
                disk.set_fault(Some(DiskFault::Full { room }));
                self.repair = Some(until);
            }
            Fault::DiskReadOnly if works => {
                disk.set_fault(Some(DiskFault::ReadOnly));
                self.repair = Some(until);
            }
            Fault::DiskTorn if works && self.process.is_some() => {
                // The batch that is cut is the last thing that this process writes.
                let room = usize::try_from(self.random.below(900)).unwrap_or(0);
                disk.set_fault(Some(DiskFault::Failing { room }));
                self.doomed = Some(until);
            }
            Fault::ConnectorPanic | Fault::LanePanic => {
                let actions = [0, 1, 2, u32::MAX][usize::try_from(self.random.below(4)).unwrap_or(0)];
                let call = [PanicIn::AnyCall, PanicIn::Orders, PanicIn::Answer]
                    [usize::try_from(self.random.below(3)).unwrap_or(0)];
                let Some(process) = &mut self.process else { return };
                let venue = match process.venues() {
                    1 => 0,
                    several => usize::try_from(self.random.below(several as u64)).unwrap_or(0),
                };
                match fault {
                    Fault::ConnectorPanic => process.rehearse_panic(VenueIndex(venue), call, actions),
                    _ => process.rehearse_lane_panic(VenueIndex(venue), actions),
                }
            }
            Fault::HistoryFailing => {
                let Some(history) = &mut self.history else { return };
                match self.random.below(2) {
                    0 => history.lose(),
                    _ => history.lock(until),
                }
            }
            Fault::ClockJump => {
                // Up to two minutes either way, most of them small.
                let reach = [200, 2_000, 120_000][usize::try_from(self.random.below(3)).unwrap_or(0)];
                let millis =
                    i64::try_from(self.random.below(2 * reach)).unwrap_or(0) - i64::try_from(reach).unwrap_or(0);
                self.skew = millis * 1_000_000;
            }
            _ => return,
        }
        self.transport.world.strike(fault);
    }

    /// The faults stop.
    pub(super) fn clear_up(&mut self) -> Result<(), String> {
        self.trace.line(self.now, "the faults stop");
        self.next_fault = MonoNs(u64::MAX);
        if self.doomed.is_some() {
            self.kill();
        }
        self.repair = None;
        if let Some(history) = &mut self.history {
            history.unlock();
        }
        self.blueprint.disk.set_fault(None);
        if let Some(process) = &mut self.process {
            process.cancel_panics();
        }
        self.transport.world.clear_up(self.now);
        if self.process.is_none() {
            self.start_process()?;
        }
        Ok(())
    }
}
