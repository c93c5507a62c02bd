//! Faults on real sockets, TLS on: the shipped binary and library, a proxy that breaks what can break, the local exchange.
#![allow(clippy::unwrap_used)]

use colibri_tests::crash::bot::{BotFolder, Door};
use colibri_tests::crash::exchange::LocalExchange;
use colibri_tests::fault_proxy::FaultProxy;
use colibri_tests::fault_proxy::authority::Authority;
use colibri_tests::fault_proxy::fault::Weather;
use colibri_tests::wire_faults;

#[test]
fn every_fault_of_a_wire_strikes_and_nothing_is_lost_or_doubled() {
    let weathered = wire_faults::run(1, Weather::Passing);
    println!("{weathered:?}");
    assert_eq!(weathered.faults, wire_faults::kinds() as u64, "{weathered:?}");
}

#[test]
fn a_certificate_of_an_unknown_authority_is_refused_and_nothing_is_said() {
    let exchange = LocalExchange::start(2);
    let proxy = FaultProxy::start(exchange.address(), 2);
    let other = Authority::new("another authority").pem();
    let bot = BotFolder::new(&Door::tls(proxy.address(), other));
    let ended = bot.run_for(4);
    assert!(
        ended
            .log
            .lines()
            .any(|line| line.contains("certificate") && line.contains("UnknownIssuer")),
        "nothing says that the certificate is wrong: {}",
        ended.log
    );
    assert_eq!(proxy.requests(), 0, "a request was sent all the same");
}
