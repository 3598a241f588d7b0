"""Table files become arrays, and remember how."""

from marquardt.tables.coding import CodedTable, TableCoding
from marquardt.tables.columns import as_table
from marquardt.tables.dialect import Dialect
from marquardt.tables.input_columns import InputColumn
from marquardt.tables.reading import MISSING_WORDS, read_table
from marquardt.tables.remarks import Remarks
from marquardt.tables.separated import header_of
from marquardt.tables.streaming import CodedFiles, even_batches, open_rows, table_bytes
from marquardt.tables.surveying import Rows
from marquardt.tables.workbooks import WORKBOOKS
from marquardt.tables.writing import TableWriter, check_table_suffix, write_table, writing_table
from marquardt.tables.written import Written

__all__ = [
    "MISSING_WORDS",
    "WORKBOOKS",
    "CodedFiles",
    "CodedTable",
    "Dialect",
    "InputColumn",
    "Remarks",
    "Rows",
    "TableCoding",
    "TableWriter",
    "Written",
    "as_table",
    "check_table_suffix",
    "even_batches",
    "header_of",
    "open_rows",
    "read_table",
    "table_bytes",
    "write_table",
    "writing_table",
]
