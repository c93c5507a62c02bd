//! Questions about the account: balances, fee rates, orders, the listen key (account/rest-api; trade/rest-api).

use colibri_sdk::json::{MemberError, Object};
use colibri_sdk::model::{Amount, Asset, Balance, FeeRates, WallNs};
use colibri_sdk::standard::{BalanceScope, BalancesEvent, FeesEvent, ReportSource, UsedInstrument};
use colibri_sdk::{Asked, OrderRef, Request, Step, unreadable};

use super::forced::Forced;
use super::order_report::tell_order;
use super::trading::checked_id;
use crate::{exchange_ns, loose};

/// A wallet, of which only so much is free: never more than it holds.
pub(super) fn balance(asset: &str, wallet: Amount, free: Amount) -> Balance {
    let free = free.min(wallet);
    Balance {
        asset: Asset::new(asset),
        free,
        locked: wallet - free,
    }
}

/// `GET /fapi/v3/balance`: what could be withdrawn or moved is free, the rest of the wallet is not.
pub(super) fn balances() -> Asked {
    let request = Request::to("balance", "/fapi/v3/balance").signed();
    Ok(request.reads(|reply, out| {
        let mut balances = Vec::new();
        let mut newest = None;
        let mut read = |held: Object<'_>| {
            let wallet = Amount(held.decimal("balance")?);
            let free = match loose::some_decimal(&held, "maxWithdrawAmount")? {
                Some(free) => Amount(free),
                None => Amount(held.decimal("availableBalance")?),
            };
            balances.push(balance(&held.text("asset")?, wallet, free));
            newest = newest.max(loose::some_integer(&held, "updateTime")?.filter(|t| *t > 0));
            Ok::<(), MemberError>(())
        };
        for held in reply.elements()? {
            let held = Object::whole(held).map_err(|e| unreadable(&e))?;
            read(held).map_err(|e| unreadable(&e))?;
        }
        out.event(BalancesEvent {
            scope: BalanceScope::All,
            balances,
            source: ReportSource::Query,
            exchange_time: newest.map(|t| WallNs(exchange_ns(t))),
        });
        Ok(Step::Done)
    }))
}

/// `GET /fapi/v1/commissionRate`.
pub(super) fn fees(instrument: &UsedInstrument) -> Asked {
    let id = instrument.id;
    let request = Request::to("commission_rate", "/fapi/v1/commissionRate").query("symbol", &instrument.symbol);
    Ok(request.signed().reads(move |reply, out| {
        let rates = reply.object()?;
        let rate = |name| rates.decimal(name).map_err(|e| unreadable(&e));
        out.event(FeesEvent {
            instrument: id,
            rates: FeeRates {
                maker: rate("makerCommissionRate")?,
                taker: rate("takerCommissionRate")?,
            },
        });
        Ok(Step::Done)
    }))
}

/// `GET /fapi/v1/openOrders`: weight 1 for a symbol, 40 for all.
pub(super) fn open_orders(instrument: Option<&UsedInstrument>, forced: Forced) -> Asked {
    let request = match instrument {
        Some(instrument) => Request::to("open_orders", "/fapi/v1/openOrders").query("symbol", &instrument.symbol),
        None => Request::to("open_orders_of_all", "/fapi/v1/openOrders"),
    };
    Ok(request.signed().reads(move |reply, out| {
        for report in reply.elements()? {
            let report = Object::whole(report).map_err(|e| unreadable(&e))?;
            tell_order(&report, ReportSource::Query, &forced, out)?;
        }
        Ok(Step::Done)
    }))
}

/// `GET /fapi/v1/order`.
pub(super) fn order_status(order: &OrderRef<'_>, forced: Forced) -> Asked {
    let request = Request::to("order_status", "/fapi/v1/order").query("symbol", &order.instrument.symbol);
    let request = match (order.exchange_id, order.client_id) {
        (Some(id), _) => request.query("orderId", id),
        (None, Some(id)) => request.query("origClientOrderId", checked_id(id)?),
        (None, None) => request,
    };
    Ok(request.signed().reads(move |reply, out| {
        tell_order(&reply.object()?, ReportSource::Query, &forced, out)?;
        Ok(Step::Done)
    }))
}
