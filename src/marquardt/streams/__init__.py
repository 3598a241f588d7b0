"""Data larger than memory: files that are read block by block, pass after pass."""

from marquardt.streams.array_files import ArrayFiles
from marquardt.streams.data import FileData
from marquardt.streams.errors import ClassErrors, ErrorSums, RegressionErrors, errors_of_parts, probabilities
from marquardt.streams.files import ArrowFiles, Files, TableFiles, is_arrow_data, is_pattern
from marquardt.streams.memory import free_memory
from marquardt.streams.reading import ReadAhead, StreamedBlocks
from marquardt.streams.training import FileTrainingResult, train_on_files

__all__ = [
    "ArrayFiles",
    "ArrowFiles",
    "ClassErrors",
    "ErrorSums",
    "FileData",
    "FileTrainingResult",
    "Files",
    "ReadAhead",
    "RegressionErrors",
    "StreamedBlocks",
    "TableFiles",
    "errors_of_parts",
    "free_memory",
    "is_arrow_data",
    "is_pattern",
    "probabilities",
    "train_on_files",
]
