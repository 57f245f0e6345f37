# The switch of a network, in a network namespace of its own. Says "ready" on
# standard output, then lives until its standard input closes, that is until
# the test process is gone ("keep" on its input: for ever).
ip link set lo up
ip link add br0 type bridge forward_delay 0 stp_state 0 mcast_snooping 0
ip link set br0 addrgenmode none
ip link set br0 up
echo ready
exec >/dev/null 2>&1
if read -r word && [ "$word" = keep ]; then
    exec sleep infinity
fi
