//! The commands of the perp standard, each told to the function of [`Perp`](crate::Perp) that it is for.

use colibri_model::{ClientOrderId, ExchangeOrderId, InstrumentId};
use colibri_standard::{Command, PlaceTrigger, Refusal, RejectReason, UsedInstrument};

use super::SpotRuntime;
use crate::{Asked, OrderRef, unsupported};

fn bad(what: &str) -> Refusal {
    Refusal::new(RejectReason::BadRequest, what)
}

impl SpotRuntime {
    fn used(&self, id: InstrumentId) -> Result<&UsedInstrument, Refusal> {
        let used = self.instruments.get(id);
        used.ok_or_else(|| bad("the instrument is not in use"))
    }

    fn some_used(&self, id: Option<InstrumentId>) -> Result<Option<&UsedInstrument>, Refusal> {
        id.map(|id| self.used(id)).transpose()
    }

    /// A trigger by its ids.
    fn trigger<'a>(
        &'a self,
        id: InstrumentId,
        client_id: Option<&'a ClientOrderId>,
        exchange_id: Option<&'a ExchangeOrderId>,
    ) -> Result<OrderRef<'a>, Refusal> {
        if client_id.is_none() && exchange_id.is_none() {
            return Err(bad("the trigger has neither id"));
        }
        Ok(OrderRef {
            instrument: self.used(id)?,
            client_id: client_id.map(ClientOrderId::as_str),
            exchange_id: exchange_id.map(ExchangeOrderId::as_str),
        })
    }

    /// What a command of the perp standard asks of the connector.
    pub(super) fn ask_perp(&self, command: Command) -> Asked {
        let perp = self.connector.perp()?;
        match command {
            Command::Positions(q) => perp.positions(self.some_used(q.instrument)?),
            Command::Settings(q) => perp.settings(self.some_used(q.instrument)?),
            Command::SetLeverage(q) => perp.set_leverage(self.used(q.instrument)?, &q),
            Command::SetMarginMode(q) => perp.set_margin_mode(self.some_used(q.instrument)?, q.mode),
            Command::SetPositionMode(q) => perp.set_position_mode(self.some_used(q.instrument)?, q.mode),
            Command::SetCollateralMode(q) => perp.set_collateral_mode(q.mode),
            Command::Margin(_) => perp.margin(),
            Command::MarginTiers(q) => perp.margin_tiers(self.used(q.instrument)?),
            Command::FundingRate(q) => perp.funding_rate(self.used(q.instrument)?),
            Command::FundingPaymentsSince(q) => perp.funding_payments_since(self.some_used(q.instrument)?, q.since),
            Command::PlaceTrigger(q) => {
                if let Some(wrong) = q.trigger.malformed() {
                    return Err(bad(wrong));
                }
                let instrument = self.used(q.trigger.instrument)?;
                // Whatever the host listed: what a trigger says is needed.
                let trigger = PlaceTrigger::of(q.trigger);
                let known = perp.capabilities();
                match trigger.needs.iter().find(|need| !known.contains(need)) {
                    Some(lacking) => Err(unsupported(lacking.as_str())),
                    None => perp.place_trigger(instrument, &trigger.trigger),
                }
            }
            Command::CancelTrigger(q) => {
                perp.cancel_trigger(&self.trigger(q.instrument, q.client_id.as_ref(), q.exchange_id.as_ref())?)
            }
            Command::CancelAllTriggers(q) => perp.cancel_all_triggers(self.used(q.instrument)?),
            Command::OpenTriggers(q) => perp.open_triggers(self.some_used(q.instrument)?),
            Command::TriggerStatus(q) => {
                perp.trigger_status(&self.trigger(q.instrument, q.client_id.as_ref(), q.exchange_id.as_ref())?)
            }
            other => Err(unsupported(other.kind())),
        }
    }
}
