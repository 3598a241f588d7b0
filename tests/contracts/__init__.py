"""One law a file, held over everything registered of a kind."""
