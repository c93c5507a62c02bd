//! A Parquet file that is written in bounded memory: rows wait until they are certain and make a row group, and the file has
//! its name only when it is whole.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as PhysicalType};
use parquet::data_type::{ByteArray, ByteArrayType, FixedLenByteArray, FixedLenByteArrayType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{Type, TypePtr};

use crate::row::{Cell, Column, ColumnType, NotHeld, PRECISION, Presence, Row, Scale};

/// Rows of a row group. Two groups are in memory at most, and what a second brings.
pub const GROUP: usize = 1 << 16;

/// Bytes of a decimal of [`PRECISION`] digits.
const DECIMAL_BYTES: i32 = 16;

/// A file that cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The system, or the format.
    #[error("{} cannot be written: {source}", path.display())]
    Write {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: ParquetError,
    },
    /// A decimal that its column cannot say.
    #[error("{column} cannot be exported exactly, and is not rounded: {source}")]
    Value {
        /// Of which column.
        column: &'static str,
        /// The value.
        source: NotHeld,
    },
    /// A row that does not fit its own columns.
    #[error("{column} does not hold {value}: a fault of this program")]
    Mismatch {
        /// Of which column.
        column: &'static str,
        /// The value.
        value: String,
    },
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// Rows.
    pub rows: u64,
    /// Bytes of the file.
    pub bytes: u64,
}

/// A Parquet file of rows of one kind.
pub struct ParquetFile<R> {
    writer: SerializedFileWriter<File>,
    partial: Partial,
    path: PathBuf,
    columns: Vec<Values>,
    /// Rows that are in no group yet; the first `settled` of them are certain.
    rows: Vec<R>,
    settled: usize,
    written: u64,
}

impl<R: Row> ParquetFile<R> {
    /// Begins a file. What has the name now stays until the new one is whole.
    ///
    /// # Errors
    /// The system refuses.
    pub fn create(path: &Path, scale: Scale) -> Result<ParquetFile<R>, FileError> {
        let failed = |source: ParquetError| FileError::Write {
            path: path.to_owned(),
            source,
        };
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".partial");
        let partial = path.with_file_name(name);
        let file = File::create(&partial).map_err(|error| failed(error.into()))?;
        let partial = Partial(partial);
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_created_by(format!("colibri-export {}", env!("CARGO_PKG_VERSION")))
            .build();
        let schema = schema(R::COLUMNS, scale).map_err(failed)?;
        let writer = SerializedFileWriter::new(file, schema, Arc::new(properties)).map_err(failed)?;
        Ok(ParquetFile {
            writer,
            partial,
            path: path.to_owned(),
            columns: R::COLUMNS.iter().map(|column| Values::of(column, scale)).collect(),
            rows: Vec::new(),
            settled: 0,
            written: 0,
        })
    }

    /// Takes a row, which is not certain yet.
    pub fn push(&mut self, row: R) {
        self.rows.push(row);
    }

    /// Every row so far is certain. Writes those that make row groups.
    ///
    /// # Errors
    /// The system refuses, or a value cannot be said exactly; then the file cannot be finished.
    pub fn settle(&mut self) -> Result<(), FileError> {
        self.settled = self.rows.len();
        while self.settled >= GROUP {
            self.write_group(GROUP)?;
        }
        Ok(())
    }

    /// How many rows wait to become certain.
    #[must_use]
    pub fn uncertain(&self) -> usize {
        self.rows.len() - self.settled
    }

    /// Writes what is certain, leaves out what is not, and gives the file its name.
    ///
    /// # Errors
    /// As [`ParquetFile::settle`].
    pub fn finish(mut self) -> Result<Written, FileError> {
        self.rows.truncate(self.settled);
        while self.settled > 0 {
            self.write_group(self.settled.min(GROUP))?;
        }
        let ParquetFile {
            writer,
            partial,
            path,
            written,
            ..
        } = self;
        let closed = writer.into_inner().and_then(|file| {
            file.sync_all()?;
            let bytes = file.metadata()?.len();
            std::fs::rename(&partial.0, &path)?;
            Ok(bytes)
        });
        match closed {
            Ok(bytes) => Ok(Written { rows: written, bytes }),
            Err(source) => Err(FileError::Write { path, source }),
        }
    }

    /// Writes the first rows as a row group.
    fn write_group(&mut self, rows: usize) -> Result<(), FileError> {
        for row in self.rows.drain(..rows) {
            for ((column, values), cell) in R::COLUMNS.iter().zip(&mut self.columns).zip(row.cells()) {
                values.push(column, cell)?;
            }
        }
        self.settled -= rows;
        self.written += rows as u64;
        let written = (|| {
            let mut group = self.writer.next_row_group()?;
            for values in &mut self.columns {
                let mut column = group.next_column()?.ok_or_else(|| {
                    let text = "the schema has fewer columns than the row";
                    ParquetError::General(text.to_owned())
                })?;
                let levels = (values.presence == Presence::Maybe).then_some(values.levels.as_slice());
                match &values.held {
                    Held::Text(held) => column.typed::<ByteArrayType>().write_batch(held, levels, None),
                    Held::Decimal(held, _) => column.typed::<FixedLenByteArrayType>().write_batch(held, levels, None),
                    Held::Whole(held) => column.typed::<Int64Type>().write_batch(held, levels, None),
                }?;
                column.close()?;
                values.clear();
            }
            group.close().map(|_| ())
        })();
        written.map_err(|source| FileError::Write {
            path: self.path.clone(),
            source,
        })
    }
}

/// A file that goes unless it was given its name.
struct Partial(PathBuf);

impl Drop for Partial {
    fn drop(&mut self) {
        // It is gone where it was given its name.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// The values of a column that are not written yet.
struct Values {
    held: Held,
    presence: Presence,
    /// One a row: 1 where there is a value, 0 where there is none. Written where the column may be null.
    levels: Vec<i16>,
}

enum Held {
    Text(Vec<ByteArray>),
    Decimal(Vec<FixedLenByteArray>, Scale),
    /// Instants and numbers.
    Whole(Vec<i64>),
}

impl Values {
    fn of(column: &Column, scale: Scale) -> Values {
        Values {
            held: match column.holds {
                ColumnType::Text => Held::Text(Vec::new()),
                ColumnType::Decimal => Held::Decimal(Vec::new(), scale),
                ColumnType::Instant | ColumnType::Number => Held::Whole(Vec::new()),
            },
            presence: column.presence,
            levels: Vec::new(),
        }
    }

    fn push(&mut self, column: &Column, cell: Cell<'_>) -> Result<(), FileError> {
        self.levels.push(i16::from(cell != Cell::Absent));
        match (&mut self.held, column.holds, cell) {
            (_, _, Cell::Absent) if self.presence == Presence::Maybe => {}
            // Most texts are that of the row before, and then share its bytes.
            (Held::Text(held), _, Cell::Text(text)) => held.push(match held.last() {
                Some(last) if last.data() == text.as_bytes() => last.clone(),
                _ => ByteArray::from(text.as_ref()),
            }),
            (Held::Decimal(held, scale), _, Cell::Decimal(value)) => {
                let units = value.at(*scale).map_err(|source| FileError::Value {
                    column: column.name,
                    source,
                })?;
                held.push(FixedLenByteArray::from(units.to_be_bytes().to_vec()));
            }
            (Held::Whole(held), ColumnType::Instant, Cell::Instant(nanos)) => held.push(nanos),
            (Held::Whole(held), ColumnType::Number, Cell::Number(number)) => held.push(number.cast_signed()),
            (_, _, cell) => {
                return Err(FileError::Mismatch {
                    column: column.name,
                    value: format!("{cell:?}"),
                });
            }
        }
        Ok(())
    }

    fn clear(&mut self) {
        self.levels.clear();
        match &mut self.held {
            Held::Text(held) => held.clear(),
            Held::Decimal(held, _) => held.clear(),
            Held::Whole(held) => held.clear(),
        }
    }
}

fn schema(columns: &[Column], scale: Scale) -> Result<TypePtr, ParquetError> {
    let digits = |number: u32| i32::try_from(number).expect("digits of a decimal are at most 38");
    let fields: Result<Vec<_>, _> = columns
        .iter()
        .map(|column| {
            let (physical, logical) = match column.holds {
                ColumnType::Text => (PhysicalType::BYTE_ARRAY, LogicalType::String),
                ColumnType::Decimal => {
                    let (precision, scale) = (digits(PRECISION), digits(scale.digits()));
                    (
                        PhysicalType::FIXED_LEN_BYTE_ARRAY,
                        LogicalType::decimal(scale, precision),
                    )
                }
                ColumnType::Instant => (PhysicalType::INT64, LogicalType::timestamp(true, TimeUnit::NANOS)),
                ColumnType::Number => (PhysicalType::INT64, LogicalType::integer(64, false)),
            };
            let field = Type::primitive_type_builder(column.name, physical)
                .with_logical_type(Some(logical))
                .with_repetition(match column.presence {
                    Presence::Always => Repetition::REQUIRED,
                    Presence::Maybe => Repetition::OPTIONAL,
                });
            let field = match column.holds {
                ColumnType::Decimal => field
                    .with_length(DECIMAL_BYTES)
                    .with_precision(digits(PRECISION))
                    .with_scale(digits(scale.digits())),
                _ => field,
            };
            field.build().map(Arc::new)
        })
        .collect();
    Type::group_type_builder("schema")
        .with_fields(fields?)
        .build()
        .map(Arc::new)
}
