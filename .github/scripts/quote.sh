#!/bin/sh
# Markdown with a sentence and the end of a log, which is shown as it is: quote.sh SENTENCE FILE
set -eu
printf '%s\n\n' "$1"
# An indented block has no markup: neither links nor mentions of people.
tail -n 40 "$2" | tr -d '\000-\010\013-\037\177' | cut -c 1-300 | sed 's/^/    /'
