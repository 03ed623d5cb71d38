#!/bin/sh
# Standard input in capital letters. Arguments go before it: `spear invoke upper-sh -- a b`.
set -eu

if [ "${1-}" = later ]; then
    echo "not yet" >&2
    exit 75 # "try again": `spear submit` does
fi

echo "$SPEAR_FUNCTION runs in $PWD, as attempt $SPEAR_ATTEMPT" >&2
printf '{"content_type": "text/plain"}' >"$SPEAR_REPLY"
{ for word in "$@"; do echo "$word"; done; cat; } | tr '[:lower:]' '[:upper:]'
