//! What a record changes in the tables.

use colibri_model::{
    AccountId, Balance, Fee, Fill, FundingPayment, NO_STRATEGY, OrderIntent, Pair, Price, Quantity, Record, StrategyId,
    VenueId, WallNs,
};
use rusqlite::{OptionalExtension, Transaction, params};

use super::column::Word;
use super::triggers;

/// Applies a record. One that fits nothing (a change of an order without intent) changes nothing.
pub(super) fn apply(tx: &Transaction<'_>, record: &Record) -> rusqlite::Result<()> {
    match record {
        Record::Started { bot, version, time } => {
            tx.prepare_cached("INSERT INTO runs (bot, version, started_ns) VALUES (?, ?, ?)")?
                .execute(params![bot, version, time.0])?;
        }
        Record::Intent {
            strategy,
            venue,
            account,
            pair,
            order,
            time,
        } => {
            order_row(tx, (strategy.as_str(), venue, account, pair), order, *time)?;
        }
        Record::CancelIntent { venue, client_id, time } => {
            tx.prepare_cached("UPDATE orders SET cancel_requested_ns = ? WHERE venue = ? AND client_id = ?")?
                .execute(params![time.0, Word(venue), Word(client_id)])?;
        }
        Record::OrderChanged {
            venue,
            client_id,
            exchange_id,
            state,
            reason,
            exchange_time,
            time,
            filled,
        } => {
            tx.prepare_cached(
                "UPDATE orders SET state = ?, reason = ?, exchange_id = coalesce(?, exchange_id),
                     exchange_filled = coalesce(?, exchange_filled),
                     exchange_ns = coalesce(?, exchange_ns), updated_ns = ?
                 WHERE venue = ? AND client_id = ?",
            )?
            .execute(params![
                Word(state),
                reason,
                Word(exchange_id),
                Word(filled),
                exchange_time.map(|time| time.0),
                time.0,
                Word(venue),
                Word(client_id),
            ])?;
        }
        Record::Filled { strategy, fill } => filled(tx, strategy.as_ref(), fill)?,
        Record::Balances {
            venue,
            account,
            balances,
            time,
        } => {
            for balance in balances {
                stated(tx, (venue.as_str(), account.as_str()), balance, time.0)?;
            }
        }
        Record::Adopted {
            strategy,
            venue,
            account,
            pair,
            order,
            exchange_id,
            time,
        } => {
            let of = (
                strategy.as_ref().map_or(NO_STRATEGY, StrategyId::as_str),
                venue,
                account,
                pair,
            );
            order_row(tx, of, order, *time)?;
            tx.prepare_cached(
                "UPDATE orders SET state = 'unknown', exchange_id = ?, adopted = 1
                 WHERE venue = ? AND client_id = ? AND state = 'pending_create'",
            )?
            .execute(params![Word(exchange_id), Word(venue), Word(&order.client_id)])?;
        }
        Record::ExternalChange {
            venue,
            account,
            asset,
            change,
            exchange_time,
            time,
        } => {
            tx.prepare_cached(
                "INSERT INTO external_changes (run, venue, account, asset, change, exchange_ns, time_ns)
                 VALUES ((SELECT max(run) FROM runs), ?, ?, ?, ?, ?, ?)",
            )?
            .execute(params![
                Word(venue),
                Word(account),
                Word(asset),
                Word(change),
                exchange_time.map(|time| time.0),
                time.0
            ])?;
        }
        // What the engine alone goes by.
        Record::Migrated { .. } | Record::VenueUsed { .. } | Record::Reconciled { .. } => {}
        Record::TriggerIntent { .. } | Record::TriggerCancelIntent { .. } | Record::TriggerChanged { .. } => {
            triggers::apply(tx, record)?;
        }
        Record::FundingPaid { strategy, payment } => paid(tx, strategy.as_ref(), payment)?,
        Record::ContractKnown {
            venue,
            account,
            pair,
            contract,
            time,
        } => {
            tx.prepare_cached(
                "INSERT INTO contracts (venue, account, pair, kind, size, settle, time_ns) VALUES (?, ?, ?, ?, ?, ?, ?)
                 ON CONFLICT (venue, account, pair) DO UPDATE SET
                     kind = excluded.kind, size = excluded.size, settle = excluded.settle, time_ns = excluded.time_ns",
            )?
            .execute(params![
                Word(venue),
                Word(account),
                Word(pair),
                Word(&contract.kind),
                Word(&Quantity(contract.size)),
                Word(&contract.settle),
                time.0
            ])?;
        }
        Record::PositionsOpened {
            venue,
            account,
            pair,
            positions,
            time,
        } => {
            for opened in positions {
                tx.prepare_cached(
                    "INSERT INTO openings (venue, account, pair, position_side, quantity, price, time_ns)
                     VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                )?
                .execute(params![
                    Word(venue),
                    Word(account),
                    Word(pair),
                    Word(&opened.side),
                    Word(&opened.quantity),
                    Word(&opened.price),
                    time.0
                ])?;
            }
        }
        Record::PriceSeen {
            venue, pair, price, of, ..
        } => seen(tx, venue, pair, *price, *of)?,
        Record::SessionReference {
            venue,
            pair,
            price: Some(price),
            time,
            ..
        } => seen(tx, venue, pair, *price, *time)?,
        // Facts about contracts that no question asks for.
        Record::SettingChosen { .. } | Record::FundingReconciled { .. } | Record::ForcedReduction { .. } => {}
        Record::AmendIntent { .. }
        | Record::Renamed { .. }
        | Record::SessionReference { .. }
        | Record::KillSwitchThrown { .. }
        | Record::KillSwitchReleased { .. } => {}
        Record::Stopped { bot, reason, time } => {
            tx.prepare_cached(
                "UPDATE runs SET stopped_ns = ?, stop_reason = ?
                 WHERE run = (SELECT max(run) FROM runs WHERE bot = ?)",
            )?
            .execute(params![time.0, reason, bot])?;
        }
    }
    Ok(())
}

/// Whose an order is: strategy, venue, account, pair.
type Owner<'a> = (&'a str, &'a VenueId, &'a AccountId, &'a Pair);

/// An order, where it is not known yet.
fn order_row(tx: &Transaction<'_>, of: Owner<'_>, order: &OrderIntent, time: WallNs) -> rusqlite::Result<()> {
    let (strategy, venue, account, pair) = of;
    tx.prepare_cached(
        "INSERT INTO orders (run, strategy, venue, account, pair, client_id, instrument, side, order_type,
             time_in_force, price, quantity, quantity_unit, state, created_ns, updated_ns)
         VALUES ((SELECT max(run) FROM runs), ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12,
             'pending_create', ?13, ?13)
         ON CONFLICT (venue, client_id) DO NOTHING",
    )?
    .execute(params![
        strategy,
        Word(venue),
        Word(account),
        Word(pair),
        Word(&order.client_id),
        order.instrument.0,
        Word(&order.side),
        Word(&order.order_type),
        Word(&order.time_in_force),
        Word(&order.price),
        Word(&order.quantity),
        Word(&order.quantity_unit),
        time.0,
    ])?;
    Ok(())
}

fn filled(tx: &Transaction<'_>, strategy: Option<&StrategyId>, fill: &Fill) -> rusqlite::Result<()> {
    let (fee_asset, fee_amount) = match &fill.fee {
        Some(Fee { asset, amount }) => (Some(asset), Some(amount)),
        None => (None, None),
    };
    // A fill is the run's that decided its order, and else the run's that learned of it. A record that stands again for the
    // same trade adds what the first report did not say; what was said stays.
    tx.prepare_cached(
        "INSERT INTO fills (run, strategy, account, venue, pair, trade_id, client_id, exchange_id, side, price,
             quantity, fee_asset, fee_amount, liquidity, exchange_ns, local_ns, position_side, cause)
         VALUES (
             coalesce((SELECT run FROM orders WHERE venue = ?3 AND client_id = ?6), (SELECT max(run) FROM runs)),
             coalesce(?1, (SELECT strategy FROM orders WHERE venue = ?3 AND client_id = ?6)),
             ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)
         ON CONFLICT (account, venue, pair, trade_id, side) DO UPDATE SET
             run = CASE WHEN client_id IS NULL THEN excluded.run ELSE run END,
             strategy = coalesce(strategy, excluded.strategy),
             client_id = coalesce(client_id, excluded.client_id),
             exchange_id = coalesce(exchange_id, excluded.exchange_id),
             fee_asset = coalesce(fee_asset, excluded.fee_asset),
             fee_amount = coalesce(fee_amount, excluded.fee_amount),
             liquidity = coalesce(liquidity, excluded.liquidity),
             cause = CASE WHEN cause = 'order' THEN excluded.cause ELSE cause END",
    )?
    .execute(params![
        Word(&strategy),
        Word(&fill.key.account),
        Word(&fill.key.venue),
        Word(&fill.key.pair),
        Word(&fill.key.trade_id),
        Word(&fill.client_id),
        Word(&fill.exchange_id),
        Word(&fill.side),
        Word(&fill.price),
        Word(&fill.quantity),
        Word(&fee_asset),
        Word(&fee_amount),
        Word(&fill.liquidity),
        fill.exchange_time.0,
        fill.local_time.0,
        Word(&fill.position_side),
        Word(&fill.cause),
    ])?;
    Ok(())
}

/// A funding payment counts once; whose it is may be learned later.
fn paid(tx: &Transaction<'_>, strategy: Option<&StrategyId>, payment: &FundingPayment) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "INSERT INTO funding (run, strategy, account, venue, pair, id, asset, amount, position_side, rate, quantity,
             exchange_ns, local_ns)
         VALUES ((SELECT max(run) FROM runs), ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (account, venue, pair, exchange_ns, id) DO UPDATE SET
             strategy = coalesce(strategy, excluded.strategy)",
    )?
    .execute(params![
        Word(&strategy),
        Word(&payment.key.account),
        Word(&payment.key.venue),
        Word(&payment.key.pair),
        Word(&payment.key.id),
        Word(&payment.asset),
        Word(&payment.amount),
        Word(&payment.position_side),
        Word(&payment.rate.map(Quantity)),
        Word(&payment.quantity),
        payment.key.time.0,
        payment.local_time.0,
    ])?;
    Ok(())
}

/// A price that the journal has.
fn seen(tx: &Transaction<'_>, venue: &VenueId, pair: &Pair, price: Price, of: WallNs) -> rusqlite::Result<()> {
    tx.prepare_cached("INSERT INTO prices (venue, pair, price, time_ns) VALUES (?, ?, ?, ?)")?
        .execute(params![Word(venue), Word(pair), Word(&price), of.0])?;
    Ok(())
}

/// Keeps a balance where it differs from the last: exchanges repeat themselves.
fn stated(tx: &Transaction<'_>, of: (&str, &str), balance: &Balance, time_ns: i64) -> rusqlite::Result<()> {
    let (venue, account) = of;
    let same = tx
        .prepare_cached(
            "SELECT free = ?4 AND locked = ?5 FROM balances
             WHERE venue = ?1 AND account = ?2 AND asset = ?3 ORDER BY sequence DESC LIMIT 1",
        )?
        .query_row(
            params![
                venue,
                account,
                Word(&balance.asset),
                Word(&balance.free),
                Word(&balance.locked)
            ],
            |row| row.get::<_, bool>(0),
        )
        .optional()?;
    if same != Some(true) {
        tx.prepare_cached(
            "INSERT INTO balances (venue, account, asset, free, locked, time_ns) VALUES (?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            venue,
            account,
            Word(&balance.asset),
            Word(&balance.free),
            Word(&balance.locked),
            time_ns
        ])?;
    }
    Ok(())
}
