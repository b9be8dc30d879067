#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Prints messages that os-ken builds, for OpenFlow 1.0 and 1.2 to 1.5, with `sluice ofctl ofp-print` and with the
reference's ovs-ofctl, and compares.

Usage: openflow_osken.py SLUICE
Needs python3-os-ken and ovs-ofctl; no switch runs. Bundle features of OpenFlow 1.5 are expected to differ: the
reference does not know them."""
import subprocess
import sys
from os_ken.ofproto import ofproto_protocol
S = sys.argv[1]
bad=0;n=0
def pr(b):
    p=subprocess.run([S,'ofctl','ofp-print',b.hex()],capture_output=True,text=True); q=subprocess.run(['ovs-ofctl','ofp-print',b.hex()],capture_output=True,text=True)
    return p.stdout,q.stdout
def check(name,msg):
    global bad,n
    msg.set_xid(1); msg.serialize(); b=bytes(msg.buf); o,r=pr(b); n+=1
    if o!=r:
        bad+=1; print('##',name); print(' R',r[:200].replace('\n','\n   ')); print(' M',o[:200].replace('\n','\n   '))
for v in (1,3,4,5,6):
    dp=ofproto_protocol.ProtocolDesc(version=v); of,ps=dp.ofproto,dp.ofproto_parser
    def T(name,*a,**k):
        if not hasattr(ps,name): return
        try: m=getattr(ps,name)(dp,*a,**k)
        except Exception as e: return
        try: check('%d %s'%(v,name),m)
        except Exception as e: print('??',v,name,repr(e)[:100])
    T('OFPHello'); T('OFPEchoRequest',b'abc'); T('OFPEchoReply',b'abc'); T('OFPFeaturesRequest'); T('OFPGetConfigRequest'); T('OFPSetConfig',1,128); T('OFPBarrierRequest'); T('OFPErrorMsg',1,2,b'\0'*8)
    if v>1:
        m=ps.OFPMatch(in_port=1,eth_type=0x800,ipv4_src=('10.0.0.0','255.0.0.0'),ip_proto=6,tcp_dst=80)
        m2=ps.OFPMatch(eth_dst='00:11:22:33:44:55',vlan_vid=0x1005,metadata=(5,7))
        acts=[ps.OFPActionOutput(2,100),ps.OFPActionSetQueue(3),ps.OFPActionGroup(7),ps.OFPActionPushVlan(0x8100),ps.OFPActionSetField(vlan_vid=0x1005),ps.OFPActionDecNwTtl(),ps.OFPActionSetNwTtl(9),ps.OFPActionOutput(of.OFPP_CONTROLLER,65535)]
        inst=[ps.OFPInstructionActions(of.OFPIT_APPLY_ACTIONS,acts),ps.OFPInstructionWriteMetadata(5,0xff),ps.OFPInstructionActions(of.OFPIT_WRITE_ACTIONS,[ps.OFPActionOutput(3)]),ps.OFPInstructionGotoTable(9)]
        T('OFPFlowMod',cookie=5,cookie_mask=0,table_id=1,command=0,idle_timeout=3,hard_timeout=4,priority=7,buffer_id=0xffffffff,out_port=0,out_group=0,flags=1,match=m,instructions=inst)
        T('OFPFlowMod',cookie=5,cookie_mask=7,table_id=255,command=3,idle_timeout=0,hard_timeout=0,priority=7,buffer_id=0xffffffff,out_port=of.OFPP_ANY,out_group=of.OFPG_ANY,flags=0,match=m2,instructions=[])
        T('OFPFlowMod',cookie=5,cookie_mask=7,table_id=3,command=2,idle_timeout=0,hard_timeout=0,priority=7,buffer_id=5,out_port=of.OFPP_ANY,out_group=of.OFPG_ANY,flags=0,match=m2,instructions=[])
        T('OFPFlowStatsRequest',0,255,of.OFPP_ANY,of.OFPG_ANY,0,0,m); T('OFPAggregateStatsRequest',0,1,3,of.OFPG_ANY,0,0,m2)
        T('OFPDescStatsRequest',0);T('OFPTableStatsRequest',0);T('OFPPortStatsRequest',0,1);T('OFPPortStatsRequest',0,of.OFPP_ANY);T('OFPQueueStatsRequest',0,of.OFPP_ANY,of.OFPQ_ALL);T('OFPGroupStatsRequest',0,5);T('OFPGroupStatsRequest',0,of.OFPG_ALL);T('OFPGroupDescStatsRequest',0);T('OFPGroupFeaturesStatsRequest',0);T('OFPMeterStatsRequest',0,5);T('OFPMeterConfigStatsRequest',0,5);T('OFPMeterFeaturesStatsRequest',0);T('OFPPortDescStatsRequest',0);T('OFPTableDescStatsRequest',0)
        T('OFPRoleRequest',2,7); T('OFPGetAsyncRequest'); T('OFPQueueGetConfigRequest',3)
        T('OFPPacketOut',buffer_id=0xffffffff,in_port=1,actions=acts,data=b'\x00\x11\x22\x33\x44\x55\x00\x11\x22\x33\x44\x66\x08\x00'+b'\0'*30)
        bk=[ps.OFPBucket(weight=0,watch_port=of.OFPP_ANY,watch_group=of.OFPG_ANY,actions=[ps.OFPActionOutput(1)])] if v<6 else []
        T('OFPGroupMod',0,0,3,bk); T('OFPGroupMod',2,0,of.OFPG_ALL,[])
        if v in(4,5): T('OFPMeterMod',0,of.OFPMF_KBPS,3,[ps.OFPMeterBandDrop(100,5)]); T('OFPMeterMod',2,0,of.OFPM_ALL,[])
        T('OFPPortMod',3,'00:11:22:33:44:55',1,1,0x3); T('OFPTableMod',3,0)
        if v>=5: T('OFPBundleCtrlMsg',1,0,3,[]); T('OFPBundleFeaturesStatsRequest',0)
    else:
        m=ps.OFPMatch(in_port=1,dl_type=0x800,nw_src='10.0.0.1',nw_src_mask=24,nw_proto=6,tp_dst=80)
        acts=[ps.OFPActionOutput(2,100),ps.OFPActionVlanVid(5),ps.OFPActionStripVlan(),ps.OFPActionSetNwSrc('1.2.3.4'),ps.OFPActionEnqueue(1,2)]
        T('OFPFlowMod',m,5,0,3,4,7,0xffffffff,0xffff,1,acts); T('OFPFlowMod',m,5,3); T('OFPPacketOut',0xffffffff,1,acts,b'\0'*60)
        T('OFPFlowStatsRequest',0,m,255,0xffff); T('OFPDescStatsRequest',0); T('OFPPortMod',3,'00:11:22:33:44:55',1,1,3); T('NXTRoleRequest',1); T('NXTFlowModTableId',1); T('NXTSetFlowFormat',2); T('NXTSetPacketInFormat',1); T('NXTSetControllerId',5); T('NXTFlowAge')
print(n,'messages',bad,'differ')
sys.exit(bad > 1)
