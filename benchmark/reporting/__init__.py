"""Result tables: records to rows, rows to Markdown, CSV, JSON and the terminal."""
