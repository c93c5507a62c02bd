//! `colibri recordings`: what is kept of a bot's runs, and how it is given away.

use std::io::Write;

use colibri_store::export::utc;
use serde_json::json;

use super::history::folder_of;
use crate::cli::{ExportArgs, RecordingsListArgs};
use crate::exit::Exit;
use crate::plugins::default_store;
use crate::recordings::{self, ExportRequest, Exported, Listed, Marks, Redaction};
use crate::replay::LibraryFrom;

/// `colibri recordings list`.
///
/// # Errors
/// The bot's file or its folder cannot be read.
pub fn list(args: &RecordingsListArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let folder = folder_of(&args.bot)?;
    let listed = recordings::list(&folder)?;
    if args.json {
        let values: Vec<_> = listed.iter().map(as_json).collect();
        writeln!(out, "{}", json!({ "recordings": values }))?;
        return Ok(Exit::Done);
    }
    if listed.is_empty() {
        let text = "no run was recorded: colibri record, or [record] when = \"always\" in the bot's file";
        writeln!(out, "{}: {text}", folder.display())?;
        return Ok(Exit::Done);
    }
    writeln!(
        out,
        "{:<30} {:>10} {:>12} {:>12}  folder",
        "begin (UTC)", "length", "inputs", "bytes"
    )?;
    for recording in &listed {
        let began = recording.began.map_or_else(|| "-".to_owned(), utc);
        let seconds = recording.length.0 / 1_000;
        let (h, m, s) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
        writeln!(
            out,
            "{began:<30} {:>10} {:>12} {:>12}  {}",
            format!("{h}:{m:02}:{s:02}"),
            recording.inputs,
            recording.bytes,
            recording.folder.display()
        )?;
        if let Some(why) = &recording.torn {
            writeln!(out, "  not whole: {why}")?;
        }
    }
    Ok(Exit::Done)
}

fn as_json(recording: &Listed) -> serde_json::Value {
    json!({
        "folder": recording.folder,
        "began_ms": recording.began.map(|began| began.as_millis()),
        "millis": recording.length.0,
        "inputs": recording.inputs,
        "bytes": recording.bytes,
        "whole": recording.torn.is_none(),
        "torn": recording.torn,
    })
}

/// `colibri recordings export`.
///
/// # Errors
/// The recording cannot be read, or OUT not written.
pub fn export(args: &ExportArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let store = args.store.clone().unwrap_or_else(default_store);
    let exported = recordings::export(&ExportRequest {
        recording: &args.recording,
        out: &args.out,
        redaction: if args.redact {
            Redaction::Redacted
        } else {
            Redaction::Whole
        },
        libraries: LibraryFrom {
            store: &store,
            instead: &args.library,
        },
    })?;
    if args.json {
        let (same, marks, why) = match &exported.marks {
            Marks::Same(marks) => (Some(true), Some(marks), None),
            Marks::AsRecorded(why) => (Some(false), None, Some(why)),
            Marks::LeftOut(why) => (None, None, Some(why)),
        };
        let value = json!({
            "inputs": exported.inputs,
            "bytes": exported.bytes,
            "replaced": exported.replaced,
            "same": same,
            "marks": marks,
            "why_not_compared": why,
            "torn": exported.torn,
        });
        writeln!(out, "{value}")?;
    } else {
        writeln!(out, "{}", told(args, &exported))?;
    }
    Ok(Exit::Done)
}

fn told(args: &ExportArgs, exported: &Exported) -> String {
    let marks = match &exported.marks {
        Marks::Same(marks) => format!("it replays the same at all of {marks} marks"),
        Marks::AsRecorded(why) => format!("its marks are those that were recorded, but {why}"),
        Marks::LeftOut(why) => format!("marks are left out, so that a replay has nothing to be compared with: {why}"),
    };
    let mut text = format!(
        "{}: {} inputs, {} bytes; {marks}",
        args.out.display(),
        exported.inputs,
        exported.bytes
    );
    if args.redact {
        text.push_str(&format!(
            "\n{} keys, tokens and identities were replaced; read through it before you give it away",
            exported.replaced
        ));
    }
    if let Some(torn) = &exported.torn {
        text.push_str(&format!("\n{torn}"));
    }
    text
}
