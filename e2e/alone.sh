#!/bin/sh
# Runs a program of this package in a network of its own, so that nothing can be reached but this
# machine: sh ./alone.sh playwright test
#
# The network has the loopback and one interface that leads nowhere, as on a machine whose cable is
# unplugged at the other end; without that interface browsers call themselves offline.
set -eu
export PATH="$PWD/node_modules/.bin:$PATH"
inside='ip link set lo up
ip link add nowhere type veth peer name end
ip addr add 192.0.2.2/24 dev nowhere
ip link set nowhere up
ip link set end up
exec env PLENARY_ALONE=1 "$@"'
if [ "$(id -u)" = 0 ]; then own='unshare --net'; else own='unshare --user --map-root-user --net'; fi
if $own true 2>/dev/null; then exec $own sh -euc "$inside" sh "$@"; fi
echo "This machine does not allow a network namespace (tried: $own)." >&2
echo "Run the tests as root, or allow unprivileged user namespaces." >&2
exit 1
