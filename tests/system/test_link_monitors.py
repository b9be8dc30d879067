# SPDX-License-Identifier: Apache-2.0
"""BFD, CFM and LLDP (Interface): in simulation beside the reference, and with it at the other end of a link."""
import re

import pytest
from scapy.utils import rdpcap

from netns import wait_for
from test_bonds import say
from test_spanning import lines

BFD = "dl_src=50:54:00:00:00:01,dl_dst=00:23:20:00:00:01,"
TRACES = [BFD + "udp,nw_src=169.254.1.1,nw_dst=169.254.1.0,nw_ttl=255,udp_src=49152,udp_dst=3784", BFD + "udp,udp_dst=3785", BFD + "tcp",
          BFD + "arp", "dl_src=50:54:00:00:00:01,dl_dst=01:80:c2:00:00:30,dl_type=0x8902",
          "dl_src=50:54:00:00:00:01,dl_dst=01:23:20:00:00:30,dl_type=0x8902", "dl_src=50:54:00:00:00:01,dl_dst=01:80:c2:00:00:0e,dl_type=0x88cc"]


def without_times(text):
    text = re.sub(r"(now|next CCM tx:|next fault check:) ?[-+]?\d+ms", r"\1 N", text)
    return re.sub(r"Discriminator: 0x[0-9a-f]+|(([0-9a-f]{2}:){5,}[0-9a-f]{2})", "X", text)


def test_alone(simulation, reference):
    """Nobody answers: what is sent, what is said of it, and that the port is not live."""
    told = []
    for daemon in (simulation, reference):
        for i in (1, 2):  # one by one, so that devices get the same addresses
            daemon.vsctl(("add-br br0 -- set bridge br0 datapath_type=dummy fail_mode=standalone -- " if i == 1 else "") +
                         f"add-port br0 p{i} -- set interface p{i} type=dummy ofport_request={i} options:tx_pcap={daemon.dir}/p{i}.pcap")
        said = [daemon.talk(*command.split()) for command in (
            "bfd/show nope", "cfm/show nope", "bfd/show p1", "bfd/set-forwarding p1 true", "bfd/set-forwarding p1 x", "cfm/set-fault p1 x",
            "cfm/set-fault p1 true", "bfd/set-forwarding true", "cfm/set-fault normal", "autoattach/status")]
        say(daemon, "time/stop")
        daemon.vsctl("set interface p1 bfd:enable=true cfm_mpid=7 lldp:enable=true -- set interface p2 cfm_mpid=8 "
                     "other_config:cfm_extended=true other_config:cfm_interval=100 other_config:cfm_ccm_vlan=5 other_config:cfm_opstate=down")
        say(daemon, "time/warp", "6000", "50")
        said += [without_times(say(daemon, command)) for command in ("bfd/show", "autoattach/status", "autoattach/show-isid")]
        said += [without_times(say(daemon, "cfm/show", p)) for p in ("p1", "p2")]
        said += [lines(say(daemon, "ofproto/trace", "br0", f"in_port=1,{key}")) for key in TRACES]
        wait_for(lambda: "true" in daemon.get("interface", "p1", "cfm_fault"), "the status")
        said += [daemon.get("interface", p, column) for p in ("p1", "p2") for column in (
            "bfd_status", "cfm_fault", "cfm_fault_status", "cfm_flap_count", "cfm_remote_mpids")]
        said.append(re.sub(r"addr:\S+|xid=\S+", "", daemon.command("ovs-ofctl", "-OOpenFlow13", "dump-ports-desc", "br0").stdout))
        frames = [bytes(f) for p in ("p1", "p2") for f in rdpcap(f"{daemon.dir}/{p}.pcap")]
        # Without what counts or is drawn by lot: BFD's discriminator, CFM's sequence number.
        said.append({f[:6] + f[12:46] + f[50:] for f in frames if f[12:14] == b"\x08\x00"})
        said.append({f[:6] + f[12:16] + f[17:18] + f[22:] for f in frames if f[12:14] == b"\x89\x02"} - set())
        told.append(said)
    for ours, theirs in zip(*told):
        assert ours == theirs


def test_with_the_reference(simulation, reference):
    """Ours and the reference at both ends of a link: each hears the other, and notices that it goes."""
    for daemon, kind in ((simulation, "pstream=punix"), (reference, "stream=unix")):
        daemon.vsctl("add-br br0 -- set bridge br0 datapath_type=dummy fail_mode=standalone -- add-port br0 p1 -- set interface p1 type=dummy "
                     f"options:{kind}:{simulation.dir}/link bfd:enable=true bfd:min_rx=200 bfd:min_tx=200 lldp:enable=true "
                     f"cfm_mpid={1 if daemon is simulation else 2} other_config:cfm_interval=300 other_config:cfm_extended=true")
    both = (simulation, reference)
    wait_for(lambda: all("Local Session State: up" in say(d, "bfd/show", "p1") for d in both), "BFD", 20)
    wait_for(lambda: all("recv since check: true" in say(d, "cfm/show", "p1") and "fault" not in say(d, "cfm/show", "p1").split("Remote")[0]
                         .replace("next fault", "") for d in both), "CFM", 20)
    wait_for(lambda: all("Server Descr: openvswitch 3.1.0" in say(d, "autoattach/status") for d in both), "LLDP", 20)
    for daemon, other in ((simulation, 2), (reference, 1)):
        wait_for(lambda: daemon.get("interface", "p1", "cfm_remote_mpids") == f"[{other}]", "the other's mpid")
        wait_for(lambda: 'forwarding="true"' in daemon.get("interface", "p1", "bfd_status"), "the status")
    assert "LIVE" in simulation.command("ovs-ofctl", "-OOpenFlow13", "dump-ports-desc", "br0", "p1").stdout
    assert {"slow_path(bfd)", "slow_path(cfm)"} <= set(re.findall(r"slow_path\(\w+\)", " ".join(simulation.flows())))
    # The other end says that it does not forward, then falls silent.
    reference.vsctl("set interface p1 bfd:cpath_down=true")
    wait_for(lambda: "Remote Diagnostic: Concatenated Path Down" in say(simulation, "bfd/show", "p1") and
             "Forwarding: false" in say(simulation, "bfd/show", "p1"), "the path to be down")
    reference.vsctl("del-port p1")
    wait_for(lambda: "Local Session State: down" in say(simulation, "bfd/show", "p1"), "BFD to notice")
    wait_for(lambda: "fault: recv" in say(simulation, "cfm/show", "p1"), "CFM to notice", 20)
    wait_for(lambda: "state:      LIVE" not in simulation.command("ovs-ofctl", "-OOpenFlow13", "dump-ports-desc", "br0").stdout
             .split("LOCAL")[0], "the port to be dead")


@pytest.mark.parametrize("watch", ["bfd:enable=true", "cfm_mpid=3"])
def test_a_bond_leaves_a_member_that_is_not_heard(simulation, watch):
    simulation.vsctl("add-br br0 -- set bridge br0 datapath_type=dummy fail_mode=standalone -- add-bond br0 bond0 p1 p2 -- "
                     "set interface p1 type=dummy -- set interface p2 type=dummy")
    say(simulation, "time/stop")
    assert "active member mac: " in say(simulation, "bond/show") and "(p1)" in say(simulation, "bond/show")
    simulation.vsctl(f"set interface p1 {watch}")
    say(simulation, "time/warp", "5000", "100")
    assert "(p2)" in say(simulation, "bond/show")
    forward = ("bfd/set-forwarding", "p1", "true") if "bfd" in watch else ("cfm/set-fault", "p1", "false")
    say(simulation, *forward)
    say(simulation, "time/warp", "100")
    assert "member p1: enabled" in say(simulation, "bond/show")
