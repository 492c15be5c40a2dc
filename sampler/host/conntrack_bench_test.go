package host

import (
	"encoding/binary"
	"errors"
	"flag"
	"testing"

	"golang.org/x/sys/unix"

	"sockview/model"
)

var benchFlows = flag.Int("flows", 20_000, "flows that BenchmarkFlows makes")

// addFlows puts n connections into the table of the thread's namespace (IPCTNL_MSG_CT_NEW).
func addFlows(t testing.TB, n int) {
	t.Helper()
	k, err := openNetfilter()
	must(t, "open nfnetlink", err)
	defer k.Close()
	f := flows()[0]
	for i := range n {
		f.Original.Src = addr4(10, byte(i>>16), byte(i>>8), byte(i))
		f.Reply.Dst = f.Original.Src
		f.Reply.Src, f.Reply.SrcPort = f.Original.Dst, f.Original.DstPort
		body := []byte{unix.AF_INET, 0, 0, 0}
		for _, attr := range [][]byte{
			tupleAttr(ctaTupleOrig, &f, &f.Original), tupleAttr(ctaTupleReply, &f, &f.Reply), nla32(ctaTimeout, 600),
			nla32(ctaStatus, 0xe), nest(ctaProtoInfo, nest(ctaProtoInfoTCP, nla(ctaState, 3))),
		} {
			body = append(body, attr...)
		}
		must(t, "send", k.Send(nlmsg(ctNew, unix.NLM_F_REQUEST|unix.NLM_F_CREATE|unix.NLM_F_ACK, uint32(i), body)))
		ack := make([]byte, 4096)
		size, err := k.Receive(ack)
		must(t, "receive", err)
		if errno := int32(binary.NativeEndian.Uint32(ack[unix.NLMSG_HDRLEN:size])); errno != 0 {
			t.Fatalf("flow %d: %v", i, unix.Errno(-errno))
		}
	}
}

func TestKernelManyFlows(t *testing.T) {
	h := enterNamespace(t)
	if !hasConntrack(h.dir) {
		t.Skip("needs a kernel with connection tracking")
	}
	const n = 3000
	addFlows(t, n)
	for range 2 {
		all, whole, err := h.Flows()
		if err != nil || !whole || len(all) != n {
			t.Fatalf("%d flows, %v", len(all), err)
		}
		seen := map[model.Addr]bool{}
		for i := range all {
			f := &all[i]
			if f.StateName() != "ESTABLISHED" || f.Timeout > 600 || f.Timeout < 500 || f.Original.DstPort != 8080 {
				t.Fatalf("%+v", f)
			}
			seen[f.Original.Src] = true
		}
		if len(seen) != n {
			t.Fatalf("%d different of %d", len(seen), n)
		}
	}
}

// BenchmarkFlows dumps a namespace full of flows: as a sampler does, and receiving the same without parsing
// it, which is what the kernel takes.
func BenchmarkFlows(b *testing.B) {
	h := enterNamespace(b)
	if !hasConntrack(h.dir) {
		b.Skip("needs a kernel with connection tracking")
	}
	addFlows(b, *benchFlows)
	if _, _, err := h.Flows(); err != nil { // opens the socket in this namespace: a sub-benchmark runs on another thread
		b.Fatal(err)
	}
	b.Run("parsed", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if all, whole, err := h.Flows(); err != nil || !whole || len(all) != *benchFlows {
				b.Fatalf("%d flows, %v", len(all), err)
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(*benchFlows), "ns/flow")
	})
	b.Run("received", func(b *testing.B) {
		b.ReportAllocs()
		c := &h.conntrack
		for b.Loop() {
			if err := c.send(); err != nil {
				b.Fatal(err)
			}
			for end := false; !end; {
				n, err := c.wire.Receive(c.buf)
				if err != nil && !errors.Is(err, unix.EINTR) {
					b.Fatal(err)
				}
				end = n >= 6 && binary.NativeEndian.Uint16(c.buf[4:]) == unix.NLMSG_DONE
			}
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(*benchFlows), "ns/flow")
	})
}

func BenchmarkParseFlow(b *testing.B) {
	all := flows()
	body := flowBody(&all[0])
	b.ReportAllocs()
	for b.Loop() {
		var f model.Flow
		if err := parseFlow(&f, body); err != nil {
			b.Fatal(err)
		}
	}
}
