# SPDX-License-Identifier: Apache-2.0
"""What others write against an ovsdb-server: python3-openvswitch's IDL and python3-ovsdbapp, against ours."""
import os
import re
import time

import pytest

from netns import wait_for
from ovsdb_util import Client, Server, REFERENCE, VSWITCH_SCHEMA, tool
from switch import Reference, Switch

if not os.path.exists(REFERENCE):
    pytest.skip("no reference to compare with", allow_module_level=True)

# What `tools/install-deps test` installs: whatever cannot be imported fails, and is not skipped in silence.
import ovs.db.idl as idl_module  # noqa: E402
import ovs.poller as poller  # noqa: E402
from ovsdbapp.backend.ovs_idl import connection  # noqa: E402
from ovsdbapp.schema.open_vswitch import impl_idl  # noqa: E402

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|0x[0-9a-f]{6,}")  # and where an object is


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
    switch = Switch(None, "--enable-dummy", "--disable-system")
    try:
        idl = connection.OvsdbIdl.from_server(f"unix:{switch.dir}/db.sock", "Open_vSwitch")
        api = impl_idl.OvsdbIdl(connection.Connection(idl, timeout=10))
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


def together(*commands):
    """Several commands in one transaction: the results of all, or the error of the first that cannot be."""
    def run(api):
        with api.transaction(check_error=True) as txn:
            results = [txn.add(command(api)) for command in commands]
        return [r.result for r in results]
    return run


def one(method, /, *args, **kwargs):
    return lambda api: getattr(api, method)(*args, **kwargs)


CALLS = [
    one("list_br"), one("add_br", "br0", may_exist=False, datapath_type="dummy"), one("add_br", "br0", may_exist=False, datapath_type="dummy"),
    one("add_br", "br0", may_exist=True, datapath_type="dummy"), one("add_br", "br1", datapath_type="dummy"), one("list_br"),
    one("br_exists", "br1"), one("br_exists", "nope"), one("db_set", "Bridge", "br0", ("other_config", {"hwaddr": "02:00:00:00:00:01"})),
    together(*(one("add_port", "br0", f"p{n}") for n in range(4)),
             *(one("db_set", "Interface", f"p{n}", ("type", "dummy"), ("ofport_request", n + 1)) for n in range(4))),
    one("list_ports", "br0"), one("list_ifaces", "br0"), one("list_ports", "nope"), one("port_to_br", "p3"), one("iface_to_br", "p3"),
    one("port_to_br", "nope"), one("add_port", "br1", "p0", may_exist=False), one("add_port", "nope", "p9"),
    one("iface_set_external_id", "p0", "iface-id", "one"), one("iface_get_external_id", "p0", "iface-id"), one("iface_get_external_id", "p0", "no"),
    one("iface_set_external_id", "p0", "iface-id", "two"), one("iface_get_external_id", "p0", "iface-id"), one("iface_get_external_id", "nope", "x"),
    one("br_set_external_id", "br0", "a", "b"), one("br_get_external_id", "br0", "a"), one("br_set_external_id", "br0", "a", None),
    one("br_set_external_id", "br0", "c", "d \"e\" \u00fc"), one("br_get_external_id", "br0", "c"), one("br_set_external_id", "nope", "a", "b"),
    one("set_controller", "br0", ["tcp:127.0.0.1:1", "tcp:127.0.0.1:2"]), one("get_controller", "br0"), one("set_controller", "br0", ["tcp:127.0.0.1:3"]),
    one("get_controller", "br0"), one("del_controller", "br0"), one("get_controller", "br0"), one("set_controller", "br1", ["ptcp:0:127.0.0.1"]),
    one("set_fail_mode", "br0", "secure"), one("db_get", "Bridge", "br0", "fail_mode"), one("set_fail_mode", "br0", "odd"), one("set_fail_mode", "br1", "standalone"),
    one("db_set", "Port", "p0", ("tag", 7), ("other_config", {"x": "y"})), one("db_get", "Port", "p0", "tag"), one("db_set", "Port", "p0", ("tag", 5000)),
    one("db_set", "Port", "p0", ("nope", 1)), one("db_set", "Nope", "p0", ("tag", 1)), one("db_get", "Port", "nope", "tag"),
    one("db_add", "Port", "p1", "trunks", 1, 2, 3), one("db_remove", "Port", "p1", "trunks", 2), one("db_get", "Port", "p1", "trunks"),
    one("db_add", "Port", "p1", "external_ids", {"k": "v", "l": "w"}), one("db_remove", "Port", "p1", "external_ids", "k"),
    one("db_remove", "Port", "p1", "external_ids", l="w"), one("db_get", "Port", "p1", "external_ids"), one("db_clear", "Port", "p1", "trunks"),
    one("db_get", "Port", "p1", "trunks"), one("db_add", "Port", "p1", "trunks", 4096),
    one("db_list", "Port", ["p0", "p1"], columns=["name", "tag", "trunks"]), one("db_list", "Port", columns=["name"]),
    one("db_list", "Port", ["p0", "nope"], columns=["name"]), one("db_list", "Port", ["p0", "nope"], columns=["name"], if_exists=True),
    one("db_find", "Interface", ("type", "=", "dummy"), columns=["name"]), one("db_find", "Port", ("tag", "=", 7), columns=["name", "tag"]),
    one("db_find", "Interface", ("external_ids", "=", {"iface-id": "two"}), columns=["name"]), one("db_find", "Port", ("name", "!=", "p0"), columns=["name"]),
    one("db_find", "Interface", ("ofport_request", "!=", 3), columns=["name"]), one("db_create", "QoS", type="linux-htb", other_config={"max-rate": "1000"}),
    together(one("db_create", "Mirror", name="m", select_all=True), one("br_set_external_id", "br1", "in", "one")),
    together(one("br_set_external_id", "br1", "not", "kept"), one("db_set", "Port", "nope", ("tag", 1))), one("br_get_external_id", "br1", "not"),
    together(one("br_set_external_id", "br1", "not", "kept"), one("db_set", "Port", "p1", ("tag", 9999))), one("br_get_external_id", "br1", "not"),
    together(one("add_br", "br2", datapath_type="dummy"), one("add_port", "br2", "q0"), one("db_set", "Interface", "q0", ("type", "dummy")),
             one("set_fail_mode", "br2", "secure"), one("list_ports", "br2")),
    one("del_port", "p2", "br1"), one("del_port", "p2", "br0"), one("del_port", "nope", if_exists=True), one("del_port", "nope", if_exists=False),
    one("del_port", "p3"), one("list_ports", "br0"), one("del_br", "br2"), one("del_br", "nope", if_exists=True), one("del_br", "nope", if_exists=False),
    one("add_manager", "ptcp:0:127.0.0.1"), one("get_manager"), one("remove_manager", "ptcp:0:127.0.0.1"), one("get_manager"), one("list_br")]


def said(api, call):
    """What a call gives, or the error it ends in."""
    try:
        command = call(api)
        result = command.execute(check_error=True) if hasattr(command, "execute") else command
        if isinstance(result, list):  # rows in no order
            result = sorted(UUID.sub("UUID", repr(r)) for r in result)
        return UUID.sub("UUID", repr(result))
    except Exception as error:
        text = re.sub(r'rows in \\"\w+\\" table', "rows in a table", str(error))  # of several the first that was written
        text = re.sub(r"First row, .*", "", text)
        return type(error).__name__ + ": " + UUID.sub("UUID", text)


def test_ovsdbapp_does_what_it_does_to_the_reference():
    """Every call gives the same, errors too, and the databases (what the daemons write there as well) are the same."""
    tables = {"Bridge": "name datapath_type fail_mode external_ids other_config", "Controller": "target", "Mirror": "name", "QoS": "type other_config",
              "Port": "name tag trunks external_ids other_config", "Interface": "name type ofport ofport_request error admin_state external_ids", "Manager": "target"}
    said_by, left = [], []
    for kind in (Reference, Switch):
        switch = kind(None, "--enable-dummy", "--disable-system")
        try:
            idl = connection.OvsdbIdl.from_server(f"unix:{switch.dir}/db.sock", "Open_vSwitch")
            own = type("Api", (impl_idl.OvsdbIdl,), {"_ovsdb_connection": None})  # a class has one connection
            api = own(connection.Connection(idl, timeout=20))
            said_by.append([])
            for call in CALLS:
                said_by[-1].append(said(api, call))
                switch.vsctl("init")  # waits until the daemon has done what was asked for
            api.ovsdb_connection.stop()
            left.append({table: sorted(switch.vsctl(f"-f csv --no-headings --columns={columns.replace(' ', ',')} list {table}").stdout.splitlines())
                         for table, columns in tables.items()})
        finally:
            switch.close()
    assert len(said_by[0]) == len(said_by[1]) == len(CALLS)
    assert said_by[0] == said_by[1]
    assert any("p3" in answer for answer in said_by[0]) and sum(answer.startswith(("RowNotFound", "RuntimeError")) for answer in said_by[0]) >= 8
    assert left[0] == left[1] and left[0]["Port"]
