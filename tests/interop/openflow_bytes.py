#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Random flows from all of ovs-fields(7) and ovs-actions(7): the bytes that Debian's ovs-ofctl and `sluice ofctl` send for
each, in OpenFlow 1.0 to 1.5, to a socket that plays a switch.

Usage: openflow_bytes.py SLUICE [FLOWS-A-VERSION [SEED]]. Needs ovs-ofctl. They differ where a masked Ethernet address is set in a
version that cannot say the mask: ours keeps to it."""
import os
import random
import socket
import struct
import subprocess
import sys
import tempfile

R=random.Random()
def mac(): return ':'.join('%02x'%R.randrange(256) for _ in range(6))
def ip(): return '.'.join(str(R.randrange(256)) for _ in range(4))
def ip6(): return R.choice(['fe80::1','2001:db8::%x'%R.randrange(65536),'::1','ff02::1:ff00:1'])
def n(b): return R.randrange(1<<R.choice([1,4,8,16,24,32,48,64,b]) ) % (1<<b)
def h(b): return hex(n(b))
def mk(v,m): return v if R.random()<.6 else v+'/'+m
def reg(): return R.choice(['reg%d'%R.randrange(16),'xreg%d'%R.randrange(8),'xxreg%d'%R.randrange(4),'metadata','tun_id','pkt_mark'])
def width(f): return 32 if f.startswith('reg') or f in('pkt_mark','tun_src') else 128 if f.startswith('xx') else 64
def sub(f=None,w=None):
    f=f or reg(); W=width(f)
    if R.random()<.3: return f+'[]',W
    a=R.randrange(W); b=R.randrange(a,W) if w is None else min(W-1,a+w-1)
    return f+'[%d..%d]'%(a,b) if b>a or R.random()<.3 else f+'[%d]'%a, b-a+1
def matches():
    m=[]
    if R.random()<.3: m.append('in_port=%s'%R.choice(['1','2','LOCAL','65534','CONTROLLER','100']))
    if R.random()<.15: m.append('dl_src='+mk(mac(),mac()))
    if R.random()<.15: m.append('dl_dst='+mk(mac(),'01:00:00:00:00:00'))
    if R.random()<.2: m.append(R.choice(['dl_vlan=%d'%R.randrange(4096),'dl_vlan=0xffff','vlan_tci=0x%04x'%R.randrange(65536),'vlan_tci=0x1000/0x1000','vlan_vid=0x%x/0x1fff'%(R.randrange(4096)|4096),'dl_vlan=%d,dl_vlan_pcp=%d'%(R.randrange(4096),R.randrange(8)),'dl_vlan_pcp=%d'%R.randrange(8),'vlan_pcp=3']))
    for f in ('reg0','reg5','reg15','xreg2','xxreg1','metadata','tun_id','pkt_mark','ct_mark','ct_label','ct_zone','conj_id','recirc_id','dp_hash','actset_output','tun_src','tun_dst','tun_flags','tun_gbp_id','tun_gbp_flags','tun_ipv6_src','tun_metadata0'):
        if R.random()<.025:
            w={'xreg2':64,'xxreg1':128,'metadata':64,'tun_id':64,'ct_label':128,'ct_zone':16,'tun_gbp_id':16,'tun_gbp_flags':8}.get(f,32)
            if f in('tun_src','tun_dst'): m.append(f+'='+mk(ip(),ip()))
            elif f=='tun_ipv6_src': m.append(f+'='+ip6())
            elif f=='tun_flags': m.append('tun_flags='+R.choice(['+df','-df+csum','df|key','+oam-key','0','df']))
            elif f in('conj_id','recirc_id','actset_output','tun_metadata0','ct_zone'): m.append('%s=%d'%(f,n(10)))
            else: m.append(f+'='+mk(h(w),h(w)))
    if R.random()<.06: m.append('ct_state='+R.choice(['+trk','-trk','+trk+est-new','+trk+inv','0x21/0x23','+rel+rpl','+snat','+trk+new-inv+dnat']))
    k=R.randrange(16)
    if k==0: m+=['arp']+[x for x in ('arp_op=%d'%R.randrange(300),'arp_spa='+mk(ip(),'255.255.0.0'),'nw_src='+ip(),'arp_sha='+mac(),'arp_tha='+mk(mac(),mac())) if R.random()<.4]
    elif k in(1,2,3): 
        m+=[R.choice(['ip','tcp','udp','sctp','icmp','igmp','ip,nw_proto=%d'%R.randrange(256),'dl_type=0x0800'])]
        if m[-1] in('tcp','udp','sctp'):
            for f in('tp_src','tp_dst'):
                if R.random()<.4: m.append('%s=%s'%(f,mk(str(R.randrange(65536)),hex(R.randrange(65536)))))
            if m[-1]=='tcp' and R.random()<.5: m.append('tcp_flags='+R.choice(['+syn','+syn-ack','0x12/0x3f','syn|ack','0x7']))
        if 'icmp' in m and R.random()<.6: m.append('icmp_type=%d'%R.randrange(256)); 
        m+=[x for x in ('nw_src='+mk(ip(),str(R.randrange(33))),'nw_dst='+mk(ip(),ip()),'nw_tos=%d'%(R.randrange(64)*4),'ip_dscp=%d'%R.randrange(64),'nw_ecn=%d'%R.randrange(4),'nw_ttl=%d'%R.randrange(256),'nw_frag='+R.choice(['no','yes','first','later','not_later'])) if R.random()<.25]
    elif k in(4,5):
        m+=[R.choice(['ipv6','tcp6','udp6','sctp6','icmp6','ipv6,nw_proto=%d'%R.randrange(256)])]
        if m[-1]=='icmp6' and R.random()<.6: m.append(R.choice(['icmp_type=135,nd_target=%s,nd_sll=%s'%(ip6(),mac()),'icmpv6_type=136,icmpv6_code=0,nd_tll='+mac(),'icmp_type=%d,icmp_code=%d'%(R.randrange(256),R.randrange(256)),'icmp_type=136,nd_reserved=5','icmp_type=135,nd_options_type=1']))
        m+=[x for x in ('ipv6_src='+mk(ip6(),str(R.randrange(129))),'ipv6_dst='+ip6(),'ipv6_label='+mk(h(20),'0xff'),'nw_ttl=5') if R.random()<.3]
    elif k==6: m+=[R.choice(['mpls','mplsm'])]+[x for x in('mpls_label=%d'%n(20),'mpls_tc=%d'%R.randrange(8),'mpls_bos=%d'%R.randrange(2),'mpls_ttl=%d'%R.randrange(256)) if R.random()<.5]
    elif k==7: m+=['dl_type=0x%04x'%R.choice([0x894f,0x88cc,0x1234,0x5ff,0x600])]+(['nsh_spi=0x%x'%n(24),'nsh_si=%d'%R.randrange(256),'nsh_mdtype=1,nsh_c1=0x%x'%n(32)] if R.random()<.2 else [])
    elif k==8: m+=[R.choice(['packet_type=(0,0)','packet_type=(1,0x800)','packet_type=(1,0x894f),nsh_si=5','eth','rarp'])]
    return m
def port(): return R.choice(['1','2','65','LOCAL','in_port','3'])
def action(d=0):
    k=R.randrange(62)
    s,w=sub()
    A=['output:%s'%port(),'output:%s'%sub('reg%d'%R.randrange(16))[0],'output(port=%s,max_len=%d)'%(R.choice('123'),R.choice([14,60,100,65535])),'normal','flood','all','local','in_port','drop',
     'controller','controller:%d'%R.randrange(65536),'controller(reason=%s,max_len=%d,id=%d)'%(R.choice(['action','no_match','invalid_ttl']),R.randrange(65536),R.randrange(65536)),'controller(userdata=%02x.%02x,pause)'%(1,R.randrange(256)),'controller(meter_id=%d)'%R.randrange(1,100),
     'enqueue:%d:%d'%(R.randrange(1,9),R.randrange(9)),'set_queue:%d'%n(31),'pop_queue','group:%d'%n(31),
     'resubmit:%d'%R.randrange(1,9),'resubmit(,%d)'%R.randrange(255),'resubmit(%s,%d)'%(port(),R.randrange(255)),'resubmit(,%d,ct)'%R.randrange(255),'resubmit(1,2,ct)',
     'mod_vlan_vid:%d'%R.randrange(4096),'mod_vlan_pcp:%d'%R.randrange(8),'strip_vlan','pop_vlan','push_vlan:0x8100','push_vlan:0x88a8',
     'push_mpls:0x8847','pop_mpls:0x0800','mod_dl_src:'+mac(),'mod_dl_dst:'+mac(),'mod_nw_src:'+ip(),'mod_nw_tos:%d'%(R.randrange(64)*4),'mod_nw_ecn:%d'%R.randrange(4),'mod_nw_ttl:%d'%R.randrange(256),'mod_tp_src:%d'%R.randrange(65536),'mod_tp_dst:5',
     'dec_ttl','dec_ttl(%d,%d)'%(R.randrange(65536),R.randrange(9)),'set_mpls_label(%d)'%n(20),'set_mpls_ttl(%d)'%R.randrange(256),'dec_mpls_ttl','dec_nsh_ttl','set_tunnel:%s'%h(R.choice([32,64])),'set_tunnel64:%s'%h(64),
     'load:%s->%s'%(hex(n(min(w,64))),s),'set_field:%s->%s'%(h(31),R.choice(['reg%d'%R.randrange(16),'metadata','tun_id','pkt_mark','ct_mark'])),'set_field:%s/%s->reg3'%(h(32),h(32)),'set_field:%s->eth_src'%mac(),'set_field:%s/ff:ff:00:00:00:00->eth_dst'%mac(),'set_field:%s->ip_dst'%ip(),'set_field:%d->tcp_src'%R.randrange(65536),'set_field:%d->vlan_vid'%(R.randrange(4096)|4096),'set_field:%s->ipv6_src'%ip6(),
     'push:%s'%s,'pop:%s'%s,'note:%02x.%02x.%02x'%(1,R.randrange(256),3),'exit','fin_timeout(idle_timeout=%d)'%R.randrange(100),'fin_timeout(hard_timeout=%d,idle_timeout=3)'%R.randrange(100),'conjunction(%d,%d/%d)'%(n(31),R.randrange(1,3),R.randrange(2,5)),
     'multipath(%s,%d,%s,%d,0,reg%d[0..%d])'%(R.choice(['eth_src','symmetric_l4','symmetric_l3l4','symmetric_l3l4+udp','symmetric_l3','nw_src','nw_dst']),R.randrange(65536),R.choice(['modulo_n','hash_threshold','hrw','iter_hash']),R.randrange(1,16),R.randrange(16),R.randrange(4,31)),
     'bundle(%s,%d,%s,ofport,members:%s)'%(R.choice(['eth_src','nw_src','symmetric_l4']),R.randrange(65536),R.choice(['active_backup','hrw']),','.join(str(R.randrange(1,9)) for _ in range(R.randrange(1,5)))),
     'bundle_load(symmetric_l4,60,hrw,ofport,reg%d[0..15],members:1,2)'%R.randrange(16),
     'sample(probability=%d,collector_set_id=%d,obs_domain_id=%d,obs_point_id=%d%s)'%(R.randrange(1,65536),n(32),n(32),n(32),R.choice(['',',sampling_port=1',',egress',',ingress,sampling_port=2'])),
     'learn(table=%d%s,NXM_OF_ETH_DST[]=NXM_OF_ETH_SRC[],output:NXM_OF_IN_PORT[])'%(R.randrange(255),R.choice(['',',idle_timeout=10',',hard_timeout=5,priority=7',',cookie=0x5,fin_idle_timeout=2',',send_flow_rem,delete_learned',',limit=5,result_dst=reg0[0]'])),
     'learn(eth_type=0x800,nw_src=%s,tcp_dst=80,ip_proto=6,load:%s->reg%d[],load:NXM_OF_IN_PORT[]->reg1[0..15])'%(ip(),h(32),R.randrange(16)),
     'ct','ct(commit)','ct(commit,force,zone=%d)'%R.randrange(65536),'ct(table=%d,zone=reg%d[0..15])'%(R.randrange(255),R.randrange(16)),'ct(commit,nat(src=%s%s),exec(set_field:%s->ct_mark))'%(ip(),R.choice(['','-'+'255.255.255.254',':80-90',]),h(32)),'ct(nat,table=3)','ct(commit,alg=%s)'%R.choice(['ftp','tftp']),'ct(commit,nat(dst=%s,random),exec(load:1->ct_label[0..7]))'%ip(),'ct(commit,nat(src=[%s]:5-9,hash,persistent))'%ip6(),'ct_clear','ct(commit,timeout=foo)',
     'check_pkt_larger(%d)->reg0[%d]'%(R.randrange(65536),R.randrange(32)),'delete_field:tun_metadata%d'%R.randrange(64),'encap(ethernet)','encap(nsh(md_type=1))','encap(nsh(md_type=2,tlv(0x1000,10,0x%s)))'%('12345678'*R.randrange(1,3)),'encap(nsh)','decap()','decap(packet_type(ns=0,type=0))','encap(mpls)','encap(mpls_mc)',
     'move:%s->%s'%((lambda x:(x[0],sub(None,x[1])[0]))(sub('reg%d'%R.randrange(16))))]
    if d<2 and R.random()<.06: return 'clone(%s)'%','.join(action(d+1) for _ in range(R.randrange(1,4)))
    return R.choice(A)
def flow():
    m=matches()
    pre=[]
    if R.random()<.2: pre.append('table=%d'%R.randrange(255))
    if R.random()<.3: pre.append('priority=%d'%R.randrange(65536))
    if R.random()<.1: pre.append('cookie=%s'%h(64))
    if R.random()<.1: pre.append('idle_timeout=%d'%R.randrange(65536))
    if R.random()<.1: pre.append('importance=%d'%R.randrange(65536))
    if R.random()<.1: pre.append(R.choice(['send_flow_rem','check_overlap','reset_counts','no_packet_counts','no_byte_counts']))
    a=[action() for _ in range(R.choice([1,1,1,2,3]))]
    if R.random()<.1: a.append(R.choice(['goto_table:%d'%R.randrange(1,255),'write_metadata:%s'%h(64),'write_metadata:0x5/0xff','clear_actions','write_actions(output:1,set_field:5->reg1)','meter:%d'%R.randrange(1,99)]))
    return ','.join(pre+m)+(',' if pre+m else '')+'actions='+','.join(a)


def capture(command, version, path):
    """The flow mods and Nicira's messages that COMMAND sends to the switch at PATH, without their transaction ids."""
    if os.path.exists(path):
        os.unlink(path)
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(path)
        s.listen(1)
        s.settimeout(5)
        p = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        out, buf = [], b""
        try:
            c, _ = s.accept()
            with c:
                c.settimeout(5)
                c.sendall(struct.pack(">BBHI", version, 0, 8, 1))
                while data := c.recv(65536):
                    buf += data
                    while len(buf) >= 8 and len(buf) >= struct.unpack(">H", buf[2:4])[0]:
                        n = struct.unpack(">H", buf[2:4])[0]
                        m, buf = buf[:n], buf[n:]
                        if m[1] in (4, 14):
                            out.append(m[:4] + m[8:])
                        elif m[1] == (18 if version == 1 else 20):
                            c.sendall(struct.pack(">BBH", version, m[1] + 1, 8) + m[4:8])
        except socket.timeout:
            pass
        finally:
            p.kill()
            p.wait()
    return out


def main():
    each = int(sys.argv[2]) if len(sys.argv) > 2 else 40
    R.seed(int(sys.argv[3]) if len(sys.argv) > 3 else 1)
    n = bad = 0
    with tempfile.TemporaryDirectory() as d:
        path, text = d + "/switch", d + "/flow"
        for version in range(1, 7):
            done = 0
            while done < each:
                f = flow()
                option = ["-vOFF", "-O", f"OpenFlow1{version - 1}"]
                x = subprocess.run(["ovs-ofctl"] + option + ["parse-flow", f], capture_output=True, text=True, check=False)
                if x.returncode or "decode error" in x.stdout:
                    continue
                with open(text, "w", encoding="ascii") as out:
                    out.write(f + "\n")
                theirs, ours = (capture(tool + option + ["-t", "5", "--no-names", "add-flows", "unix:" + path, text], version, path)
                                for tool in (["ovs-ofctl"], [sys.argv[1], "ofctl"]))
                done += 1
                n += 1
                if theirs != ours:
                    bad += 1
                    print(f"OpenFlow1{version - 1} {f}\n  reference", [m.hex() for m in theirs], "\n  sluice   ", [m.hex() for m in ours])
    print(n, "flows,", bad, "differ")
    return bad * 20 > n


if __name__ == "__main__":
    sys.exit(main())
