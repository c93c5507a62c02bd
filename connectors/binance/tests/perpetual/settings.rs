//! What is set: asked for, and set.

use colibri_sdk::model::{CollateralMode, Leverage, MarginMode, PositionMode, PositionSide};
use colibri_sdk::standard::{
    Command, Outcome, RejectReason, SetCollateralMode, SetLeverage, SetMarginMode, SetPositionMode, Settings,
};
use colibri_sdk::testing::outcome;

use crate::stage::{BTC, asked, only, request, stage};

const CONFIG: &[u8] = br#"{"feeTier":0,"canTrade":true,"dualSidePosition":true,"updateTime":0,"multiAssetsMargin":false,"tradeGroupId":-1}"#;
const SYMBOLS: &[u8] = br#"[{"symbol":"BTCUSDT","marginType":"CROSSED","isAutoAddMargin":"false","leverage":21,"maxNotionalValue":"1000000"},
    {"symbol":"XRPUSDT","marginType":"ISOLATED","leverage":"5"}]"#;

#[test]
fn settings_are_the_account_s_and_the_instruments() {
    let mut stage = stage();
    let (endpoint, _) = asked(&mut stage, 1, &Command::Settings(Settings { instrument: None }));
    assert_eq!(endpoint, "account_config");
    stage.response(1, 200, CONFIG);
    let (endpoint, url) = request(&stage.granted(1));
    assert!(
        endpoint == "symbol_config" && url.starts_with("/fapi/v1/symbolConfig?timestamp="),
        "{url}"
    );
    let told = only!(stage.response(1, 200, SYMBOLS), Settings);
    assert_eq!(told.position_mode, Some(PositionMode::Hedge));
    assert_eq!(
        (told.collateral_mode, told.margin_mode),
        (Some(CollateralMode::SingleAsset), None)
    );
    let [btc] = told.instruments.as_slice() else {
        panic!("one of them is in use: {told:?}")
    };
    assert_eq!((btc.instrument, btc.margin_mode), (Some(BTC), Some(MarginMode::Cross)));
    assert_eq!(
        (btc.leverage.unwrap().to_string(), btc.position_side),
        ("21".to_owned(), PositionSide::Net)
    );

    stage.ask(2, &Command::Settings(Settings { instrument: Some(BTC) }), 200, CONFIG);
    let (_, url) = request(&stage.granted(2));
    assert!(
        url.starts_with("/fapi/v1/symbolConfig?symbol=BTCUSDT&timestamp="),
        "{url}"
    );
    assert_eq!(outcome(&stage.response(2, 200, b"[]"), 2), Some(Outcome::Done));
}

fn leverage(value: &str) -> SetLeverage {
    SetLeverage::of(BTC, Leverage::new(value.parse().unwrap()).unwrap())
}

fn margin(mode: MarginMode) -> Command {
    Command::SetMarginMode(SetMarginMode {
        instrument: Some(BTC),
        mode,
    })
}

#[test]
fn each_is_set_by_its_own_request() {
    let position = |mode| Command::SetPositionMode(SetPositionMode { instrument: None, mode });
    let collateral = |mode| Command::SetCollateralMode(SetCollateralMode { mode });
    for (command, url, already) in [
        (
            Command::SetLeverage(leverage("5")),
            "/fapi/v1/leverage?symbol=BTCUSDT&leverage=5&",
            None,
        ),
        (
            margin(MarginMode::Isolated),
            "/fapi/v1/marginType?symbol=BTCUSDT&marginType=ISOLATED&",
            Some(-4046),
        ),
        (
            margin(MarginMode::Cross),
            "/fapi/v1/marginType?symbol=BTCUSDT&marginType=CROSSED&",
            Some(-4046),
        ),
        (
            position(PositionMode::Hedge),
            "/fapi/v1/positionSide/dual?dualSidePosition=true&",
            Some(-4059),
        ),
        (
            position(PositionMode::OneWay),
            "/fapi/v1/positionSide/dual?dualSidePosition=false&",
            Some(-4059),
        ),
        (
            collateral(CollateralMode::MultiAsset),
            "/fapi/v1/multiAssetsMargin?multiAssetsMargin=true&",
            Some(-4171),
        ),
    ] {
        let (_, asked) = asked(&mut stage(), 1, &command);
        assert!(asked.starts_with(url), "{asked}");
        let ask = |status, body: &[u8]| outcome(&stage().ask(1, &command, status, body), 1).unwrap();
        assert_eq!(ask(200, br#"{"code":200,"msg":"success"}"#), Outcome::Done);
        assert_eq!(
            ask(
                200,
                br#"{"leverage":5,"maxNotionalValue":"1000000","symbol":"BTCUSDT"}"#
            ),
            Outcome::Done
        );
        if let Some(code) = already {
            let body = format!(r#"{{"code":{code},"msg":"No need to change."}}"#);
            assert_eq!(ask(400, body.as_bytes()), Outcome::Done, "it is so already");
        }
        assert!(ask(500, b"").is_unknown() && ask(200, b"<html>").is_unknown());
        for (code, reason) in [
            (-4047, RejectReason::HasPositionOrOrders),
            (-4068, RejectReason::HasPositionOrOrders),
            (-4028, RejectReason::LeverageNotAllowed),
        ] {
            let refused = ask(400, format!(r#"{{"code":{code},"msg":"words"}}"#).as_bytes());
            assert!(
                matches!(&refused, Outcome::Rejected(r) if r.reason == reason),
                "{refused:?}"
            );
        }
    }
}

#[test]
fn what_the_exchange_does_not_keep_so_is_not_sent() {
    let mut sided = leverage("5");
    sided.position_side = PositionSide::Long;
    for command in [
        Command::SetLeverage(leverage("2.5")),
        Command::SetLeverage(sided),
        Command::SetMarginMode(SetMarginMode {
            instrument: None,
            mode: MarginMode::Cross,
        }),
        Command::SetPositionMode(SetPositionMode {
            instrument: Some(BTC),
            mode: PositionMode::Hedge,
        }),
    ] {
        let refused = stage().command(1, &command);
        assert!(
            matches!(outcome(&refused, 1), Some(Outcome::NotSent(r)) if r.reason == RejectReason::Unsupported),
            "{command:?}"
        );
    }
}
