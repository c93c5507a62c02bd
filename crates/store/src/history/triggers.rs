//! What records about triggers change in the tables.

use colibri_model::{Record, TriggerState};
use rusqlite::{Transaction, params};

use super::column::Word;

/// Applies a record about a trigger; any other changes nothing.
pub(super) fn apply(tx: &Transaction<'_>, record: &Record) -> rusqlite::Result<()> {
    match record {
        Record::TriggerIntent {
            strategy,
            venue,
            account,
            pair,
            trigger,
            time,
        } => {
            tx.prepare_cached(
                "INSERT INTO triggers (run, strategy, venue, account, pair, client_id, instrument, kind, watches,
                     trigger_price, side, order_type, time_in_force, price, quantity, position_side, effect,
                     margin_mode, good_till_ns, state, created_ns, updated_ns)
                 VALUES ((SELECT max(run) FROM runs), ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14,
                     ?15, ?16, ?17, ?18, 'pending_place', ?19, ?19)
                 ON CONFLICT (venue, client_id) DO NOTHING",
            )?
            .execute(params![
                Word(strategy),
                Word(venue),
                Word(account),
                Word(pair),
                Word(&trigger.client_id),
                trigger.instrument.0,
                Word(&trigger.kind),
                Word(&trigger.by),
                Word(&trigger.trigger_price),
                Word(&trigger.side),
                Word(&trigger.order_type),
                Word(&trigger.time_in_force),
                Word(&trigger.price),
                Word(&trigger.quantity),
                Word(&trigger.terms.position_side),
                Word(&trigger.terms.effect),
                Word(&trigger.terms.margin_mode),
                trigger.terms.good_till.map(|time| time.0),
                time.0,
            ])?;
        }
        Record::TriggerCancelIntent { venue, client_id, time } => {
            tx.prepare_cached("UPDATE triggers SET cancel_requested_ns = ? WHERE venue = ? AND client_id = ?")?
                .execute(params![time.0, Word(venue), Word(client_id)])?;
        }
        Record::TriggerChanged {
            venue,
            client_id,
            exchange_id,
            state,
            order,
            order_client_id,
            reason,
            exchange_time,
            time,
        } => {
            tx.prepare_cached(
                "UPDATE triggers SET state = ?, reason = ?, exchange_id = coalesce(?, exchange_id),
                     became_exchange_id = coalesce(?, became_exchange_id),
                     became_client_id = coalesce(?, became_client_id),
                     exchange_ns = coalesce(?, exchange_ns), updated_ns = ?
                 WHERE venue = ? AND client_id = ?",
            )?
            .execute(params![
                Word(state),
                reason,
                Word(exchange_id),
                Word(order),
                Word(order_client_id),
                exchange_time.map(|time| time.0),
                time.0,
                Word(venue),
                Word(client_id),
            ])?;
            if *state == TriggerState::BecameOrder {
                // The order that it became has its id, in the journal and here.
                tx.prepare_cached(
                    "INSERT INTO orders (run, strategy, venue, account, pair, client_id, exchange_id, instrument, side,
                         order_type, time_in_force, price, quantity, quantity_unit, state, created_ns, updated_ns)
                     SELECT (SELECT max(run) FROM runs), strategy, venue, account, pair, client_id, became_exchange_id,
                         instrument, side, order_type, time_in_force, price, coalesce(quantity, '0'), 'base', 'unknown',
                         ?3, ?3
                     FROM triggers WHERE venue = ?1 AND client_id = ?2
                     ON CONFLICT (venue, client_id) DO UPDATE SET
                         exchange_id = coalesce(exchange_id, excluded.exchange_id)",
                )?
                .execute(params![Word(venue), Word(client_id), time.0])?;
            }
        }
        _ => {}
    }
    Ok(())
}
