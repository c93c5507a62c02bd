//! Another library than `sample`: that both can be open at once is what the test that uses it shows.

#![forbid(unsafe_code)]
#![allow(missing_docs)]

use colibri_abi::{Created, Grant, Instance, Now, OrderOp, Out, Response, outcome_kind};

const MANIFEST: &str = r#"
[library]
name = "second"
version = "0.1.0"
abi = "1.0"
maintainer = "the Colibri contributors"
licence = "Apache-2.0"

[[connector]]
name = "other"
"#;

struct Echo;

impl Instance for Echo {
    fn command(&mut self, _now: Now, op: u64, kind: &str, payload: &[u8], out: &mut Out<'_>) {
        assert_ne!(kind, "panic", "told to");
        out.event(kind, payload);
        out.complete(op, outcome_kind::DONE, b"{\"outcome\":\"done\"}");
    }
    fn orders(&mut self, _now: Now, ops: &[OrderOp], out: &mut Out<'_>) {
        for op in ops {
            out.complete(op.grant.op, outcome_kind::NOT_SENT, b"{}");
        }
    }
    fn granted(&mut self, _now: Now, _grant: &Grant, _out: &mut Out<'_>) {}
    fn response(&mut self, _now: Now, _response: &Response<'_>, _out: &mut Out<'_>) {}
    fn ended(&mut self, _now: Now, _op: u64, _outcome: u32, _out: &mut Out<'_>) {}
    fn stream_opened(&mut self, _now: Now, _stream: u32, _out: &mut Out<'_>) {}
    fn frame(&mut self, _now: Now, _stream: u32, _kind: u32, bytes: &[u8], out: &mut Out<'_>) {
        out.event("frame", bytes);
    }
    fn stream_closed(&mut self, _now: Now, _stream: u32, _code: u32, _reason: &str, _out: &mut Out<'_>) {}
    fn timer(&mut self, _now: Now, _timer: u64, _out: &mut Out<'_>) {}
    fn snapshot(&mut self, out: &mut Out<'_>) {
        out.snapshot(b"second");
    }
}

fn create(name: &str, config: &[u8]) -> Result<Created, String> {
    match name {
        "other" if config.is_empty() => Err("the configuration\nis empty".to_owned()),
        "other" => Ok(Created::new(Echo)),
        _ => Err(format!("no connector is called {name}")),
    }
}

colibri_abi::export_plugin!(manifest = MANIFEST, factory = create);
