#!/bin/sh
# A project without CMake: build.sh SOURCE PROGRAM. With the compiler of Debian 12, GCC 12.
set -eu
${CXX:-g++} -std=c++23 -O2 $(pkg-config --cflags sluice-client) "$1" -o "$2" \
  $(pkg-config --libs sluice-client)
