//! Orders that the exchange makes by itself: told apart by their client ids, and told once each.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use colibri_sdk::Emit;
use colibri_sdk::model::FillCause;
use colibri_sdk::standard::{ForcedEvent, OrderEvent};

/// How many are remembered: an account is not liquidated so often that an older one is told of again.
const MOST: usize = 1_024;

/// user-data-streams/Event-Order-Update: "autoclose-": liquidation; "adl_autoclose": auto-deleveraging;
/// "settlement_autoclose-": delisting or delivery. Statuses of their own were seen, too.
pub(super) fn cause(client_id: &str, status: &str) -> FillCause {
    const PREFIXES: &[(&str, FillCause)] = &[
        ("autoclose-", FillCause::Liquidation),
        ("adl_autoclose", FillCause::Adl),
        ("settlement_autoclose-", FillCause::Settlement),
        ("delivery_autoclose-", FillCause::Settlement),
    ];
    let by_id = PREFIXES.iter().find(|(prefix, _)| client_id.starts_with(prefix));
    match (by_id, status) {
        (Some((_, cause)), _) => *cause,
        (None, "NEW_INSURANCE") => FillCause::Liquidation,
        (None, "NEW_ADL") => FillCause::Adl,
        _ => FillCause::Order,
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Told {
    symbol: String,
    order: String,
    cause: FillCause,
}

/// The orders that were told of, shared by the stream and by answers.
#[derive(Debug, Clone, Default)]
pub(super) struct Forced(Arc<Mutex<VecDeque<Told>>>);

impl Forced {
    fn told(&self) -> MutexGuard<'_, VecDeque<Told>> {
        // A list that a panic left is as good as before: nothing is half done in it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why an order was made, where it was told of.
    pub(super) fn cause_of(&self, symbol: &str, order: &str) -> FillCause {
        let told = self.told();
        let known = told.iter().find(|t| t.symbol == symbol && t.order == order);
        known.map_or(FillCause::Order, |t| t.cause)
    }

    /// Tells of an order that the exchange made, where this is its first report.
    pub(super) fn tell(&self, order: &OrderEvent, out: &mut Emit<'_>) {
        let Some(id) = order.exchange_id.as_ref().filter(|_| !order.cause.is_order()) else {
            return;
        };
        let mut told = self.told();
        if told.iter().any(|t| t.symbol == order.symbol && t.order == id.as_str()) {
            return;
        }
        if told.len() == MOST {
            told.pop_front();
        }
        told.push_back(Told {
            symbol: order.symbol.clone(),
            order: id.as_str().to_owned(),
            cause: order.cause,
        });
        out.event(ForcedEvent {
            instrument: order.instrument,
            symbol: order.symbol.clone(),
            position_side: order.terms.unwrap_or_default().position_side,
            cause: order.cause,
            side: order.side,
            quantity: order.quantity,
            price: order.price,
            exchange_id: order.exchange_id.clone(),
            source: order.source,
            exchange_time: order.exchange_time,
        });
    }

    /// A line for each; `None` where there is none.
    pub(super) fn to_text(&self) -> Option<String> {
        let told = self.told();
        let line = |t: &Told| format!("{} {} {}\n", t.symbol, t.order, t.cause.as_str());
        (!told.is_empty()).then(|| told.iter().map(line).collect())
    }

    /// From what [`Forced::to_text`] wrote.
    ///
    /// # Errors
    /// A line that is none of it.
    pub(super) fn restore(&self, text: &str) -> Result<(), String> {
        const CAUSES: &[FillCause] = &[FillCause::Liquidation, FillCause::Adl, FillCause::Settlement];
        let read = |line: &str| {
            let mut words = line.split(' ');
            let (symbol, order, cause) = (words.next()?, words.next()?, words.next()?);
            Some(Told {
                symbol: symbol.to_owned(),
                order: order.to_owned(),
                cause: *CAUSES.iter().find(|known| known.as_str() == cause)?,
            })
        };
        let lines = text
            .lines()
            .map(|line| read(line).ok_or_else(|| format!("{line:?} is no order that the exchange made")));
        *self.told() = lines.collect::<Result<_, _>>()?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn ids_say_why_an_order_was_made() {
        for (id, status, expected) in [
            ("autoclose-1596107620040000020", "NEW", FillCause::Liquidation),
            ("adl_autoclose", "NEW", FillCause::Adl),
            ("adl_autoclose-15", "FILLED", FillCause::Adl),
            ("settlement_autoclose-1", "NEW", FillCause::Settlement),
            ("delivery_autoclose-1", "NEW", FillCause::Settlement),
            ("web_1", "NEW_INSURANCE", FillCause::Liquidation),
            ("web_1", "NEW_ADL", FillCause::Adl),
            ("my_autoclose-1", "NEW", FillCause::Order),
            ("", "NEW", FillCause::Order),
        ] {
            assert_eq!(cause(id, status), expected, "{id} {status}");
        }
    }

    #[test]
    fn what_was_told_survives_a_restart() {
        let forced = Forced::default();
        assert_eq!(forced.to_text(), None);
        forced.restore("BTCUSDT 31 liquidation\nETHUSDT 7 adl\n").unwrap();
        assert_eq!(forced.cause_of("ETHUSDT", "7"), FillCause::Adl);
        assert_eq!(forced.cause_of("ETHUSDT", "8"), FillCause::Order);
        let again = Forced::default();
        again.restore(&forced.to_text().unwrap()).unwrap();
        assert_eq!(*again.told(), *forced.told());
        assert!(again.restore("BTCUSDT 31 dance").is_err() && again.restore("BTCUSDT").is_err());
    }
}
