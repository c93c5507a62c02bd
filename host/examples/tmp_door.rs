//! scratch
use clap::Parser;
#[derive(Parser)]
enum C {
    Inspect(colibri::connector::InspectArgs),
    Drive(colibri::connector::DriveArgs),
    Replay(colibri::connector::ReplayArgs),
}
fn main() -> std::process::ExitCode {
    let r = match C::parse() {
        C::Inspect(a) => colibri::connector::inspect(&a),
        C::Drive(a) => colibri::connector::drive(&a),
        C::Replay(a) => colibri::connector::replay(&a),
    };
    match r {
        Ok(e) => e.into(),
        Err(e) => {
            eprintln!("colibri: {e:#}");
            colibri::exit::of(&e).into()
        }
    }
}
