//! Real payloads, where they are at hand (`../shared/fixtures` beside the workspace): everything that the standard covers
//! is read, and nothing is dropped.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use colibri_sdk::abi::{OrderOp, Text48, op_kind, order_side};
use colibri_sdk::model::{
    ClientOrderId, CollateralMode, InstrumentId, Leverage, MarginMode, OrderTerms, OrderType, PositionMode, Price,
    Quantity, Side, TriggerBy, TriggerIntent, TriggerKind, WallNs,
};
use colibri_sdk::standard::{
    Balances, BookSnapshot, CancelAll, CancelAllTriggers, CancelTrigger, Candles, Channel, Command, Event, Fees,
    FundingPaymentsSince, FundingRateQuery, Instruments, Margin, MarginTiers, OpenOrders, OpenSession, OpenTriggers,
    OrderStatusQuery, OrdersSince, Outcome, PlaceTrigger, Positions, RenewSession, ServerTime, SessionRole,
    SetCollateralMode, SetLeverage, SetMarginMode, SetPositionMode, Settings, Subscription, TradesSince,
    TriggerStatusQuery, UseInstruments,
};
use colibri_sdk::testing::{Action, Stage, events, outcome};
use serde_json::Value;

use crate::stage::{limit, opening, stage, used};

/// Answers to questions that the standard has not, of other services, or that the connector does not ask because another
/// answers better (accounts, balances and positions over the WebSocket API among them).
const OTHER_ANSWERS: &[&str] = &[
    "GetBnbBurnStatus",
    "SetBnbBurnStatus",
    "GetDownloadIdForOrderHistory",
    "GetDownloadIdForTradeHistory",
    "GetDownloadIdForTransactionHistory",
    "GetDownloadLinkForOrderHistory",
    "GetDownloadLinkForTradeHistory",
    "GetDownloadLinkForTransactionHistory",
    "GetMarginChangeHistory",
    "GetMultiAssetsMode",
    "GetOrderRateLimit",
    "GetPositionAdlQuantileEstimation",
    "GetTradingStatus",
    "ModifyPositionMargin",
    "StopUserStream",
    "GetAggregatedTradeHistory",
    "GetAssetIndexes",
    "GetBasis",
    "GetBookPrice",
    "GetBookPrices",
    "GetCompositeIndexInfo",
    "GetContinuousContractKlines",
    "GetFundingRates",
    "GetGlobalLongShortAccountRatio",
    "GetIndexPriceConstituents",
    "GetIndexPriceKlines",
    "GetInsuranceFundBalances",
    "GetMarkPriceKlines",
    "GetOpenInterest",
    "GetOpenInterestHistory",
    "GetPremiumIndexKlines",
    "GetPrice",
    "GetPrices",
    "GetRecentTrades",
    "GetTakerBuySellVolumeRatio",
    "GetTicker",
    "GetTopLongShortAccountRatio",
    "GetTopLongShortPositionRatio",
    "GetTradeHistory",
    // Orders of the service for time- and volume-weighted execution.
    "CancelAlgoOrder",
    "GetAlgoSubOrders",
    "GetClosedAlgoOrders",
    "GetOpenAlgoOrders",
    "PlaceTimeWeightedAveragePriceOrder",
    "PlaceVolumeParticipationOrder",
    "CancelAllOrdersAfterTimeout",
    "ConvertAcceptQuote",
    "ConvertQuoteRequest",
    "GetConvertOrderStatus",
    "EditMultipleOrders",
    "GetOrderEditHistory",
];

/// Streams that the standard has no channel for, and events about what is no order of ours.
const OTHER_STREAMS: &[&str] = &[
    "AssetIndex",
    "CompositIndex",
    "Concurrent",
    "ContKlines",
    "GridUpdate",
    "Klines",
    "Liquidations",
    "MiniTicker",
    "PartialBook",
    "StrategyUpdate",
    "SymbolUpdates",
    "Ticker",
    // A copy of a trade, which is passed over.
    "TradeUpdate",
];

fn fixtures() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/fixtures");
    if path.is_dir() {
        return Some(path);
    }
    println!("skipped: no captured payloads at {}", path.display());
    None
}

const ID: InstrumentId = InstrumentId(1);

/// A stage on which instrument 1 is this symbol.
fn stage_of(symbol: &str) -> Stage {
    let mut stage = stage();
    let set = UseInstruments {
        instruments: vec![used(ID, "A-B", symbol)],
    };
    stage.command(8_000, &Command::UseInstruments(set));
    stage
}

/// Asks something, up to the sending of its request.
type Ask = Box<dyn Fn(&mut Stage)>;

fn order(kind: u32, batch: usize) -> Ask {
    Box::new(move |stage| {
        let orders: Vec<OrderOp> = (1..=batch.max(1) as u64)
            .map(|op| {
                let mut order = OrderOp {
                    kind,
                    side: order_side::BUY,
                    exchange_id: Text48::new("1").unwrap(),
                    ..limit(op)
                };
                order.grant.op = op;
                if batch > 0 { order.in_batch_of(1) } else { order }
            })
            .collect();
        stage.orders(&orders);
    })
}

fn trigger() -> TriggerIntent {
    TriggerIntent {
        client_id: ClientOrderId::new("t-1").unwrap(),
        instrument: ID,
        kind: TriggerKind::Stop,
        by: TriggerBy::Mark,
        trigger_price: Price(1.into()),
        side: Side::Sell,
        order_type: OrderType::Market,
        time_in_force: None,
        price: None,
        quantity: Some(Quantity(1.into())),
        terms: OrderTerms::default(),
    }
}

/// What the answer of the endpoint of this file is to, how many events it tells, and what comes before it.
fn asks(name: &str, response: &Value) -> Option<(Ask, usize)> {
    let count = response.as_array().map_or(1, Vec::len);
    let command = |command: Command, told: usize| -> Option<(Ask, usize)> {
        let ask = move |stage: &mut Stage| {
            stage.command(1, &command);
            stage.granted(1);
        };
        Some((Box::new(ask), told))
    };
    // The second of two requests.
    let after = |command: Command, first: &'static [u8], told: usize| -> Option<(Ask, usize)> {
        let ask = move |stage: &mut Stage| {
            stage.ask(1, &command, 200, first);
            stage.granted(1);
        };
        Some((Box::new(ask), told))
    };
    let id = ClientOrderId::new("x").ok();
    const CONFIG: &[u8] = br#"{"dualSidePosition":true,"multiAssetsMargin":false}"#;
    const INDEX: &[u8] = br#"{"symbol":"BTCUSDT","markPrice":"1","lastFundingRate":"0.1"}"#;
    match name {
        "PlaceOrder" => Some((order(op_kind::PLACE, 0), 1)),
        "CancelOrder" => Some((order(op_kind::CANCEL, 0), 1)),
        "EditOrder" => Some((order(op_kind::AMEND, 0), 1)),
        "PlaceMultipleOrders" => Some((order(op_kind::PLACE, count), 1)),
        "CancelMultipleOrders" => Some((order(op_kind::CANCEL, count), 1)),
        "CancelAllOrders" => command(Command::CancelAll(CancelAll { instrument: ID }), 0),
        "GetOpenOrders" => command(Command::OpenOrders(OpenOrders { instrument: Some(ID) }), count),
        // Two of them are of the exchange's own making, and told as such too.
        "GetForcedOrders" => command(Command::OpenOrders(OpenOrders { instrument: None }), 2 * count),
        "GetOrders" => command(
            Command::OrdersSince(OrdersSince {
                instrument: ID,
                from_id: None,
                since: None,
            }),
            count,
        ),
        "GetOrder" | "GetOpenOrder" => command(
            Command::OrderStatus(OrderStatusQuery {
                instrument: ID,
                client_id: id,
                exchange_id: None,
            }),
            1,
        ),
        "GetUserTrades" => command(
            Command::TradesSince(TradesSince {
                instrument: ID,
                from_id: None,
                since: None,
                exchange_id: None,
            }),
            count + 1,
        ),
        "GetBalances" => command(Command::Balances(Balances {}), 1),
        "GetAccountInfo" if response.get("multiAssetsMargin").is_some() => command(Command::Margin(Margin {}), 1),
        // The rest comes with the account's configuration.
        "GetAccountInfo" | "GetAccountInfoV3" => command(Command::Margin(Margin {}), 0),
        "GetPositions" | "GetPositionInformation" => command(Command::Positions(Positions { instrument: None }), 1),
        "GetAccountConfiguration" => command(Command::Settings(Settings { instrument: None }), 0),
        "GetSymbolConfiguration" => after(Command::Settings(Settings { instrument: Some(ID) }), CONFIG, 1),
        "GetBrackets" => command(Command::MarginTiers(MarginTiers { instrument: ID }), 1),
        "GetUserCommissionRate" => command(Command::Fees(Fees { instrument: ID }), 1),
        // None of its entries is a funding fee.
        "GetIncomeHistory" => command(
            Command::FundingPaymentsSince(FundingPaymentsSince {
                instrument: None,
                since: WallNs(0),
            }),
            1,
        ),
        "ChangeInitialLeverage" => {
            let five = Leverage::new(5.into()).unwrap();
            command(Command::SetLeverage(SetLeverage::of(ID, five)), 0)
        }
        "ChangeMarginType" => command(
            Command::SetMarginMode(SetMarginMode {
                instrument: Some(ID),
                mode: MarginMode::Isolated,
            }),
            0,
        ),
        "ModifyPositionMode" => command(
            Command::SetPositionMode(SetPositionMode {
                instrument: None,
                mode: PositionMode::Hedge,
            }),
            0,
        ),
        "SetMultiAssetsMode" => command(
            Command::SetCollateralMode(SetCollateralMode {
                mode: CollateralMode::MultiAsset,
            }),
            0,
        ),
        "GetExchangeInfo" => command(Command::Instruments(Instruments {}), 1),
        "GetServerTime" => command(Command::ServerTime(ServerTime {}), 1),
        "GetOrderBook" => command(
            Command::BookSnapshot(BookSnapshot {
                instrument: ID,
                depth: 100,
            }),
            1,
        ),
        "GetKlines" => command(
            Command::Candles(Candles {
                instrument: ID,
                interval: "1m".to_owned(),
                since: None,
                until: None,
                limit: None,
            }),
            1,
        ),
        "GetMarkPrice" => command(Command::FundingRate(FundingRateQuery { instrument: ID }), 1),
        "GetFundingInfo" => after(Command::FundingRate(FundingRateQuery { instrument: ID }), INDEX, 1),
        "PlaceConditionalOrder" => command(Command::PlaceTrigger(PlaceTrigger::of(trigger())), 1),
        "CancelConditionalOrder" => command(
            Command::CancelTrigger(CancelTrigger {
                instrument: ID,
                client_id: id,
                exchange_id: None,
            }),
            1,
        ),
        "CancelAllConditionalOrders" => command(Command::CancelAllTriggers(CancelAllTriggers { instrument: ID }), 0),
        "GetOpenConditionalOrders" | "GetConditionalOrders" => {
            command(Command::OpenTriggers(OpenTriggers { instrument: None }), count)
        }
        "GetConditionalOrder" => command(
            Command::TriggerStatus(TriggerStatusQuery {
                instrument: ID,
                client_id: id,
                exchange_id: None,
            }),
            1,
        ),
        "StartUserStream" => {
            let session = OpenSession {
                session: 2,
                role: SessionRole::User,
                subscriptions: Vec::new(),
            };
            command(Command::OpenSession(session), 0)
        }
        "KeepAliveUserStream" => {
            let ask = |stage: &mut Stage| {
                opening(stage);
                stage.stream_opened(1);
                stage.command(1, &Command::RenewSession(RenewSession { session: 2 }));
                stage.granted(1);
            };
            Some((Box::new(ask), 0))
        }
        _ => None,
    }
}

fn symbol_in(response: &Value) -> String {
    let found = response.get("symbol").or_else(|| response.get(0)?.get("symbol"));
    found.and_then(Value::as_str).unwrap_or("BTCUSDT").to_owned()
}

fn check(file: &Path, name: &str, response: &Value) {
    let (ask, expected) = asks(name, response).unwrap_or_else(|| panic!("{}: nobody reads it", file.display()));
    let mut stage = stage_of(&symbol_in(response));
    ask(&mut stage);
    let actions = stage.response(1, 200, response.to_string().as_bytes());
    let goes_on = actions
        .iter()
        .any(|a| matches!(a, Action::Want { op: 1, .. } | Action::Open { .. }));
    if !goes_on {
        assert_eq!(
            outcome(&actions, 1),
            Some(Outcome::Done),
            "{}: {actions:?}",
            file.display()
        );
    }
    let told = actions
        .iter()
        .filter(|a| matches!(a, Action::Event(_) | Action::Book { .. }))
        .count();
    assert_eq!(told, expected, "{}: {actions:?}", file.display());
    let logged = actions.iter().any(|a| matches!(a, Action::Log { .. }));
    assert!(!logged, "{}: {actions:?}", file.display());
}

fn json_files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = entries.map(|e| e.unwrap().path()).collect();
    files.sort();
    files
}

fn content(file: &Path) -> (String, Value) {
    let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
    (name, serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap())
}

#[test]
fn every_answer_of_the_standard_is_read() {
    let Some(fixtures) = fixtures() else { return };
    let mut read = 0;
    for folder in ["Endpoints", "Socket"] {
        for subject in ["Trading", "ExchangeData", "Account"] {
            for file in json_files(&fixtures.join(format!("jkorf/binance_perpetual/{folder}/UsdFutures/{subject}"))) {
                let (name, content) = content(&file);
                if OTHER_ANSWERS.contains(&name.as_str()) {
                    continue;
                }
                let response = match content.get("steps").and_then(Value::as_array) {
                    Some(steps) => steps
                        .iter()
                        .filter_map(|s| s.get("message")?.get("result"))
                        .next_back()
                        .cloned(),
                    None => content.get("response").cloned(),
                };
                // Of one endpoint the file says no more than that it answers.
                check(&file, &name, &response.unwrap_or(Value::Object(serde_json::Map::new())));
                read += 1;
            }
        }
    }
    println!("{read} answers read");
    assert!(read >= 40, "only {read} answers were found");
}

fn session(stage: &mut Stage, role: SessionRole) {
    match role {
        SessionRole::Market => {
            let session = OpenSession {
                session: 1,
                role,
                subscriptions: vec![Subscription {
                    instrument: ID,
                    channels: Channel::PERP.to_vec(),
                }],
            };
            stage.command(1, &Command::OpenSession(session));
        }
        SessionRole::User => drop(opening(stage)),
    }
    stage.stream_opened(1);
}

#[test]
fn every_pushed_frame_of_the_standard_is_read() {
    let Some(fixtures) = fixtures() else { return };
    let mut read = 0;
    for file in json_files(&fixtures.join("jkorf/binance_perpetual/Subscriptions/UsdFutures")) {
        let (name, content) = content(&file);
        if OTHER_STREAMS.contains(&name.as_str()) {
            continue;
        }
        for step in content["steps"].as_array().unwrap() {
            if step["dir"] != "server_pushes" {
                continue;
            }
            let data = &step["message"]["data"];
            let kind = data["e"].as_str().unwrap();
            let role = if kind.chars().any(char::is_lowercase) {
                SessionRole::Market
            } else {
                SessionRole::User
            };
            let mut stage = stage_of(data["s"].as_str().unwrap_or("BTCUSDT"));
            session(&mut stage, role);
            let actions = stage.frame(1, step["message"].to_string().as_bytes());
            let unreadable = events(&actions).iter().any(|e| matches!(e, Event::Notice(_)));
            let logged = actions.iter().any(|a| matches!(a, Action::Log { .. }));
            assert!(
                !unreadable && !logged && !actions.is_empty(),
                "{}: {actions:?}",
                file.display()
            );
            read += 1;
        }
    }
    println!("{read} frames read");
    assert!(read >= 10, "only {read} frames were found");
}

#[test]
fn recorded_market_data_is_read_without_an_unreadable_frame() {
    let Some(fixtures) = fixtures() else { return };
    let file = std::fs::File::open(fixtures.join("marketdata/binance_usdm_btcusdt_20240808.jsonl.gz")).unwrap();
    let mut stage = stage_of("BTCUSDT");
    session(&mut stage, SessionRole::Market);
    let (mut books, mut tops, mut trades, mut last) = (0, 0, 0, 0);
    for line in BufReader::new(flate2::read::GzDecoder::new(file)).lines() {
        let line = line.unwrap();
        let (_, text) = line.split_once(' ').unwrap();
        if text.starts_with(r#"{"lastUpdateId""#) {
            let command = Command::BookSnapshot(BookSnapshot {
                instrument: ID,
                depth: 1000,
            });
            let actions = stage.ask(2, &command, 200, text.as_bytes());
            assert!(matches!(&actions[0], Action::Book { bids, asks, .. } if bids.len() == 1000 && asks.len() == 1000));
            continue;
        }
        for action in stage.frame(1, text.as_bytes()) {
            match action {
                Action::Book {
                    ids: (_, id, previous), ..
                } => {
                    assert!(last == 0 || previous == last, "{previous} after {last}");
                    last = id;
                    books += 1;
                }
                Action::Top(_) => tops += 1,
                Action::Trades { .. } => trades += 1,
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!((books, tops, trades), (6_551, 66_089, 21_313));
}
