"""Data larger than memory: files that are read block by block, pass after pass."""

from marquardt.streams.data import FileData
from marquardt.streams.errors import errors_of_parts
from marquardt.streams.files import ArrayFiles, Files, TableFiles, is_stream_only
from marquardt.streams.reading import ReadAhead, StreamedBlocks
from marquardt.streams.training import FileTrainingResult, train_on_files

__all__ = [
    "ArrayFiles",
    "FileData",
    "FileTrainingResult",
    "Files",
    "ReadAhead",
    "StreamedBlocks",
    "TableFiles",
    "errors_of_parts",
    "is_stream_only",
    "train_on_files",
]
