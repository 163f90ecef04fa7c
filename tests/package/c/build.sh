#!/bin/sh
# A project in C: build.sh SOURCE PROGRAM.
set -eu
${CC:-cc} -std=c11 -Wall -Wextra -Werror -pedantic $(pkg-config --cflags sluice) "$1" -o "$2" \
  $(pkg-config --libs sluice)
