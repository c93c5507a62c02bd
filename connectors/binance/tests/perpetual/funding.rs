//! The funding rate, and what was paid.

use colibri_sdk::model::WallNs;
use colibri_sdk::standard::{Command, Event, FundingPaymentsSince, FundingRateQuery, Outcome, ReportSource};
use colibri_sdk::testing::{events, outcome};

use crate::stage::{BTC, asked, only, request, stage};

const INDEX: &str = r#"{"symbol":"BTCUSDT","markPrice":"11793.63104562","indexPrice":"11781.80495970","estimatedSettlePrice":"11781.16",
    "lastFundingRate":"0.00038246","interestRate":"0.00010000","nextFundingTime":1597392000000,"time":1597370495002}"#;

#[test]
fn the_rate_has_its_interval() {
    let command = Command::FundingRate(FundingRateQuery { instrument: BTC });
    for (listed, hours) in [
        (r#"[{"symbol":"ETHUSDT","fundingIntervalHours":1}]"#, 8),
        (
            r#"[{"symbol":"BTCUSDT","adjustedFundingRateCap":"0.025","fundingIntervalHours":4,"disclaimer":false}]"#,
            4,
        ),
    ] {
        let mut stage = stage();
        let mark = only!(stage.ask(1, &command, 200, INDEX.as_bytes()), MarkPrice);
        assert_eq!(
            (mark.price.mark.to_string(), mark.price.index.unwrap().to_string()),
            ("11793.63104562".to_owned(), "11781.80495970".to_owned())
        );
        let (endpoint, url) = request(&stage.granted(1));
        assert_eq!(
            (endpoint.as_str(), url.as_str()),
            ("funding_info", "/fapi/v1/fundingInfo")
        );
        let actions = stage.response(1, 200, listed.as_bytes());
        assert_eq!(outcome(&actions, 1), Some(Outcome::Done));
        let rate = only!(actions, FundingRate);
        assert_eq!(rate.funding.rate.to_string(), "0.00038246");
        assert_eq!(rate.funding.next_time.unwrap().as_millis(), 1_597_392_000_000);
        assert_eq!(rate.funding.interval.unwrap().0, hours * 3_600_000);
    }
    // A contract that is delivered has no rate; an array of one is read as well.
    let delivered = INDEX.replace("\"0.00038246\"", "\"\"").replace("1597392000000", "0");
    let actions = stage().ask(1, &command, 200, format!("[{delivered}]").as_bytes());
    assert!(matches!(events(&actions)[..], [Event::MarkPrice(_)]));
    assert_eq!(outcome(&actions, 1), Some(Outcome::Done));
}

fn entry(kind: &str, symbol: &str, id: &str) -> String {
    format!(
        r#"{{"symbol":"{symbol}","incomeType":"{kind}","income":"-3.09","asset":"USDT","info":"{kind}","time":1723161600000,"tranId":{id},"tradeId":""}}"#
    )
}

#[test]
fn payments_are_entries_of_the_ledger_page_by_page() {
    let mut stage = stage();
    let command = Command::FundingPaymentsSince(FundingPaymentsSince {
        instrument: None,
        since: WallNs::from_millis(1_723_161_240_000),
    });
    let (endpoint, url) = asked(&mut stage, 1, &command);
    assert_eq!(endpoint, "income");
    assert!(
        url.starts_with("/fapi/v1/income?incomeType=FUNDING_FEE&startTime=1723161240000&page=1&limit=1000&timestamp="),
        "{url}"
    );
    let full: Vec<String> = (0..1_000)
        .map(|n| entry("FUNDING_FEE", "ETHUSDT", &n.to_string()))
        .collect();
    let first = stage.response(1, 200, format!("[{}]", full.join(",")).as_bytes());
    assert_eq!((events(&first).len(), outcome(&first, 1)), (1_000, None));
    assert!(request(&stage.granted(1)).1.contains("startTime=1723161240000&page=2&"));
    let body = format!(
        "[{},{},{}]",
        entry("FUNDING_FEE", "BTCUSDT", "9689322392"),
        entry("FUNDING_FEE", "FOREIGN", r#""9689322393""#),
        entry("COMMISSION", "BTCUSDT", "1")
    );
    let told = events(&stage.response(1, 200, body.as_bytes()));
    let [
        Event::FundingPayment(ours),
        Event::FundingPayment(foreign),
        Event::FundingProgress(progress),
    ] = told.as_slice()
    else {
        panic!("{told:?}")
    };
    assert_eq!(
        (ours.instrument, ours.id.as_ref().unwrap().as_str()),
        (Some(BTC), "9689322392")
    );
    assert_eq!(
        (ours.amount.to_string(), ours.source),
        ("-3.09".to_owned(), ReportSource::Query)
    );
    assert_eq!(ours.exchange_time.as_millis(), 1_723_161_600_000);
    assert_eq!(
        (foreign.instrument, foreign.id.as_ref().unwrap().as_str()),
        (None, "9689322393")
    );
    assert_eq!((progress.count, progress.newest), (1_002, Some(ours.exchange_time)));
    let (_, url) = asked(
        &mut stage,
        2,
        &Command::FundingPaymentsSince(FundingPaymentsSince {
            instrument: Some(BTC),
            since: WallNs(0),
        }),
    );
    assert!(
        url.starts_with("/fapi/v1/income?symbol=BTCUSDT&incomeType=FUNDING_FEE&"),
        "{url}"
    );
}
