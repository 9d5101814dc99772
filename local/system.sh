#!/usr/bin/env bash
# The Debian packages for what the packages from PyPI cannot do: a Redis server, for the store behind TLS and the benchmarks of memory,
# and in CI Docker with what builds the Lambda image. Installs only what is missing, as root or by sudo; on other systems it says
# what to install.
set -euo pipefail
need=()
command -v redis-server >/dev/null || command -v valkey-server >/dev/null || need+=(redis-server)
if [ "${CI:-}" = true ]; then
  command -v dockerd >/dev/null || [ -S /var/run/docker.sock ] || need+=(docker.io iptables)
  command -v debootstrap >/dev/null || [ -x /usr/sbin/debootstrap ] || need+=(debootstrap)
fi
[ ${#need[@]} -gt 0 ] || exit 0
if ! command -v apt-get >/dev/null; then
  echo "Please install: ${need[*]}" >&2
  exit 1
fi
root=(); [ "$(id -u)" = 0 ] || root=(sudo)
echo "Installing ${need[*]}"
# The tests start servers of their own: the packages' services stay off.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' | "${root[@]}" tee "$policy" >/dev/null
  "${root[@]}" chmod +x "$policy"
  trap '"${root[@]}" rm -f "$policy"' EXIT
fi
"${root[@]}" apt-get update -q >/dev/null
"${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${need[@]}" >/dev/null
