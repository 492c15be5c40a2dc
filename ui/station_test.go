package ui

// A host whose other tables are looked at too: a router with containers behind it. What it has of unix sockets,
// interfaces, routes, counters, groups and tracked connections goes through the real rolls and the real tracker, and
// only into the snapshots of who asked for it.

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"sockview/keymap"
	"sockview/model"
)

// station is the server with all its tables.
type station struct {
	*world
	want func() model.Tables // what is asked for

	unix       []model.UnixSocket
	links      []model.Link
	routes     []model.Route
	statistics []model.Statistic
	groups     []model.Membership
	flows      []model.Flow
	sources    []model.Source // of the tables

	linkRoll      *model.Roll[model.Link]
	routeRoll     *model.Roll[model.Route]
	statisticRoll *model.Roll[model.Statistic]
	groupRoll     *model.Roll[model.Membership]
	flowRoll      *model.Roll[model.Flow]
}

// everything is asked for.
func everything() model.Tables {
	return model.TableSockets | model.TableUnix | model.TableLinks | model.TableRoutes | model.TableStatistics |
		model.TableGroups | model.TableFlows
}

func addr(text string) model.Addr { return model.AddrFrom(netip.MustParseAddr(text)) }

func newStation(want func() model.Tables) *station {
	n := &station{
		world: server(), want: want,
		linkRoll: model.NewLinks(), routeRoll: model.NewRoutes(), statisticRoll: model.NewStatistics(),
		groupRoll: model.NewMemberships(), flowRoll: model.NewFlows(),
	}
	n.unix, n.links, n.routes = unixSockets(), links(), routes()
	n.statistics, n.groups, n.flows = statistics(), memberships(), flows()
	for _, h := range []struct {
		inode uint32
		pid   int32
	}{{5001, 940}, {5002, 1203}, {5002, 1204}, {5003, 1203}, {5004, 940}, {5005, 877}, {5006, 1}} {
		n.holds = append(n.holds, model.Hold{Inode: h.inode, ProcessID: model.ProcessID{PID: h.pid, Start: uint64(h.pid) * 10}})
	}
	n.look = func() {
		if n.want()&model.TableUnix != 0 {
			parts := make([]model.Part[model.UnixSocket], max(1, len(n.spaces)))
			for i := range parts {
				parts[i] = model.Part[model.UnixSocket]{NetNS: uint16(i), Whole: true}
			}
			for _, r := range n.unix {
				if int(r.NetNS) >= len(parts) {
					continue // its namespace is not there
				}
				parts[r.NetNS].Rows = append(parts[r.NetNS].Rows, r)
			}
			n.tracker.SeeUnix(parts, int64(time.Second))
		} else {
			n.tracker.ForgetUnix()
		}
	}
	access := n.dress
	n.dress = func(s *model.Snapshot) {
		access(s)
		s.Tables = n.want()
		s.Sources = append(s.Sources, n.sources...)
		s.Links = fold(n, n.linkRoll, n.links, model.TableLinks)
		s.Routes = fold(n, n.routeRoll, n.routes, model.TableRoutes)
		s.Statistics = fold(n, n.statisticRoll, n.statistics, model.TableStatistics)
		s.Groups = fold(n, n.groupRoll, n.groups, model.TableGroups)
		s.Flows = fold(n, n.flowRoll, n.flows, model.TableFlows)
	}
	return n
}

// fold is a look at a table, when it is asked for.
func fold[R any](n *station, roll *model.Roll[R], look []R, table model.Tables) []R {
	if n.want()&table == 0 {
		roll.Forget()
		return nil
	}
	roll.Fold([]model.Part[R]{{Rows: look, Whole: true, At: n.now}}, n.now, int64(time.Second))
	return slices.Clone(roll.Rows())
}

func unixSockets() []model.UnixSocket {
	row := func(n uint32, typ model.UnixType, state model.UnixState, path string, peer uint32) model.UnixSocket {
		return model.UnixSocket{
			Cookie: uint64(n) + 0x7000, Inode: n, PeerInode: peer, Path: model.SafeText(path), Type: typ, State: state,
			References: 2, HasQueues: true, HasUID: true,
		}
	}
	db := row(5001, model.UnixStream, model.UnixListening, "/run/postgresql/.s.PGSQL.5432", 0)
	db.RecvQ, db.SendQ, db.UID = 1, 200, 110
	client := row(5003, model.UnixStream, model.UnixConnected, "", 5004)
	client.UID, client.SendQ, client.References = 33, 1280, 3
	served := row(5004, model.UnixStream, model.UnixConnected, "/run/postgresql/.s.PGSQL.5432", 5003)
	served.UID, served.RecvQ, served.References = 110, 412, 3
	waits := row(0, model.UnixStream, model.UnixConnecting, "/run/postgresql/.s.PGSQL.5432", 5009)
	waits.Cookie, waits.HasUID = 0, false
	return []model.UnixSocket{
		db, row(5002, model.UnixSeqPacket, model.UnixListening, "@/nginx/control", 0), client, served,
		row(5005, model.UnixDatagram, model.UnixUnconnected, "/run/systemd/notify", 0), waits,
		row(5006, model.UnixDatagram, model.UnixConnected, "", 5005),
		row(5007, model.UnixStream, model.UnixConnected, "/run/dbus/system_bus_socket", 5008), // nobody's we may see
	}
}

func links() []model.Link {
	link := func(index uint32, name string, flags uint32, state string, addrs ...model.LinkAddr) model.Link {
		return model.Link{
			Index: index, Name: model.SafeText(name), MTU: 1500, QueueLength: 1000, Flags: flags, Hardware: 1,
			State: model.SafeText(state), Addrs: addrs, HasCounters: true,
		}
	}
	inet := func(text string, scope uint8) model.LinkAddr {
		p := netip.MustParsePrefix(text)
		a := model.LinkAddr{Addr: model.AddrFrom(p.Addr()), Prefix: uint8(p.Bits()), Family: model.IPv4, Scope: scope}
		if p.Addr().Is6() {
			a.Family = model.IPv6
		}
		return a
	}
	const up, carrier = 0x1 | 0x2 | 0x1000, 0x40 | 0x10000
	lo := link(1, "lo", 0x1|0x8|carrier, "unknown", inet("127.0.0.1/8", 254), inet("::1/128", 254))
	lo.MTU, lo.Hardware = 65536, 772
	lo.Counters = model.LinkCounters{RxBytes: 8_210_000, TxBytes: 8_210_000, RxPackets: 91_000, TxPackets: 91_000}
	eth := link(2, "eth0", up|carrier, "up", inet("10.0.0.5/24", 0), inet("2001:db8::5/64", 0), inet("fe80::5/64", 253))
	eth.Addrs[0].Bcast, eth.HardwareAddr = addr("10.0.0.255"), model.SafeText("52:54:00:12:34:56")
	eth.Counters = model.LinkCounters{
		RxBytes: 48_230_120_000, TxBytes: 9_120_330_000, RxPackets: 41_000_000, TxPackets: 18_000_000,
		RxDropped: 312, RxErrors: 2, RxCRC: 2, Multicast: 4_410,
	}
	eth.Alias = model.SafeText("uplink")
	down := link(3, "eth1", up, "down")
	bridge := link(4, "br0", up|carrier, "up", inet("172.17.0.1/16", 0))
	bridge.Kind = model.SafeText("bridge")
	veth := link(6, "veth1a2b3c", up|carrier, "up")
	veth.Kind, veth.Master, veth.HasCounters = model.SafeText("veth"), 4, false
	off := link(7, "wg0", 0x10|0x80, "down")
	return []model.Link{lo, eth, down, bridge, veth, off}
}

func routes() []model.Route {
	route := func(to string, table uint32, name, dev string, link uint32, typ model.RouteType, scope uint8, flags uint32) model.Route {
		p := netip.MustParsePrefix(to)
		r := model.Route{
			Dst: model.AddrFrom(p.Addr()), DstLen: uint8(p.Bits()), Family: model.IPv4, Table: table, TableName: model.SafeText(name),
			LinkName: model.SafeText(dev), Link: link, Type: typ, Scope: scope, Flags: flags, Protocol: model.SafeText("kernel"),
			References: -1, Uses: -1,
		}
		if p.Addr().Is6() {
			r.Family, r.Src, r.References, r.Uses = model.IPv6, addr("::"), 1, 12
		}
		return r
	}
	via := func(r model.Route, gateway, protocol string, metric uint32) model.Route {
		r.Gateway, r.HasGateway, r.Protocol, r.Metric = addr(gateway), true, model.SafeText(protocol), metric
		return r
	}
	from := func(r model.Route, source string) model.Route {
		r.PrefSrc, r.HasPrefSrc = addr(source), true
		return r
	}
	vpn := via(route("10.8.0.0/16", 100, "vpn", "eth0", 2, 1, 0, 0x3), "10.0.0.8", "static", 50)
	vpn.MTU, vpn.AdvMSS = 1400, 1360
	return []model.Route{
		from(via(route("0.0.0.0/0", 254, "main", "eth0", 2, 1, 0, 0x3), "10.0.0.1", "dhcp", 100), "10.0.0.5"),
		from(route("10.0.0.0/24", 254, "main", "eth0", 2, 1, 253, 0x1), "10.0.0.5"),
		from(route("172.17.0.0/16", 254, "main", "br0", 4, 1, 253, 0x1), "172.17.0.1"),
		route("192.0.2.0/24", 254, "main", "", 0, 6, 0, 0x201),
		vpn,
		from(route("10.0.0.5/32", 255, "local", "eth0", 2, 2, 254, 0x5), "10.0.0.5"),
		route("10.0.0.255/32", 255, "local", "eth0", 2, 3, 253, 0x5),
		via(route("::/0", 254, "main", "eth0", 2, 1, 0, 0x00450003), "fe80::1", "ra", 1024),
		route("2001:db8::/64", 254, "main", "eth0", 2, 1, 0, 0x1),
		route("2001:db8::5/128", 255, "local", "eth0", 2, 2, 0, 0x80200001),
		route("ff00::/8", 255, "local", "eth0", 2, 5, 0, 0x1),
	}
}

func statistics() []model.Statistic {
	place := int32(0)
	row := func(group, name string, value int64, proto model.Proto, family model.Family) model.Statistic {
		place++
		return model.Statistic{Group: model.SafeText(group), Name: model.SafeText(name), Place: place, Value: value, Proto: proto, Family: family}
	}
	bytes := row("Interfaces", "ReceivedBytes", 48_238_330_000, 0, 0)
	bytes.Bytes = true
	unknown := row("Interfaces", "SentNonUnicast", 0, 0, 0)
	unknown.Why = model.NotGiven
	rows := []model.Statistic{
		bytes, unknown,
		row("Ip", "InReceives", 41_000_120, model.Raw, model.IPv4), row("Icmp", "InErrors", 4, model.Raw, model.IPv4),
		row("Tcp", "ActiveOpens", 8_812, model.TCP, 0), row("Tcp", "CurrEstab", 12, model.TCP, 0), row("Tcp", "RetransSegs", 1_204, model.TCP, 0),
		row("TcpExt", "ListenOverflows", 17, model.TCP, 0), row("TcpExt", "TCPNovelty", 3, model.TCP, 0),
		row("Udp", "InDatagrams", 220_118, model.UDP, model.IPv4), row("Udp", "RcvbufErrors", 9, model.UDP, model.IPv4),
		row("UdpLite", "InDatagrams", 0, model.UDPLite, model.IPv4),
		row("Udp6", "InDatagrams", 8_120, model.UDP, model.IPv6), row("Ip6", "InReceives", 120_044, model.Raw, model.IPv6),
	}
	rows[5].Gauge = true
	return rows
}

func memberships() []model.Membership {
	row := func(link uint32, name, group string, users int32, querier string) model.Membership {
		r := model.Membership{Link: link, LinkName: model.SafeText(name), Users: users, Querier: model.SafeText(querier)}
		switch a, err := netip.ParseAddr(group); {
		case err != nil:
			r.Hardware = model.SafeText(group)
		case a.Is4():
			r.Group, r.Family = model.AddrFrom(a), model.IPv4
		default:
			r.Group, r.Family = model.AddrFrom(a), model.IPv6
		}
		return r
	}
	return []model.Membership{
		row(1, "lo", "224.0.0.1", 1, "V3"), row(1, "lo", "ff02::1", 1, ""),
		row(2, "eth0", "224.0.0.251", 2, "V2"), row(2, "eth0", "224.0.0.1", 1, "V2"),
		row(2, "eth0", "ff02::1:ff00:5", 2, ""), row(2, "eth0", "ff02::fb", 1, ""),
		row(2, "eth0", "01:00:5e:00:00:fb", 1, ""), row(2, "eth0", "33:33:ff:00:00:05", 1, ""),
	}
}

func flows() []model.Flow {
	id := uint32(880)
	flow := func(proto model.Proto, src, dst, replySrc, replyDst string, state model.FlowState, status uint32) model.Flow {
		id++
		end := func(text string) (model.Addr, uint16) {
			p := netip.MustParseAddrPort(text)
			return model.AddrFrom(p.Addr()), p.Port()
		}
		r := model.Flow{ID: id, Proto: proto, Family: model.IPv4, State: state, Status: status, Timeout: 431_990, HasTimeout: true, Use: 1}
		r.Original.Src, r.Original.SrcPort = end(src)
		r.Original.Dst, r.Original.DstPort = end(dst)
		r.Reply.Src, r.Reply.SrcPort = end(replySrc)
		r.Reply.Dst, r.Reply.DstPort = end(replyDst)
		if !r.Original.Src.Is4() {
			r.Family = model.IPv6
		}
		if r.HasState = proto == model.TCP; !r.HasState {
			r.Timeout = 179
		}
		return r
	}
	counted := func(r model.Flow, sent, received uint64) model.Flow {
		r.HasCounters = true
		r.OriginalBytes, r.ReplyBytes, r.OriginalPackets, r.ReplyPackets = sent, received, sent/900+1, received/900+1
		return r
	}
	const answered = model.FlowSeenReply | model.FlowAssured
	ping := flow(1, "172.17.0.2:0", "203.0.113.9:0", "203.0.113.9:0", "10.0.0.5:0", 0, model.FlowSNAT)
	ping.Original.ICMPType, ping.Original.ICMPID, ping.Timeout = 8, 77, 29
	return []model.Flow{
		counted(flow(model.TCP, "172.17.0.2:40112", "198.51.100.7:443", "198.51.100.7:443", "10.0.0.5:40112", 3, answered|model.FlowSNAT), 120_334, 9_120_330),
		counted(flow(model.TCP, "203.0.113.9:51522", "10.0.0.5:8080", "172.17.0.3:80", "203.0.113.9:51522", 3, answered|model.FlowDNAT), 4_100, 48_211),
		flow(model.TCP, "10.0.0.5:41822", "10.0.0.9:5432", "10.0.0.9:5432", "10.0.0.5:41822", 3, answered),
		flow(model.TCP, "192.0.2.61:55012", "10.0.0.5:443", "10.0.0.5:443", "192.0.2.61:55012", 7, answered),
		flow(model.UDP, "172.17.0.2:5353", "10.0.0.53:53", "10.0.0.53:53", "10.0.0.5:5353", 0, model.FlowSNAT),
		flow(model.UDP, "[2001:db8::5]:4500", "[2001:db8::9]:4500", "[2001:db8::9]:4500", "[2001:db8::5]:4500", 0, answered),
		ping,
	}
}

// step is what a second makes of the tables: in each a row that is new, one that changed and one that is gone.
func (n *station) step() *model.Snapshot {
	n.unix = slices.DeleteFunc(n.unix, func(r model.UnixSocket) bool { return r.Inode == 5006 })
	for i := range n.unix {
		if n.unix[i].Inode == 5004 {
			n.unix[i].Shutdown = 1
		}
	}
	n.unix = append(n.unix, model.UnixSocket{
		Cookie: 0x9001, Inode: 5010, Path: model.SafeText("/tmp/.X11-unix/X0"), Type: model.UnixStream, State: model.UnixListening, HasQueues: true,
		HasUID: true, UID: 1000, References: 2, SendQ: 4096,
	})

	n.links = slices.DeleteFunc(n.links, func(r model.Link) bool { return r.Name.String() == "veth1a2b3c" })
	fresh := n.links[0]
	fresh.Index, fresh.Name, fresh.Addrs, fresh.HasCounters = 8, model.SafeText("veth9f8e7d"), nil, false
	fresh.Kind, fresh.State, fresh.MTU = model.SafeText("veth"), model.SafeText("up"), 1500
	n.links = append(n.links, fresh)
	for i := range n.links {
		if n.links[i].Name.String() == "eth1" {
			n.links[i].State = model.SafeText("up")
		}
	}
	n.traffic(1_204_000, 88_000)

	n.routes = slices.DeleteFunc(n.routes, func(r model.Route) bool { return r.TableName.String() == "vpn" })
	n.routes[1].Protocol = model.SafeText("static")
	fresher := n.routes[0]
	fresher.Metric, fresher.Gateway = 600, addr("10.0.0.2")
	n.routes = append(n.routes, fresher)

	for i := range n.statistics {
		switch n.statistics[i].Name.String() {
		case "ReceivedBytes":
			n.statistics[i].Value += 1_310_000
		case "RetransSegs":
			n.statistics[i].Value += 3
		case "CurrEstab":
			n.statistics[i].Value--
		case "ListenOverflows":
			n.statistics[i].Value += 2
		}
	}

	n.groups = slices.DeleteFunc(n.groups, func(r model.Membership) bool { return r.Hardware.String() == "01:00:5e:00:00:fb" })
	n.groups[2].Users = 3
	joined := n.groups[3]
	joined.Group, joined.Sources = addr("239.1.2.3"), 2
	n.groups = append(n.groups, joined)

	n.flows = slices.DeleteFunc(n.flows, func(r model.Flow) bool { return r.Original.SrcPort == 55012 })
	n.flows[0].OriginalBytes += 5_000
	n.flows[0].ReplyBytes += 1_200_000
	n.flows[2].State = 4
	opened := n.flows[0]
	opened.ID, opened.State, opened.Status = 999, 1, model.FlowSNAT
	opened.Original.SrcPort, opened.Reply.DstPort, opened.Timeout = 40113, 40113, 119
	opened.OriginalBytes, opened.OriginalPackets, opened.ReplyBytes, opened.ReplyPackets = 60, 1, 0, 0
	n.flows = append(n.flows, opened)
	return n.work()
}

// traffic passes over eth0.
func (n *station) traffic(received, sent uint64) {
	for i := range n.links {
		if c := &n.links[i].Counters; n.links[i].Name.String() == "eth0" {
			c.RxBytes, c.TxBytes = c.RxBytes+received, c.TxBytes+sent
			c.RxPackets, c.TxPackets = c.RxPackets+received/1400, c.TxPackets+sent/900
		}
	}
}

// looked starts the App on a station, with change, goes to a screen by its key and lets some seconds pass there.
func looked(t *testing.T, width, height int, key string, change func(*Config)) (*harness, *station) {
	t.Helper()
	h := start(t, width, height, change)
	n := newStation(func() model.Tables { return h.source.wanted().Tables })
	h.feed(n.snapshot(0))
	n.visit(h, key)
	return h, n
}

// visit goes to a screen by its key and lets some seconds pass there.
func (n *station) visit(h *harness, key string) {
	h.press(keymap.Key(key))
	for _, bytes := range []uint64{20_000, 410_000, 90_000} {
		n.traffic(bytes, bytes/4)
		h.feed(n.snapshot(time.Second))
	}
	h.feed(n.step())
}
