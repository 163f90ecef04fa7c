#!/bin/sh
# Prints the licences of the libraries that a portable build links in, from Debian's packages.
set -eu
echo "sluice contains these libraries, each under its own licence."
for package in libstdc++-12-dev zlib1g-dev liblz4-dev libzstd-dev libsnappy-dev liburing-dev \
  libxxhash-dev libspdlog-dev libfmt-dev libtomlplusplus-dev libcli11-dev libre2-dev \
  libncurses-dev; do
  printf '\n==== %s %s ====\n\n' "$package" "$(dpkg-query -W -f='${Version}' "$package")"
  cat "/usr/share/doc/$package/copyright"
done
# Boost's file names every author of every library in it; its own licence is one.
printf '\n==== libboost1.81-dev %s ====\n\n' "$(dpkg-query -W -f='${Version}' libboost1.81-dev)"
sed -n '/^ Boost Software License - Version 1.0/,/^ DEALINGS IN THE SOFTWARE/p' \
  /usr/share/doc/libboost1.81-dev/copyright | sed '/DEALINGS IN THE SOFTWARE/q'
