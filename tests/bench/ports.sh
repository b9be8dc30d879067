#!/bin/bash
# Two hosts and a switch, as veth.sh, in one run: the Linux bridge, Debian's Open vSwitch (userspace), and the relay: our
# port drivers alone. In private namespaces, so that it disturbs nobody.
#
# usage: ports.sh [RELAY [TYPE]]     RELAY: build/tests/bench/relay; TYPE of both ports: system
set -eu
here=$(dirname "$(realpath "$0")")
if [ -z "${PORTS_SH_INSIDE:-}" ]; then
    PORTS_SH_INSIDE=1 exec unshare -n -m --propagation private "$0" "$@"
fi
relay=${1:-$here/../../build/tests/bench/relay} type=${2:-system}
mkdir -p /run/netns
mount -t tmpfs none /run/netns
ip link set lo up
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$here/veth.sh" reference
"$here/veth.sh" up
ip link add brx type bridge; ip link set brx up
ip link set va master brx; ip link set vb master brx
sleep 1; "$here/veth.sh" measure linux-bridge
ip link del brx
mkfifo "$work/in"; exec 7<>"$work/in"
"$relay" "$type:va" "$type:vb" <&7 >"$work/out" &
until grep -q . "$work/out"; do sleep 0.1; done
grep -v ready "$work/out" || true
"$here/veth.sh" measure "relay,$type"
echo drops >&7; until grep -q '^\.$' "$work/out"; do sleep 0.1; done
sed '1d; /^\.$/d' "$work/out"
echo quit >&7; wait
"$here/veth.sh" down
