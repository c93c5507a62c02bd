//! What an account has, needs, pays and was paid. Source: Binance, USD-M futures, "Account" endpoints.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::exchange::{Exchange, income_kind};
use super::render::{plain, stepped};
use super::trading::page;
use crate::identity::{AccountId, MarketId};
use crate::margin::{AssetsMode, MarginKind, Position, PositionMode, PositionSide};
use crate::wire::error::ApiError;
use crate::wire::params::Params;
use crate::wire::text::amount;

impl Exchange {
    pub(super) fn account_information(&self, account: AccountId) -> Value {
        let figures = self.engine.figures(account);
        let updated = self.engine.account(account).updated.millis();
        let initial = figures.position_initial + figures.order_initial;
        json!({
            "totalInitialMargin": amount(initial),
            "totalMaintMargin": amount(figures.maintenance),
            "totalWalletBalance": amount(figures.wallet),
            "totalUnrealizedProfit": amount(figures.unrealized),
            "totalMarginBalance": amount(figures.margin_balance()),
            "totalPositionInitialMargin": amount(figures.position_initial),
            "totalOpenOrderInitialMargin": amount(figures.order_initial),
            "totalCrossWalletBalance": amount(figures.cross_wallet),
            "totalCrossUnPnl": amount(figures.cross_unrealized),
            "availableBalance": amount(figures.available),
            "maxWithdrawAmount": amount(figures.withdrawable()),
            "assets": [{
                "asset": self.margin_asset(),
                "walletBalance": amount(figures.wallet),
                "unrealizedProfit": amount(figures.unrealized),
                "marginBalance": amount(figures.margin_balance()),
                "maintMargin": amount(figures.maintenance),
                "initialMargin": amount(initial),
                "positionInitialMargin": amount(figures.position_initial),
                "openOrderInitialMargin": amount(figures.order_initial),
                "crossWalletBalance": amount(figures.cross_wallet),
                "crossUnPnl": amount(figures.cross_unrealized),
                "availableBalance": amount(figures.available),
                "maxWithdrawAmount": amount(figures.withdrawable()),
                "updateTime": updated,
            }],
            "positions": self.shown_positions(account, None).into_iter().map(|(market, side)| {
                let position = self.engine.account(account).margin.position(market, side);
                let demand = self.engine.demand(account, market, side);
                json!({
                    "symbol": self.symbol(market).as_str(),
                    "positionSide": side.as_str(),
                    "positionAmt": stepped(position.amount, self.config(market).lot.step),
                    "unrealizedProfit": amount(demand.unrealized),
                    "isolatedMargin": amount(self.isolated_margin(account, market, &position)),
                    "notional": plain(position.notional(self.engine.market(market).mark())),
                    "isolatedWallet": plain(position.isolated_wallet),
                    "initialMargin": plain(demand.initial()),
                    "maintMargin": plain(demand.maintenance),
                    "updateTime": position.updated.millis(),
                })
            }).collect::<Vec<_>>(),
        })
    }

    /// Positions that are shown: those that hold something, and those that an open order could open.
    fn shown_positions(&self, account: AccountId, one: Option<MarketId>) -> Vec<(MarketId, PositionSide)> {
        let margin = &self.engine.account(account).margin;
        let markets = (0..self.markets.len())
            .map(MarketId)
            .filter(|id| one.is_none_or(|one| one == *id));
        let all = markets.flat_map(|market| margin.sides().iter().map(move |side| (market, *side)));
        all.filter(|(market, side)| {
            let mut open = self.engine.market(*market).open_orders(account);
            !margin.position(*market, *side).is_flat() || open.any(|order| order.terms.position == *side)
        })
        .collect()
    }

    fn isolated_margin(&self, account: AccountId, market: MarketId, position: &Position) -> Decimal {
        let settings = self.engine.account(account).margin.settings(market);
        match settings.margin {
            MarginKind::Cross => Decimal::ZERO,
            MarginKind::Isolated => position.isolated_wallet + position.unrealized(self.engine.market(market).mark()),
        }
    }

    pub(super) fn balances(&self, account: AccountId) -> Value {
        let figures = self.engine.figures(account);
        json!([{
            "accountAlias": "colibri",
            "asset": self.margin_asset(),
            "balance": amount(figures.wallet),
            "crossWalletBalance": amount(figures.cross_wallet),
            "crossUnPnl": amount(figures.cross_unrealized),
            "availableBalance": amount(figures.available),
            "maxWithdrawAmount": amount(figures.withdrawable()),
            "marginAvailable": true,
            "updateTime": self.engine.account(account).updated.millis(),
        }])
    }

    pub(super) fn position_risk(&self, account: AccountId, params: &Params) -> Result<Value, ApiError> {
        let one = self.maybe_listed(params)?;
        let shown = self.shown_positions(account, one);
        Ok(shown
            .into_iter()
            .map(|(market, side)| self.position_row(account, market, side))
            .collect())
    }

    fn position_row(&self, account: AccountId, market: MarketId, side: PositionSide) -> Value {
        let config = self.config(market);
        let mark = self.engine.market(market).mark();
        let position = self.engine.account(account).margin.position(market, side);
        let demand = self.engine.demand(account, market, side);
        let pledged = self.engine.pledged(account, market, side);
        json!({
            "symbol": config.symbol.as_str(),
            "positionSide": side.as_str(),
            "positionAmt": stepped(position.amount, config.lot.step),
            "entryPrice": plain(position.entry_price()),
            "breakEvenPrice": plain(position.break_even_price()),
            "markPrice": amount(mark),
            "unRealizedProfit": amount(demand.unrealized),
            "liquidationPrice": plain(self.liquidation_price(account, market, side)),
            "isolatedMargin": amount(self.isolated_margin(account, market, &position)),
            "notional": plain(position.notional(mark)),
            "marginAsset": config.quote.as_str(),
            "isolatedWallet": plain(position.isolated_wallet),
            "initialMargin": plain(demand.initial()),
            "maintMargin": plain(demand.maintenance),
            "positionInitialMargin": plain(demand.position_initial),
            "openOrderInitialMargin": plain(demand.order_initial),
            "adl": self.adl_rank(account, market, side),
            "bidNotional": plain(pledged.bids),
            "askNotional": plain(pledged.asks),
            "updateTime": position.updated.millis(),
        })
    }

    /// The mark price at which what answers for a position equals its maintenance margin, all other marks as they are; zero
    /// where no price does. Its bracket is the present one, as in the exchange's own formula.
    fn liquidation_price(&self, account: AccountId, market: MarketId, side: PositionSide) -> Decimal {
        let margin = &self.engine.account(account).margin;
        let position = margin.position(market, side);
        if position.is_flat() {
            return Decimal::ZERO;
        }
        let mark = self.engine.market(market).mark();
        let demand = self.engine.demand(account, market, side);
        let (balance, others) = match margin.settings(market).margin {
            MarginKind::Isolated => (position.isolated_wallet + demand.unrealized, Decimal::ZERO),
            MarginKind::Cross => {
                let figures = self.engine.figures(account);
                (figures.cross_balance(), figures.cross_maintenance - demand.maintenance)
            }
        };
        let rate = self.maintenance_rate(market, position.notional(mark).abs());
        // balance + amount·(p − mark) = others + maintenance + rate·|amount|·(p − mark)
        let slope = position.amount - rate * position.amount.abs();
        if slope.is_zero() {
            return Decimal::ZERO;
        }
        let price = mark - (balance - others - demand.maintenance) / slope;
        let price = price.round_dp(8);
        // A long that no fall can end, and a short whose end lies where contracts cannot trade.
        if price > Decimal::ZERO && price < mark * Decimal::ONE_HUNDRED {
            price
        } else {
            Decimal::ZERO
        }
    }

    fn maintenance_rate(&self, market: MarketId, notional: Decimal) -> Decimal {
        let tiers = &self.config(market).tiers;
        let tier = tiers.iter().find(|tier| notional <= tier.cap).or(tiers.last());
        tier.map_or(Decimal::ZERO, |tier| tier.maintenance_rate)
    }

    /// How soon a position is deleveraged, from 0 to 4: by what it has gained for what it cost.
    fn adl_rank(&self, account: AccountId, market: MarketId, side: PositionSide) -> u32 {
        let margin = &self.engine.account(account).margin;
        let position = margin.position(market, side);
        if position.is_flat() {
            return 0;
        }
        let leverage = Decimal::from(margin.settings(market).leverage);
        let gained = position.unrealized(self.engine.market(market).mark()) / position.cost().abs() * leverage;
        let steps = [Decimal::ZERO, Decimal::new(25, 2), Decimal::new(50, 2), Decimal::ONE];
        steps.iter().filter(|step| gained > **step).count() as u32
    }

    pub(super) fn adl_quantiles(&self, account: AccountId, params: &Params) -> Result<Value, ApiError> {
        let one = self.maybe_listed(params)?;
        let mut rows: Vec<Value> = Vec::new();
        for market in (0..self.markets.len())
            .map(MarketId)
            .filter(|id| one.is_none_or(|one| one == *id))
        {
            let sides = self.engine.account(account).margin.sides();
            let held = self.shown_positions(account, Some(market));
            if held.is_empty() {
                continue;
            }
            let mut quantiles = serde_json::Map::new();
            for side in sides {
                quantiles.insert(side.as_str().to_owned(), json!(self.adl_rank(account, market, *side)));
            }
            rows.push(json!({ "symbol": self.symbol(market).as_str(), "adlQuantile": quantiles }));
        }
        Ok(Value::Array(rows))
    }

    pub(super) fn income(&self, account: AccountId, params: &Params) -> Result<Value, ApiError> {
        let one = self.maybe_listed(params)?;
        // A type that exists and of which there are no entries here is no error.
        let kind = params.get("incomeType").map(income_kind);
        let limit = params.limit(100, 1_000)?;
        let window = self.window(params)?;
        let rows = self
            .engine
            .account(account)
            .margin
            .income()
            .iter()
            .filter(|entry| one.is_none() || entry.market == one)
            .filter(|entry| kind.is_none_or(|kind| kind == Some(entry.kind)) && window.holds(entry.time))
            .map(|entry| {
                let trade = entry.trade.map_or_else(String::new, |trade| trade.to_string());
                json!({
                    "symbol": entry.market.map_or("", |market| self.symbol(market).as_str()),
                    "incomeType": entry.kind.as_str(),
                    "income": amount(entry.amount),
                    "asset": self.margin_asset(),
                    "info": if trade.is_empty() { entry.kind.as_str().to_owned() } else { trade.clone() },
                    "time": entry.time.millis(),
                    "tranId": entry.id,
                    "tradeId": trade,
                })
            })
            .collect();
        Ok(page(rows, limit, window.given))
    }

    pub(super) fn commission_rate(&self, account: AccountId, params: &Params) -> Result<Value, ApiError> {
        let market = self.listed(params)?;
        let fees = self.engine.account(account).settings.fees;
        Ok(json!({
            "symbol": self.symbol(market).as_str(),
            "makerCommissionRate": plain(fees.maker),
            "takerCommissionRate": plain(fees.taker),
            "rpiCommissionRate": "0",
        }))
    }

    pub(super) fn account_config(&self, account: AccountId) -> Value {
        let account = self.engine.account(account);
        json!({
            "feeTier": 0,
            "canTrade": true,
            "canDeposit": true,
            "canWithdraw": true,
            "dualSidePosition": account.margin.position_mode == PositionMode::Hedge,
            "updateTime": 0,
            "multiAssetsMargin": account.margin.assets_mode == AssetsMode::Multi,
            "tradeGroupId": account.settings.trade_group.map_or(json!(-1), |group| json!(group)),
        })
    }

    pub(super) fn symbol_config(&self, account: AccountId, params: &Params) -> Result<Value, ApiError> {
        let one = self.maybe_listed(params)?;
        let margin = &self.engine.account(account).margin;
        let markets = (0..self.markets.len())
            .map(MarketId)
            .filter(|id| one.is_none_or(|one| one == *id));
        Ok(markets
            .map(|market| {
                let settings = margin.settings(market);
                json!({
                    "symbol": self.symbol(market).as_str(),
                    "marginType": match settings.margin {
                        MarginKind::Cross => "CROSSED",
                        MarginKind::Isolated => "ISOLATED",
                    },
                    "isAutoAddMargin": false,
                    "leverage": settings.leverage,
                    "maxNotionalValue": plain(self.most_notional(market, settings.leverage)),
                })
            })
            .collect())
    }

    /// The greatest position at a leverage.
    pub(super) fn most_notional(&self, market: MarketId, leverage: u32) -> Decimal {
        let tiers = self.config(market).tiers.iter().rev();
        tiers
            .clone()
            .find(|tier| tier.max_leverage >= leverage)
            .map_or(Decimal::ZERO, |tier| tier.cap)
    }
}
