# SPDX-License-Identifier: Apache-2.0
"""What others write against an ovsdb-server: python3-openvswitch's IDL and python3-ovsdbapp, against ours."""
import time

import pytest

from netns import wait_for
from ovsdb_util import Client, Server, VSWITCH_SCHEMA, tool
from switch import Switch

idl_module = pytest.importorskip("ovs.db.idl")
poller = pytest.importorskip("ovs.poller")


class Copy:
    """An IDL of python3-openvswitch, turned by hand."""

    def __init__(self, remote, tables=None, conditions=None):
        helper = idl_module.SchemaHelper(VSWITCH_SCHEMA)
        if tables:
            for table, columns in tables.items():
                helper.register_columns(table, columns)
        else:
            helper.register_all()
        self.idl = idl_module.Idl(remote, helper)
        for table, condition in (conditions or {}).items():
            self.idl.cond_change(table, condition)

    def until(self, what, seconds=10):
        end = time.monotonic() + seconds
        while True:
            self.idl.run()
            value = what()
            if value:
                return value
            assert time.monotonic() < end, "timed out"
            wait = poller.Poller()
            self.idl.wait(wait)
            wait.timer_wait(200)
            wait.block()

    def synced(self):
        seqno = self.idl.change_seqno
        return self.until(lambda: self.idl.has_ever_connected() and self.idl.change_seqno >= seqno)

    def rows(self, table):
        return list(self.idl.tables[table].rows.values())

    def commit(self, fill):
        txn = idl_module.Transaction(self.idl)
        fill(txn)
        return txn, txn.commit_block()


def test_idl():
    with Server("ours") as s:
        one, two = Copy(s.remote), Copy(s.remote, {"Bridge": ["name", "ports", "external_ids"], "Port": ["name"]})
        for copy in (one, two):
            copy.synced()

        def first(txn):
            ovs = txn.insert(one.idl.tables["Open_vSwitch"])
            bridge = txn.insert(one.idl.tables["Bridge"])
            bridge.name = "br0"
            ports = []
            for n in range(20):
                interface = txn.insert(one.idl.tables["Interface"])
                interface.name = f"p{n}"
                port = txn.insert(one.idl.tables["Port"])
                port.name, port.interfaces = f"p{n}", [interface]
                ports.append(port)
            bridge.ports = ports
            ovs.bridges = [bridge]
            txn.add_comment("the first")

        txn, status = one.commit(first)
        assert status == txn.SUCCESS
        two.until(lambda: len(two.rows("Port")) == 20)

        def change(txn):
            bridge = one.rows("Bridge")[0]
            bridge.verify("ports")
            bridge.setkey("external_ids", "k", "v")
            bridge.delvalue("ports", bridge.ports[0])

        txn, status = one.commit(change)
        assert status == txn.SUCCESS
        two.until(lambda: len(two.rows("Port")) == 19 and two.rows("Bridge")[0].external_ids == {"k": "v"})

        # Of two that count on the same value one has to try again.
        def racing(txn):
            bridge = two.rows("Bridge")[0]
            bridge.verify("external_ids")
            bridge.external_ids = {"k": "w"}

        Client(s.sock).transact("Open_vSwitch", {"op": "update", "table": "Bridge", "where": [], "row": {"external_ids": ["map", [["x", "y"]]]}})
        txn = idl_module.Transaction(two.idl)
        racing(txn)
        status = txn.commit_block()
        assert status == txn.TRY_AGAIN
        two.until(lambda: two.rows("Bridge")[0].external_ids == {"x": "y"})

        # Increments, as ovs-vsctl's of next_cfg.
        txn = idl_module.Transaction(one.idl)
        one.rows("Open_vSwitch")[0].increment("next_cfg")
        one.rows("Open_vSwitch")[0].setkey("external_ids", "n", "1")
        assert txn.commit_block() == txn.SUCCESS and txn.get_increment_new_value() == 1
        # Locks.
        one.idl.set_lock("name")
        one.until(lambda: one.idl.has_lock)
        two.idl.set_lock("name")
        two.until(lambda: two.idl.is_lock_contended)
        one.idl.close()
        two.until(lambda: two.idl.has_lock)
        # The server goes and comes back, and the copy with it.
        s.kill()
        s.start()
        Client(s.sock).transact("Open_vSwitch", {"op": "update", "table": "Bridge", "where": [], "row": {"external_ids": ["map", [["after", "1"]]]}})
        two.until(lambda: two.rows("Bridge")[0].external_ids == {"after": "1"}, 20)


def test_idl_conditions():
    with Server("ours") as s:
        vsctl = lambda *args: tool("ovs-vsctl", "--db=" + s.remote, "--no-wait", *args)  # noqa: E731
        vsctl("add-br", "br0", "--", "add-br", "br1")
        copy = Copy(s.remote, {"Bridge": ["name", "external_ids"]}, {"Bridge": [["name", "==", "br1"]]})
        copy.until(lambda: [r.name for r in copy.rows("Bridge")] == ["br1"])
        copy.idl.cond_change("Bridge", [["name", "==", "br0"]])
        copy.until(lambda: [r.name for r in copy.rows("Bridge")] == ["br0"])
        copy.idl.cond_change("Bridge", [True])
        copy.until(lambda: sorted(r.name for r in copy.rows("Bridge")) == ["br0", "br1"])
        vsctl("del-br", "br0")
        copy.until(lambda: [r.name for r in copy.rows("Bridge")] == ["br1"])


def test_ovsdbapp():
    connection = pytest.importorskip("ovsdbapp.backend.ovs_idl.connection")
    impl = pytest.importorskip("ovsdbapp.schema.open_vswitch.impl_idl")
    switch = Switch(None, "--enable-dummy", "--disable-system")
    try:
        idl = connection.OvsdbIdl.from_server(f"unix:{switch.dir}/db.sock", "Open_vSwitch")
        api = impl.OvsdbIdl(connection.Connection(idl, timeout=10))
        api.add_br("br0", may_exist=True, datapath_type="dummy").execute(check_error=True)
        with api.transaction(check_error=True) as txn:
            for n in range(5):
                txn.add(api.add_port("br0", f"p{n}"))
                txn.add(api.db_set("Interface", f"p{n}", ("type", "dummy"), ("external_ids", {"iface-id": f"id{n}"})))
        assert sorted(api.list_ports("br0").execute(check_error=True)) == [f"p{n}" for n in range(5)]
        assert api.port_to_br("p3").execute(check_error=True) == "br0"
        assert api.iface_to_br("p3").execute(check_error=True) == "br0"
        assert api.br_exists("br0").execute() and not api.br_exists("br1").execute()
        api.set_fail_mode("br0", "secure").execute(check_error=True)
        api.set_controller("br0", ["tcp:127.0.0.1:1"]).execute(check_error=True)
        assert api.get_controller("br0").execute(check_error=True) == ["tcp:127.0.0.1:1"]
        api.br_set_external_id("br0", "a", "b").execute(check_error=True)
        assert api.br_get_external_id("br0", "a").execute(check_error=True) == "b"
        found = api.db_find("Interface", ("external_ids", "=", {"iface-id": "id2"}), columns=["name", "ofport"]).execute(check_error=True)
        assert found[0]["name"] == "p2"
        wait_for(lambda: api.db_get("Interface", "p2", "ofport").execute(check_error=True) == 3, "the port's number")
        rows = api.db_list("Port", ["p1"], columns=["name", "tag"]).execute(check_error=True)
        assert rows == [{"name": "p1", "tag": []}]
        qos = api.db_create("QoS", type="linux-htb", other_config={"max-rate": "1000"}).execute(check_error=True)
        api.db_clear("QoS", qos, "other_config").execute(check_error=True)
        api.db_destroy("QoS", qos).execute(check_error=True)
        with pytest.raises(Exception):
            api.db_get("Bridge", "nope", "name").execute(check_error=True)
        api.add_manager("ptcp:0:127.0.0.1").execute(check_error=True)
        assert api.get_manager().execute(check_error=True) == ["ptcp:0:127.0.0.1"]
        api.remove_manager("ptcp:0:127.0.0.1").execute(check_error=True)
        api.del_port("p0", "br0").execute(check_error=True)
        api.del_br("br0").execute(check_error=True)
        assert api.list_br().execute(check_error=True) == []
        api.ovsdb_connection.stop()
    finally:
        switch.close()
