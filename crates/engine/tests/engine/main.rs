//! The engine as a whole, through its public functions alone, in virtual time.

mod books;
mod chaos;
mod contracts;
mod degrade;
mod desk;
mod floor;
mod kill_switch;
mod orders;
mod perpetual_market_making;
mod recovery;
mod risk;
mod safety;
mod spot_perpetual_arbitrage;
mod stop_races;
mod trading;
mod triggers;
